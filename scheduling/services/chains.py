"""Visits that are one visit to whoever was told of it: a row that was moved, or put back, and what took its place."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

_ROOTS = """WITH RECURSIVE back (leaf, id, moved_from_id) AS (
    SELECT id, id, moved_from_id FROM scheduling_visit WHERE id = ANY(%s)
    UNION ALL
    SELECT back.leaf, visit.id, visit.moved_from_id FROM scheduling_visit visit
    JOIN back ON visit.id = back.moved_from_id)
    SELECT leaf, id FROM back WHERE moved_from_id IS NULL"""


def roots(visit_ids: Iterable[int]) -> dict[int, int]:
    """Visit -> the first visit of its chain, itself when it was never moved. One query, however long the chains."""
    ids = list(visit_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ROOTS, [ids])
        return dict(cursor.fetchall())
