"""Whether a board still shows what is: one short signature a nurse, all of them in one query.

A row's `xmin` is the transaction that last wrote it and its `ctid` the place it was written to, so every change
counts, whoever made it and however: no column has to be remembered. A time kept for somebody leaves the signature
when it runs out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from django.db import connection
from django.utils import timezone

from nurses.models import Nurse, Shift, TimeOff
from patients.models import Patient
from scheduling.models import SlotHold, Visit
from scheduling.readings.board import bounds

# One row a nurse. The parts are strings of "row.version", in the order of the rows.
SIGNATURES = f"""
SELECT n.id, left(md5(concat_ws('/', n.xmin, n.ctid, v.sig, h.sig, t.sig, s.sig)), 12)
FROM {Nurse._meta.db_table} n
LEFT JOIN (
    SELECT v.nurse_id, string_agg(concat_ws('.', v.id, v.xmin, v.ctid, p.xmin, p.ctid), ' ' ORDER BY v.id) AS sig
    FROM {Visit._meta.db_table} v JOIN {Patient._meta.db_table} p ON p.id = v.patient_id
    WHERE v.starts_at >= %(first)s AND v.starts_at < %(last)s GROUP BY v.nurse_id
) v ON v.nurse_id = n.id
LEFT JOIN (
    SELECT nurse_id, string_agg(concat_ws('.', id, xmin, ctid), ' ' ORDER BY id) AS sig
    FROM {SlotHold._meta.db_table}
    WHERE released_at IS NULL AND expires_at > %(now)s AND starts_at >= %(first)s AND starts_at < %(last)s
    GROUP BY nurse_id
) h ON h.nurse_id = n.id
LEFT JOIN (
    SELECT nurse_id, string_agg(concat_ws('.', id, xmin, ctid), ' ' ORDER BY id) AS sig
    FROM {TimeOff._meta.db_table} WHERE starts_at < %(last)s AND ends_at > %(first)s GROUP BY nurse_id
) t ON t.nurse_id = n.id
LEFT JOIN (
    SELECT nurse_id, string_agg(concat_ws('.', id, xmin, ctid), ' ' ORDER BY id) AS sig
    FROM {Shift._meta.db_table} GROUP BY nurse_id
) s ON s.nurse_id = n.id
ORDER BY n.id
"""  # noqa: S608  (the names of our own tables)


@dataclass(frozen=True)
class State:
    """A signature by nurse, and one of all of them with the now line: the version of the page."""

    rows: dict[int, str]
    version: str


def state(days: Sequence[date], *, now_column: int | None = None, now: datetime | None = None) -> State:
    """The board of these days (of the agency's zone) as it is now. One query, however many nurses and visits."""
    first, last = bounds(days)
    with connection.cursor() as cursor:
        cursor.execute(SIGNATURES, {"first": first, "last": last, "now": now or timezone.now()})
        rows = dict(cursor.fetchall())
    digest = sha256(repr((sorted(rows.items()), now_column)).encode())
    return State(rows, digest.hexdigest()[:24])
