"""Where a patient is, and what a change of it stops or starts: told before anybody saves it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients.models import Patient
from scheduling import clock, selectors
from scheduling.models import Event, Notice, PlannedCheck, PlannedDose, Visit
from scheduling.readings.trail import moment, who
from scheduling.readings.words import day_words
from scheduling.rules import states
from scheduling.services import notices, patient_changes, slot_holds

AHEAD = timedelta(days=60)  # as far as the queue looks


@dataclass(frozen=True)
class Standing:
    """What is on file about where the patient is; days are None where nobody said them."""

    since_on: date | None
    back_on: date | None
    why: str
    who: str
    when: str


@dataclass(frozen=True)
class Waiting:
    """What stands on the patient's calendar now: `visits` are open ones ahead, the rest is counted."""

    visits: tuple[Visit, ...]
    messages: int
    stopped: int  # messages that go out again when the patient is back
    doses: int  # due in AHEAD or overdue, without a visit
    checks: int
    slot_holds: int


@dataclass(frozen=True)
class InHospital:
    """Somebody in hospital: on no list of doses until somebody says that they are home. `ask`: that day has come."""

    patient: Patient
    since: str
    ask: bool


def in_hospital(user: selectors.Viewer, *, now: datetime | None = None) -> list[InHospital]:
    """Everybody in hospital, who should be home again first. Two queries."""
    patients = list(selectors.patients_for(user).filter(status=Patient.Status.IN_HOSPITAL))
    told = Event.objects.filter(patient__in=patients, action="patient_status").select_related("actor")
    newest = {one.patient_id: one for one in told.order_by("patient_id", "-pk").distinct("patient_id")}
    found = []
    for patient in patients:
        last = _standing(newest.get(patient.pk), patient)
        today = clock.today_in(patient.time_zone, now)
        ask = bool(last and last.back_on and last.back_on <= today)
        found.append(InHospital(patient, since_words(last), ask))
    return sorted(found, key=lambda one: not one.ask)


def standing(patient: Patient) -> Standing | None:
    """The last word on it; None when nobody ever said one."""
    return _standing(patient_changes.last_told(patient), patient)


def _standing(told: Event | None, patient: Patient) -> Standing | None:
    if told is None:
        return None
    days = [told.detail.get(name) or "" for name in ("since_on", "back_on")]
    since_on, back_on = (date.fromisoformat(day) if day else None for day in days)
    return Standing(since_on, back_on, told.why, who(told.actor), moment(told.at, patient.time_zone))


def waiting(patient: Patient, *, now: datetime | None = None) -> Waiting:
    """Six queries, whatever there is."""
    now = now or timezone.now()
    until = clock.today_in(patient.time_zone, now) + AHEAD
    visits = patient.visits.filter(state__in=states.OPEN, starts_at__gt=now).select_related("nurse", "dose")
    owed = Notice.objects.filter(patient=patient)
    due = PlannedDose.objects.filter(
        prescription__patient=patient,
        prescription__status__in=patient_changes.RUNNING,
        state=PlannedDose.State.PLANNED,
        due_on__lte=until,
    )
    checks = PlannedCheck.objects.filter(patient=patient, state=PlannedCheck.State.PLANNED, due_on__lte=until)
    return Waiting(
        visits=tuple(visits.order_by("starts_at", "pk")),
        messages=owed.filter(state__in=(Notice.State.PLANNED, Notice.State.CLAIMED)).count(),
        stopped=owed.filter(state=Notice.State.SUPPRESSED, reason=notices.AWAY, expires_at__gt=now).count(),
        doses=due.exclude(visits__state__in=states.HOLDING).count(),
        checks=checks.exclude(visits__state__in=states.HOLDING).count(),
        slot_holds=slot_holds.standing(now).filter(patient=patient).count(),
    )


def stops(found: Waiting) -> list[str]:
    """What saving a status other than active does, a sentence each."""
    never = _("Nothing new can be booked until the patient is active again.")
    return [*_counted(_stopping(found)), never]


def _stopping(found: Waiting) -> Iterable[tuple[int, str]]:
    n = len(found.visits)
    yield n, ngettext(
        "%(n)d booked visit goes to “Needs a decision”. It is not cancelled: a person decides.",
        "%(n)d booked visits go to “Needs a decision”. They are not cancelled: a person decides.", n,
    )  # fmt: skip
    n = found.messages
    yield n, ngettext("%(n)d message that waits is not sent.", "%(n)d messages that wait are not sent.", n)
    n = found.doses
    yield n, ngettext("%(n)d dose leaves “Needs booking”.", "%(n)d doses leave “Needs booking”.", n)
    n = found.checks
    yield (
        n,
        ngettext("%(n)d lab draw or check leaves the list.", "%(n)d lab draws and checks leave the list.", n),
    )
    n = found.slot_holds
    yield n, ngettext("%(n)d time kept for the patient is let go.", "%(n)d times kept are let go.", n)


def starts(found: Waiting) -> list[str]:
    """What saving "active" does for somebody who was away."""
    return [
        _("The calendar is worked out again as of today; overdue doses stand first in “Needs booking”."),
        *_counted(_starting(found)),
    ]


def _starting(found: Waiting) -> Iterable[tuple[int, str]]:
    n = len(found.visits)
    yield n, ngettext(
        "%(n)d booked visit stands again, unless it no longer fits its dose.",
        "%(n)d booked visits stand again, unless one no longer fits its dose.", n,
    )  # fmt: skip
    n = found.stopped
    yield n, ngettext(
        "%(n)d message that was stopped goes out if its visit still stands.",
        "%(n)d messages that were stopped go out if their visits still stand.", n,
    )  # fmt: skip


def _counted(lines: Iterable[tuple[int, str]]) -> Iterable[str]:
    return (text % {"n": n} for n, text in lines if n)


def since_words(found: Standing | None) -> str:
    """`since Tue, Jan 6, 2026; expected home Fri, Jan 9`, as much of it as is known."""
    if found is None or found.since_on is None:
        return ""
    words = _("since %(day)s") % {"day": day_words(found.since_on)}
    if found.back_on:
        words += _("; expected home %(day)s") % {"day": day_words(found.back_on)}
    return words
