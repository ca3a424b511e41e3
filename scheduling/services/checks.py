"""Lab draws and wellness checks that are owed: kept equal to the monitoring of an order, or asked for by a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils import timezone

from accounts.models import User
from patients.models import Evidence, Patient, Prescription
from scheduling import clock
from scheduling.models import PlannedCheck, Visit
from scheduling.rules import monitoring, states
from scheduling.rules.errors import BadInput, Conflict
from scheduling.rules.orders import Given, Order
from scheduling.rules.regimen import Regimen
from scheduling.services import events
from scheduling.services.guard import fits, writes

# What a nurse can draw at home. Imaging, a heart examination and a REMS form are not ours to visit for.
DRAWN = frozenset({
    "anti_jcv_antibody", "baseline_labs_cbc_creatinine_urinalysis_tsh_lft", "cbc", "cbc_creatinine_urinalysis",
    "cbc_renal_liver", "cbc_with_platelets", "liver_function_tests", "renal_function", "serum_immunoglobulins",
    "thyroid_function_tsh",
})  # fmt: skip
AHEAD = timedelta(days=400)  # stored this far; the daily task keeps it so
LATE = timedelta(days=7)  # a draw that fell due earlier than this is history
LONG_BEFORE = timedelta(days=31)  # done earlier than that before its window, it was another check
DRAW_MINUTES = 45
LONGEST_MINUTES = 480
CHECK_DONE, CHECK_NOT_OWED = "CHECK_DONE", "CHECK_NOT_OWED"
DONE_ALREADY = "What this visit is for is done already. Cancel it, unless it is wanted all the same."
NOT_OWED = "The order does not ask for this draw on this day any more."
BY_A_PERSON = "Recorded as done; the results follow."
WRITTEN = ("what", "window_start_on", "window_end_on", "source", "state", "done_on")


@dataclass(frozen=True)
class Window:
    """Days before and after the day a draw is due on (decisions: docs/readiness.md)."""

    early: int
    late: int


AROUND = Window(7, 7)
BEFORE_A_DOSE = Window(14, 6)  # due a week before the dose, never on its day: the result is read first


@dataclass
class Draw:
    """One visit's blood: the kinds to test, how far it may move, and where that is from."""

    kinds: set[str] = field(default_factory=set)
    windows: set[Window] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)


def draws(regimen: Regimen) -> bool:
    """Whether the regimen asks for anything a nurse draws at home."""
    return any(rule.kind in DRAWN for rule in regimen.monitoring)


def owed(
    regimen: Regimen,
    order: Order,
    history: tuple[Given, ...],
    as_of: date,
    results: Iterable[tuple[str, date]],
) -> dict[date, Draw]:
    """Due day -> what to draw, from LATE before `as_of` on, for AHEAD."""
    found: dict[date, Draw] = defaultdict(Draw)
    rules = [rule for rule in regimen.monitoring if rule.kind in DRAWN]
    if not rules:
        return found
    before_dose = {rule.kind for rule in rules if rule.anchor == "each_maintenance_dose"}
    until = as_of + AHEAD
    for series in monitoring.series(regimen, order, history, as_of, until=until, results=results):
        if series.kind not in DRAWN:
            continue
        shift = timedelta(days=7 if series.kind in before_dose else 0)
        for day in (on - shift for on in series.dates):
            if as_of - LATE <= day <= until:
                draw = found[day]
                draw.kinds.add(series.kind)
                draw.windows.add(BEFORE_A_DOSE if shift else AROUND)
                draw.sources.add(series.source)
    return found


def sync(
    prescription: Prescription, regimen: Regimen, order: Order, history: tuple[Given, ...], *, today: date
) -> None:
    """Write the lab draws of the order. Call with the patient locked, in the transaction of the change.

    A draw that is no longer owed is cancelled unless somebody is booked for it; one whose results are on
    file is done. Rows are kept: when the day comes back, it is the same row again.
    """
    if not draws(regimen):
        return
    results = _results(prescription.patient_id)
    as_of = max([today, *(given.on for given in history)])
    wanted = owed(regimen, order, history, as_of, results)
    stored = {check.due_on: check for check in prescription.planned_checks.select_for_update(no_key=True)}
    for due_on, draw in wanted.items():
        check = stored.get(due_on) or PlannedCheck(
            patient_id=prescription.patient_id,
            prescription=prescription,
            kind=PlannedCheck.Kind.LAB_DRAW,
            due_on=due_on,
            minutes=DRAW_MINUTES,
        )
        _write(check, draw, results)
    if not stored:
        return  # no draw was owed before, so none is booked either
    booked = Visit.objects.filter(planned_check__prescription=prescription, state__in=states.HOLDING)
    kept = {*wanted, *booked.values_list("planned_check__due_on", flat=True)}
    for due_on, check in stored.items():
        open_still = check.state == PlannedCheck.State.PLANNED and due_on >= as_of - LATE
        if open_still and due_on not in kept:
            check.state = PlannedCheck.State.CANCELLED
            check.save(update_fields=["state", "changed_at"])
        elif check.state == PlannedCheck.State.PLANNED and due_on not in wanted:
            _write(check, None, results)
    _review(prescription, wanted, as_of)


def _review(prescription: Prescription, wanted: Collection[date], as_of: date) -> None:
    """Put booked draws that nobody needs any more before a person, and take that back when they are owed again."""
    visits = Visit.objects.filter(planned_check__prescription=prescription, state__in=states.OPEN)
    for visit in visits.select_related("planned_check").select_for_update(no_key=True, of=("self",)):
        check = visit.planned_check
        if visit.attention_code not in {"", CHECK_DONE, CHECK_NOT_OWED}:
            continue
        code, said = "", ""
        if check.state == PlannedCheck.State.DONE:
            code, said = CHECK_DONE, DONE_ALREADY
        elif check.due_on not in wanted and check.due_on >= as_of - LATE:
            code, said = CHECK_NOT_OWED, NOT_OWED
        if (code, said) != (visit.attention_code, visit.attention):
            visit.attention_code, visit.attention = code, said
            visit.save(update_fields=["attention_code", "attention", "changed_at"])


@writes
def ask_check(
    *,
    patient_id: int,
    kind: str,
    due_on: date,
    by: User,
    minutes: int = DRAW_MINUTES,
    reason: str = "",
    days_early: int = 0,
    days_late: int = 7,
) -> PlannedCheck:
    """Somebody wants a nurse to look in, or blood drawn, around a day of the home. Raises BadInput by field."""
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if kind not in PlannedCheck.Kind.values:
        raise BadInput("Choose a lab draw or a wellness check.", field="kind")
    if due_on < clock.today_in(patient.time_zone):
        raise BadInput("That day has passed.", field="due_on")
    if due_on > clock.today_in(patient.time_zone) + 2 * AHEAD:
        raise BadInput("That is more than two years away; check the year.", field="due_on")
    if not 0 < minutes <= LONGEST_MINUTES:
        raise BadInput(f"Enter 1 to {LONGEST_MINUTES} minutes.", field="minutes")
    if not reason.strip():
        raise BadInput("Say what it is for.", field="reason")
    said = {"kind": kind, "due_on": due_on, "minutes": minutes, "reason": fits(reason, "reason")}
    standing = patient.planned_checks.filter(prescription=None, state=PlannedCheck.State.PLANNED, **said)
    if twin := standing.first():
        return twin  # the same form sent twice
    check = PlannedCheck.objects.create(
        patient=patient,
        window_start_on=due_on - timedelta(days=days_early),
        window_end_on=due_on + timedelta(days=days_late),
        asked_by=by,
        **said,
    )
    events.write("check_asked", by=by, patient=patient, subject=check, kind=kind, due_on=due_on.isoformat())
    return check


@writes
def record_done(*, check_id: int, done_on: date, by: User) -> PlannedCheck:
    """It was done on a day of the home; its visit of that day, once it began, is completed.

    A visit for it that is still to come stays as it is and asks for a decision: nobody cancels it unseen.
    """
    check, now = _locked(check_id), timezone.now()
    if check.state != PlannedCheck.State.PLANNED:
        raise Conflict(f"This is {check.get_state_display().lower()} already.", code="CHECK_NOT_PLANNED")
    if done_on > clock.today_in(check.patient.time_zone):
        raise BadInput("What was done cannot be dated in the future.", field="done_on")
    if done_on < check.window_start_on - LONG_BEFORE:
        raise BadInput("That is long before it was due. Check the date.", field="done_on")
    check.state, check.done_on = PlannedCheck.State.DONE, done_on
    check.reason = check.reason or BY_A_PERSON
    check.save(update_fields=["state", "done_on", "reason", "changed_at"])
    for visit in check.visits.select_for_update(no_key=True).filter(state__in=states.HOLDING - {"completed"}):
        if clock.local_day(visit.starts_at, visit.time_zone) == done_on and visit.starts_at <= now:
            visit.state, visit.version = "completed", visit.version + 1
            visit.save(update_fields=["state", "version", "changed_at"])
        elif visit.state in states.OPEN:
            visit.attention_code, visit.attention = CHECK_DONE, DONE_ALREADY
            visit.save(update_fields=["attention_code", "attention", "changed_at"])
    events.write("check_done", by=by, patient=check.patient, subject=check, done_on=done_on.isoformat())
    return check


@writes
def cancel_check(*, check_id: int, by: User, why: str) -> PlannedCheck:
    """It is not needed any more; a booked visit for it must be cancelled first. The row stays."""
    if not why.strip():
        raise BadInput("Say why it is not needed.", field="why")
    check = _locked(check_id)
    if check.state != PlannedCheck.State.PLANNED:
        raise Conflict(f"This is {check.get_state_display().lower()} already.", code="CHECK_NOT_PLANNED")
    if check.visits.filter(state__in=states.HOLDING).exists():
        raise Conflict("A visit is booked for it. Cancel that first.", code="DOSE_TAKEN")
    if check.prescription_id is not None:
        # The order owes it: only a result or the end of the order takes it away.
        raise Conflict(
            "The order asks for this draw. Record its results, or hold the order.", code="CHECK_OWED"
        )
    check.state = PlannedCheck.State.CANCELLED
    check.save(update_fields=["state", "changed_at"])
    events.write("check_cancelled", by=by, patient=check.patient, subject=check, why=fits(why, "why"))
    return check


def _write(check: PlannedCheck, draw: Draw | None, results: Sequence[tuple[str, date]]) -> None:
    """Save what changed: done when every kind has a result from inside the window or later."""
    before = [getattr(check, name) for name in WRITTEN]
    if draw is not None:
        check.what = sorted(draw.kinds)
        check.window_start_on = check.due_on - timedelta(days=min(window.early for window in draw.windows))
        check.window_end_on = check.due_on + timedelta(days=min(window.late for window in draw.windows))
        check.source = "; ".join(sorted(draw.sources))[:300]
    came = [
        max((on for kind, on in results if kind == wanted and on >= check.window_start_on), default=None)
        for wanted in check.what
    ]
    if check.reason != BY_A_PERSON:
        complete = bool(came) and None not in came
        check.state = PlannedCheck.State.DONE if complete else PlannedCheck.State.PLANNED
        check.done_on = max(on for on in came if on) if complete else None
    if check.pk is None or before != [getattr(check, name) for name in WRITTEN]:
        check.save()


def _results(patient_id: int) -> list[tuple[str, date]]:
    papers = Evidence.objects.filter(patient_id=patient_id, kind__in=DRAWN, withdrawn_at__isnull=True)
    return list(papers.values_list("kind", "dated_on"))


def _locked(check_id: int) -> PlannedCheck:
    patient_id = PlannedCheck.objects.values_list("patient_id", flat=True).get(pk=check_id)
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    check = PlannedCheck.objects.select_for_update(no_key=True).get(pk=check_id)
    check.patient = patient
    return check
