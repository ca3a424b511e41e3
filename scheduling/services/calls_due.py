"""Calls the calendar and the ledger owe, found by the periodic task: shipments, unanswered questions, the untold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from patients.models import Evidence, Patient, Prescription
from scheduling import clock
from scheduling.models import Call, HealthScreen, Notice, PlannedDose, SupplyStep, Visit
from scheduling.rules import cadence, gate_states, states
from scheduling.rules import calls as rules
from scheduling.services import alerts, call_rows, doses, events, sendable
from scheduling.services.gate_files import SCREEN
from scheduling.services.guard import writes

SHIP_AHEAD, SHIP_CALL = timedelta(days=14), timedelta(days=10)
TELL_AHEAD = timedelta(days=14)
SCREEN_AHEAD = timedelta(hours=50)  # tomorrow, in any zone and on the longest day
NOT_UNDER_WAY = (SupplyStep.Step.ORDERED, SupplyStep.Step.REJECTED)
TELLS = (Notice.Kind.BOOKED, Notice.Kind.MOVED, Notice.Kind.CANCELLED)
NOT_GONE = (Notice.State.FAILED, Notice.State.EXPIRED)
MAY_REACH = (
    Notice.State.PLANNED, Notice.State.CLAIMED, Notice.State.SENT, Notice.State.DELIVERED, Notice.State.UNKNOWN,
)  # fmt: skip
# Reasons of a suppressed message that leave the patient without the news.
UNREACHED = (*sendable.UNREACHED, *cadence.CAPS)

log = logging.getLogger(__name__)


def keep_up(now: datetime | None = None) -> int:
    """Owe what the calendar owes by now and take back what it does not; returns how many calls changed.

    For the periodic task, any number of times: each call is owed once. One row that fails does not keep the others.
    """
    now = now or timezone.now()
    return owe_shipments(now) + owe_unanswered(now) + owe_untold(now) + expire(now)


def _each(rows: Iterable[Any], write: Callable[[Any, datetime], bool], now: datetime) -> int:
    """Each row in a transaction of its own; how many changed something."""
    count = 0
    for row in rows:
        try:
            count += write(row, now)
        except DatabaseError:
            raise
        except Exception as error:
            log.error(
                "a call for %s %s could not be owed: %s", type(row).__name__, row.pk, type(error).__name__
            )
    return count


def owe_shipments(now: datetime) -> int:
    """A call ten days before the visit (or the due day) of a dose whose drug is not on its way.

    One a course of days in a row; none for a drug that is given at a facility. Taken back when it ships, is given,
    held or moved out of reach.
    """
    wanted = {dose.pk: dose for dose in _to_ship(now)}
    owed = Call.objects.filter(kind=Call.Kind.SHIPMENT, state=Call.State.OWED)
    count = call_rows.take_back(
        owed.exclude(dose__in=wanted), "the drug need not be asked about any more", now
    )
    standing = {call.dose_id: call for call in Call.objects.filter(kind=Call.Kind.SHIPMENT, dose__in=wanted)}
    missing = [dose for pk, dose in wanted.items() if _missing(standing.get(pk), _ship_day(dose, now))]
    return count + _each(missing, _owe_shipment, now)


def _missing(call: Call | None, day: date) -> bool:
    """Not owed yet, taken back, or on another day than the visit's while nobody tried."""
    if call is None or call.state == Call.State.MOOT:
        return True
    return call.state == Call.State.OWED and not call.tries and call.last_on != day


def _to_ship(now: datetime) -> list[PlannedDose]:
    """Doses of running orders of people at home, given within two weeks, whose drug is not on its way."""
    soon = now.date() + SHIP_AHEAD + timedelta(days=1)
    newest = SupplyStep.objects.filter(dose=OuterRef("pk"), withdrawn_at__isnull=True).order_by("-on", "-pk")
    visits = Visit.objects.filter(
        state__in=states.OPEN, starts_at__gt=now, starts_at__lt=now + SHIP_AHEAD + timedelta(days=1)
    )
    found = (
        PlannedDose.objects.filter(
            Q(pk__in=visits.values("dose")) | Q(due_on__gte=now.date(), due_on__lte=soon),
            state=PlannedDose.State.PLANNED,
            prescription__status=Prescription.Status.ACTIVE,
            prescription__patient__status=Patient.Status.ACTIVE,
        )
        .annotate(step=newest.values("step")[:1])
        .filter(Q(step__isnull=True) | Q(step__in=NOT_UNDER_WAY))
        .select_related("prescription__patient")
        .order_by("prescription_id", "number")
    )
    booked = {visit.dose_id: visit for visit in Visit.objects.filter(dose__in=found, state__in=states.OPEN)}
    kept = []
    for dose in found:
        dose.booked = booked.get(dose.pk)  # its open visit, for _ship_day
        regimen = doses.regimen_of(dose.prescription)
        today = clock.today_in(dose.prescription.patient.time_zone, now)
        if (
            "SITE_NOT_HOME" in regimen.site_of_care.flags
            or not today <= _ship_day(dose, now) <= today + SHIP_AHEAD
        ):
            continue
        if dose.number > 1 and regimen.goes_on_next_day(dose.number - 1):
            continue
        kept.append(dose)
    return kept


def _ship_day(dose: PlannedDose, now: datetime) -> date:
    """The local day the drug must be there: the visit's, else the due day."""
    visit: Visit | None = dose.booked
    return clock.local_day(visit.starts_at, visit.time_zone) if visit else dose.due_on


@writes
def _owe_shipment(dose: PlannedDose, now: datetime) -> bool:
    patient, day = dose.prescription.patient, _ship_day(dose, now)
    due_on = max(day - SHIP_CALL, clock.today_in(patient.time_zone, now))
    call = call_rows.owe(
        patient=patient,
        kind=Call.Kind.SHIPMENT,
        about=f"dose {dose.pk}",
        due_on=due_on,
        last_on=day,
        dose=dose,
        prescription=dose.prescription,
        reason="The drug is not on its way yet.",
        now=now,
    )
    if call.last_on != day and not call.tries:
        call.due_on, call.last_on = due_on, day
        call.save(update_fields=["due_on", "last_on", "changed_at"])
        call_rows.reopen(call, call_rows.first_try(call.kind, due_on, patient, now))
    return True


def owe_unanswered(now: datetime) -> int:
    """A call the day before an infusion whose health questions nobody answered; taken back once they are."""
    visits = Visit.objects.filter(
        kind=Visit.Kind.INFUSION,
        state__in=states.OPEN,
        starts_at__gt=now,
        starts_at__lt=now + SCREEN_AHEAD,
        patient__status=Patient.Status.ACTIVE,
    ).select_related("patient")
    tomorrow = [visit for visit in visits if visit_day(visit) <= _today(visit, now) + timedelta(days=1)]
    answered = _answered(tomorrow)
    owed = Call.objects.filter(kind=Call.Kind.SCREEN, state=Call.State.OWED)
    over = ~Q(visit__state__in=states.OPEN) | Q(visit__starts_at__lte=now)
    count = call_rows.take_back(owed.filter(visit__in=answered), "the questions are answered", now)
    count += call_rows.take_back(owed.filter(over), "the visit is over, moved or cancelled", now)
    standing = set(
        Call.objects.filter(kind=Call.Kind.SCREEN, visit__in=tomorrow)
        .exclude(state=Call.State.MOOT, settled_why=call_rows.AWAY)
        .values_list("about", flat=True)
    )
    silent = [v for v in tomorrow if v.pk not in answered and about_visit(v) not in standing]
    return count + _each(silent, _owe_screen, now)


def about_visit(visit: Visit) -> str:
    """The visit and its version, as `Call.about` names it."""
    return f"visit {visit.pk} v{visit.version}"


def visit_day(visit: Visit) -> date:
    """The day of the visit on the wall of the home."""
    return clock.local_day(visit.starts_at, visit.time_zone)


def _today(visit: Visit, now: datetime) -> date:
    return clock.today_in(visit.time_zone, now)


def _answered(visits: list[Visit]) -> set[int]:
    """Visits whose questions are answered: by link or phone, or by a paper that still counts on the day."""
    done = (HealthScreen.State.CLEAR, HealthScreen.State.FLAGGED)
    found = set(
        HealthScreen.objects.filter(visit__in=visits, state__in=done).values_list("visit_id", flat=True)
    )
    days = [visit_day(visit) for visit in visits]
    if not days:
        return found
    oldest = min(days) - timedelta(days=gate_states.SCREEN_DAYS)
    papers = Evidence.objects.filter(
        patient__in={visit.patient_id for visit in visits},
        kind=SCREEN,
        withdrawn_at__isnull=True,
        dated_on__gte=oldest,
    )
    dated: dict[int, list[date]] = {}
    for patient_id, on in papers.values_list("patient_id", "dated_on"):
        dated.setdefault(patient_id, []).append(on)
    for visit, day in zip(visits, days, strict=True):
        since = day - timedelta(days=gate_states.SCREEN_DAYS)
        if any(since <= on <= day for on in dated.get(visit.patient_id, ())):
            found.add(visit.pk)
    return found


@writes
def _owe_screen(visit: Visit, now: datetime) -> bool:
    day, today = visit_day(visit), _today(visit, now)
    call_rows.owe(
        patient=visit.patient,
        kind=Call.Kind.SCREEN,
        about=about_visit(visit),
        due_on=today,
        due_at=now if today == day else None,
        last_on=day,
        visit=visit,
        reason="The health questions before the visit are not answered.",
        now=now,
    )
    return True


def owe_untold(now: datetime) -> int:
    """A call about a visit within two weeks whose booking, move or cancelling no message could tell."""
    lost: dict[int, Notice] = {}
    for notice in _lost(now):
        lost.setdefault(notice.visit_id or 0, notice)
    standing = set(
        Call.objects.filter(kind=Call.Kind.TELL, visit__in=lost)
        .exclude(state=Call.State.MOOT, settled_why=call_rows.AWAY)
        .values_list("about", flat=True)
    )
    owed = Call.objects.filter(kind=Call.Kind.TELL, state=Call.State.OWED)
    # Who said yes knows of the visit; what a person put on the list about another message stays.
    over = Q(visit__starts_at__lte=now) | Q(visit__state="confirmed", about__startswith="visit ")
    count = call_rows.take_back(owed.filter(over), "they know, or the visit has begun", now)
    asked = set(owed.filter(visit__in=lost).values_list("visit_id", flat=True))
    untold = [
        notice
        for visit_id, notice in lost.items()
        if about_visit(_visit(notice)) not in standing and visit_id not in asked
    ]
    return count + _each(untold, _owe_tell, now)


def _lost(now: datetime) -> QuerySet[Notice]:
    """Messages that told of a visit as it stands and reached nobody, where no other did or may."""
    heard = Notice.objects.filter(
        Q(state__in=MAY_REACH[1:]) | Q(state=Notice.State.PLANNED, kind__in=TELLS),
        visit=OuterRef("visit"),
        visit_version=OuterRef("visit_version"),
        patient__isnull=False,
    )
    return (
        Notice.objects.filter(
            Q(state__in=NOT_GONE) | Q(state=Notice.State.SUPPRESSED, reason__in=UNREACHED),
            Q(kind=Notice.Kind.CANCELLED, visit__state="cancelled")
            | Q(kind__in=TELLS[:2], visit__state="booked"),
            visit__starts_at__gt=now,
            visit__starts_at__lt=now + TELL_AHEAD,
            visit_version=F("visit__version"),
            patient__status=Patient.Status.ACTIVE,
        )
        .exclude(Exists(heard))
        .select_related("visit__patient")
        .order_by("pk")
    )


def _visit(notice: Notice) -> Visit:
    assert notice.visit is not None
    return notice.visit


@writes
def _owe_tell(notice: Notice, now: datetime) -> bool:
    visit = _visit(notice)
    call_rows.owe(
        patient=visit.patient,
        kind=Call.Kind.TELL,
        about=about_visit(visit),
        due_on=_today(visit, now),
        due_at=now,
        last_on=visit_day(visit),
        visit=visit,
        reason=f"{notice.get_kind_display()}, and no message reached them: {notice.reason or 'it failed'}.",
        now=now,
    )
    return True


def expire(now: datetime) -> int:
    """Calls whose last day has passed: a check nobody made is given up aloud, the others are too late."""
    late = Call.objects.filter(state=Call.State.OWED, last_on__lt=now.date() + timedelta(days=1))
    passed = [
        call
        for call in late.select_related("patient").order_by("pk")
        if call.last_on is not None and call.last_on < clock.today_in(call.patient.time_zone, now)
    ]
    return _each(passed, _expire, now)


@writes
def _expire(call: Call, now: datetime) -> bool:
    locked = Call.objects.select_for_update(no_key=True, of=("self",)).get(pk=call.pk)
    if locked.state != Call.State.OWED or locked.last_on != call.last_on:
        return False
    if locked.kind not in rules.CLINICAL or locked.optional:
        call_rows.settle(locked, Call.State.MOOT, call_rows.TOO_LATE, now)
        return True
    why = "not reached in time" if locked.tries else "nobody called in time"
    ends = rules.given_up(locked.kind, optional=locked.optional, why=why)
    call_rows.settle(locked, ends.state, why, now)
    events.write("call_given_up", by=None, patient=call.patient, subject=call, why=why, kind=call.kind)
    alerts.raise_alert(
        ends.alert,
        patient=call.patient,
        about=f"call {call.pk}",
        sentence=f"{call.get_kind_display()}: {why}. Find out how they are.",
        alarm=ends.alarm,
        call=call,
        now=now,
    )
    return True
