"""Visits that are one visit to whoever was told of it: a row that was moved, or put back, and what took its place."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

_CHAINS = """WITH RECURSIVE back (leaf, id, moved_from_id, created_at, depth) AS (
    SELECT id, id, moved_from_id, created_at, 0 FROM scheduling_visit WHERE id = ANY(%s)
    UNION ALL
    SELECT back.leaf, visit.id, visit.moved_from_id, visit.created_at, back.depth + 1 FROM scheduling_visit visit
    JOIN back ON visit.id = back.moved_from_id)
    SELECT leaf, id, depth, created_at FROM back WHERE moved_from_id IS NULL"""


class Link(NamedTuple):
    """Where a visit stands in its chain: the first row of it, the number of rows before, when it was first booked."""

    root: int
    depth: int
    first_at: datetime


def of(visit_ids: Iterable[int]) -> dict[int, Link]:
    """Visit -> its place in its chain. One query, however long the chains."""
    ids = list(visit_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_CHAINS, [ids])
        return {leaf: Link(root, depth, first_at) for leaf, root, depth, first_at in cursor.fetchall()}
