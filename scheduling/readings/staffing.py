"""The nurses as a search needs them: what rarely changes kept in the process, what changes all day read each time.

One statement reads the visits, the slots held, the time off, and a mark of everything else about the nurses. The
mark is a sum of hashes of row versions: where each lies and which transaction wrote it (`ctid`, `xmin`). PostgreSQL
never writes into a row version, so the mark differs when any row of nurses, licences, competencies or shifts was
added, changed or removed, by whichever process, and never comes back; then the rows are read again.
Rows are packed into one value: fifteen hundred of them as objects would cost more than the search.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from nurses.models import Competency, Licence, Nurse, Shift, TimeOff
from patients.models import Patient
from scheduling import selectors
from scheduling.models import PinnedPair, PlannedDose, SlotHold, Visit
from scheduling.planning.crew import Crew, Flags, Ints, crew
from scheduling.planning.facts import NurseFacts
from scheduling.planning.team import Busy
from scheduling.rules import states
from scheduling.rules.eligibility import NO_PAIRS, CompetencyFact, LicenceFact, Pairs, ShiftFact
from scheduling.services import pairs_on_file

LONGEST = timedelta(days=2)  # no visit lasts this long; it lets the index on starts find those under way
EPOCH = 946_684_800  # PostgreSQL counts from 2000
MICRO = 1_000_000
STOP = np.dtype(
    [("nurse", ">i8"), ("patient", ">i8"), ("starts", ">i8"), ("ends", ">i8"), ("place", ">f8", 2)]
)
AWAY = np.dtype([("nurse", ">i8"), ("starts", ">i8"), ("ends", ">i8")])

_STOPS = """SELECT string_agg(int8send(x.nurse_id) || int8send(x.patient_id) || timestamptz_send(x.starts_at)
    || timestamptz_send(x.ends_at) || float8send(p.latitude) || float8send(p.longitude), ''::bytea)
    FROM {table} x JOIN {patients} p ON p.id = x.patient_id
    WHERE x.starts_at >= %(least)s AND x.starts_at < %(last)s AND x.ends_at > %(first)s AND {more}
    AND (x.nurse_id IN (SELECT unnest(%(nurses)s::bigint[])) OR x.patient_id = %(patient)s)"""
_AWAY = """SELECT string_agg(int8send(x.nurse_id) || timestamptz_send(x.starts_at) || timestamptz_send(x.ends_at),
    ''::bytea) FROM {table} x
    WHERE x.withdrawn_at IS NULL AND x.starts_at < %(last)s AND x.ends_at > %(first)s"""
_HOLDING = "x.state = ANY(%(holding)s) AND x.id <> %(without)s"
_STANDING = "x.released_at IS NULL AND x.expires_at > %(now)s AND x.held_by_id IS DISTINCT FROM %(by)s"
_BEFORE = """SELECT json_object_agg(y.nurse_id, y.n) FROM (SELECT x.nurse_id, count(*) AS n FROM {table} x
    WHERE x.patient_id = %(patient)s AND x.state = 'completed' GROUP BY x.nurse_id) y"""
_PAIRS = """SELECT json_object_agg(x.nurse_id, x.kind) FROM {table} x
    WHERE x.patient_id = %(patient)s AND x.withdrawn_at IS NULL"""
_HELD = "SELECT min(x.id) FROM {table} x WHERE x.dose_id = ANY(%(doses)s) AND {standing}"
_MARK = "SELECT sum(hashtidextended(x.ctid, x.xmin::text::bigint)) FROM {table} x"


@dataclass(frozen=True)
class Staff:
    """The active nurses: names as staff list them, and what rarely changes."""

    crew: Crew
    names: Mapping[int, str]


@dataclass(frozen=True)
class Reading:
    """The nurses over a stretch of time. `patient_spans`: what the patient asked about has then, in seconds."""

    staff: Staff
    busy: Busy
    patient_spans: tuple[tuple[int, int], ...]
    visits_before: Mapping[int, int]  # nurse -> visits of the patient she has completed
    held: int | None  # a hold of somebody else on a dose asked about
    pairs: Pairs = NO_PAIRS  # of the patient


@dataclass(frozen=True)
class Papers:
    """What a nurse has to have: who has it on none of `days` of the home is not read."""

    state: str
    needs: Sequence[str]
    days: Sequence[date]


def read(
    user: selectors.Viewer,
    patient_id: int,
    first: datetime,
    last: datetime,
    *,
    now: datetime,
    papers: Papers | None = None,
    without: Visit | None = None,
    doses: Iterable[PlannedDose] = (),
) -> Reading:
    """What touches `[first, last)`, in one query while the nurses stay as they are, in six when they changed.

    `without` leaves a visit out; `doses` asks for holds on them too. Slots held count unless `user` holds them.
    """
    asked = {
        "first": first, "last": last, "least": first - LONGEST, "now": now, "by": user.pk, "patient": patient_id,
        "without": without.pk if without else 0, "doses": [dose.pk for dose in doses],
        "holding": sorted(states.HOLDING),
    }  # fmt: skip
    kept = _kept if selectors.may_write(user) else None
    row = _read(asked, kept.staff if kept else None, papers)
    if kept is None or kept.mark != row.mark:
        kept = _read_again(user, row.mark)
        row = _read(asked, kept.staff, papers)
    visits, holds = _unpacked(row.visits, STOP), _unpacked(row.holds, STOP)
    return Reading(
        staff=kept.staff,
        busy=_busy(kept.staff.crew, visits, holds, _unpacked(row.away, AWAY)),
        patient_spans=tuple(span for stops in (visits, holds) for span in _spans(stops, patient_id)),
        visits_before={int(nurse): many for nurse, many in (row.before or {}).items()},
        held=row.held,
        pairs=pairs_on_file.of_kinds((int(nurse), kind) for nurse, kind in (row.pairs or {}).items()),
    )


class _Row(NamedTuple):
    """What the statement answers."""

    visits: Any
    holds: Any
    away: Any
    before: Any
    held: int | None
    pairs: Any
    mark: tuple[Any, ...]


def _read(asked: Mapping[str, Any], staff: Staff | None, papers: Papers | None) -> _Row:
    """For the nurses of `staff` who have the papers; without them only the patient's own and the mark."""
    nurses: list[int] = []
    if staff is not None:
        known = staff.crew
        able = known.able(papers.state, papers.needs, papers.days) if papers else known.keys
        nurses = able.tolist()
    with connection.cursor() as cursor:
        cursor.execute(_statement(), {**asked, "nurses": nurses})
        visits, holds, away, before, held, pairs, *mark = cursor.fetchone()
    return _Row(visits, holds, away, before, held, pairs, (connection.settings_dict["NAME"], *mark))


@cache
def _statement() -> str:
    """One row: visits, holds, time off, visits before, a hold on the dose, pairs, marks. Only our names go in."""
    table = {model: model._meta.db_table for model in (Visit, SlotHold, TimeOff, Patient, PinnedPair)}
    patients = table[Patient]
    parts = [
        _STOPS.format(table=table[Visit], patients=patients, more=_HOLDING),
        _STOPS.format(table=table[SlotHold], patients=patients, more=_STANDING),
        _AWAY.format(table=table[TimeOff]),
        _BEFORE.format(table=table[Visit]),
        _HELD.format(table=table[SlotHold], standing=_STANDING),
        _PAIRS.format(table=table[PinnedPair]),
        *(_MARK.format(table=model._meta.db_table) for model in (Nurse, Licence, Competency, Shift)),
    ]
    return "SELECT " + ", ".join(f"({part})" for part in parts)


def _unpacked(blob: Any, kind: np.dtype) -> np.ndarray:
    return np.frombuffer(blob or b"", kind)


def _busy(known: Crew, visits: np.ndarray, holds: np.ndarray, away: np.ndarray) -> Busy:
    """Only what concerns active nurses. Seconds are rounded outwards; a held slot uses up no minutes of the day."""
    stops = np.concatenate([visits, holds])
    row, here = known.rows(stops["nurse"].astype(np.int64))
    minutes = (stops["ends"] - stops["starts"]) // (60 * MICRO)
    minutes[len(visits) :] = 0
    gone, there = known.rows(away["nurse"].astype(np.int64))
    return Busy(
        stop_nurse=row[here],
        stop_from=_floor(stops["starts"][here]),
        stop_to=_ceil(stops["ends"][here]),
        stop_minutes=minutes[here].astype(np.int64),
        stop_place=stops["place"][here].astype(np.float64),
        away_nurse=gone[there],
        away_from=_floor(away["starts"][there]),
        away_to=_ceil(away["ends"][there]),
    )


def _spans(stops: np.ndarray, patient_id: int) -> list[tuple[int, int]]:
    own: Flags = stops["patient"] == patient_id
    return list(zip(_floor(stops["starts"][own]).tolist(), _ceil(stops["ends"][own]).tolist(), strict=True))


def _floor(micros: np.ndarray) -> Ints:
    return (micros // MICRO + EPOCH).astype(np.int64)


def _ceil(micros: np.ndarray) -> Ints:
    return (-(-micros // MICRO) + EPOCH).astype(np.int64)


# --- What rarely changes -----------------------------------------------------------------------


class _Kept(NamedTuple):
    mark: tuple[Any, ...]
    staff: Staff


_kept: _Kept | None = None  # the last the office was shown; replaced as a whole


def _read_again(user: selectors.Viewer, mark: tuple[Any, ...]) -> _Kept:
    """The nurses the user may see, read after the mark they are kept under, never before: nothing stale outlives it."""
    global _kept
    fresh = _Kept(mark, staff_of(selectors.nurses_for(user)))
    if selectors.may_write(user):
        _kept = fresh
    return fresh


def staff_of(nurses: QuerySet[Nurse]) -> Staff:
    """The active ones among `nurses`: four queries."""
    active = nurses.filter(active=True).order_by()
    rows, ids = list(active), active.values("pk")
    papers: dict[str, dict[int, list[Any]]] = {
        name: defaultdict(list) for name in ("licences", "competencies", "shifts")
    }
    for name, model, fact, fields in SOURCES:
        for nurse, *row in model.objects.filter(nurse__in=ids).order_by("pk").values_list("nurse", *fields):
            papers[name][nurse].append(fact(*row))
    facts = (
        NurseFacts(
            key=nurse.pk,
            home=nurse.place,
            zone=ZoneInfo(nurse.time_zone),
            day_limit_minutes=nurse.day_limit_minutes,
            time_off=(),
            stops=(),
            **{name: tuple(held[nurse.pk]) for name, held in papers.items()},
        )
        for nurse in rows
    )
    return Staff(crew(facts), {nurse.pk: nurse.listed_name for nurse in rows})


SOURCES: tuple[tuple[str, Any, Any, tuple[str, ...]], ...] = (
    ("licences", Licence, LicenceFact, ("state", "multistate", "issued_on", "expires_on")),
    ("competencies", Competency, CompetencyFact, ("code", "granted_on", "expires_on")),
    (
        "shifts", Shift, ShiftFact,
        ("weekday", "starts", "ends", "from_on", "until_on", "break_starts", "break_ends"),
    ),
)  # fmt: skip
