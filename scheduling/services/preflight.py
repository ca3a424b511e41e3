"""What stands against a visit, gathered from the database for the pure rules to judge. Writes nothing.

Used under the booking locks for the decision, and without them for what a page shows beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Evidence, Patient, Prescription
from scheduling import clock
from scheduling.models import PlannedDose, Site, SlotHold, Visit
from scheduling.rules import eligibility, states
from scheduling.rules.eligibility import Problem, Span
from scheduling.rules.orders import Given, Hold
from scheduling.rules.proposals import check_date
from scheduling.services import doses, order_files, pairs_on_file, readiness, travel

IV = "iv"  # the competency every infusion needs
NURSE_CODES = {
    "NURSE_INACTIVE", "NOT_LICENSED", "LICENCE_EXPIRED", "NOT_COMPETENT", "COMPETENCY_EXPIRED",
    "TIME_OFF", "NO_SHIFT", "OUTSIDE_SHIFT", "ON_BREAK", "DAY_TOO_LONG", "NURSE_TAKEN", "NURSE_NOT_WANTED",
    "OTHER_NURSE_PINNED",
}  # fmt: skip


def field_of(code: str) -> str:
    """The field of a booking form a problem belongs beside."""
    return "nurse" if code in NURSE_CODES else "starts_at"


def needs_of(dose: PlannedDose) -> tuple[str, ...]:
    """Competency codes a nurse needs for the dose: IV therapy, and the drug by its generic name."""
    return (IV, doses.drug_code(dose.prescription.regimen_id))


def dose_problems(
    dose: PlannedDose,
    patient: Patient,
    starts_at: datetime,
    *,
    now: datetime | None = None,
    moving: Visit | None = None,
) -> list[Problem]:
    """What the dose, its order and the patient's papers say against `starts_at`."""
    now = now or timezone.now()
    day = clock.local_day(starts_at, patient.time_zone)
    found = dose_wide_problems(dose, patient, moving=moving)
    if any(problem.code == "DOSE_NOT_PLANNED" for problem in found):
        return found
    if starts_at <= now:
        found.insert(0, Problem("IN_THE_PAST", "That time has passed. Record the dose as given instead."))
    return found + day_problems(dose, [day], now=now, moving=moving)[day]


def dose_wide_problems(
    dose: PlannedDose, patient: Patient, *, moving: Visit | None = None, taken: bool | None = None
) -> list[Problem]:
    """What stands against any time at all. `taken`, where it is known already, saves the query."""
    if dose.state != PlannedDose.State.PLANNED:
        said = f"This dose is {dose.get_state_display().lower()}; it needs no visit."
        return [Problem("DOSE_NOT_PLANNED", said)]
    found: list[Problem] = []
    if patient.status != Patient.Status.ACTIVE:
        found.append(Problem("PATIENT_AWAY", f"The patient is {patient.get_status_display().lower()}."))
    if taken is None:
        live = dose.visits.filter(state__in=states.HOLDING)
        taken = live.exclude(pk=moving.pk if moving else None).exists()
    if taken:
        found.append(Problem("DOSE_TAKEN", "This dose has a visit already.", taken=True))
    return found


@dataclass(frozen=True)
class Judge:
    """What decides about the days of one order's doses, read once; asking costs no query."""

    prescription: Prescription
    case: doses.Case
    booked: Mapping[int, date]  # dose number -> local day of its live visit
    papers: dict[tuple[int, str], Evidence]
    site: Callable[[date], list[Problem]]
    today: date

    def problems(
        self, dose: PlannedDose, day: date, *, assumed: Mapping[int, date] | None = None
    ) -> list[Problem]:
        """What stands against a visit for the dose on `day`; `assumed` are days of other doses, as if booked."""
        booked = {**self.booked, **assumed} if assumed else self.booked
        found = [*_date_problems(dose, day, self.case, booked, today=self.today), *self.site(day)]
        if day > self.prescription.expires_on:
            said = f"The order ends {_day(self.prescription.expires_on)}, before this visit."
            found.append(Problem("ORDER_EXPIRES", said, absolute=False))
        return found + [
            Problem(f"MISSING_{gate.kind.upper()}", f"{gate.sentence}", absolute=False)
            for gate in readiness.gates(dose, day, self.papers)
            if gate.bites_at_booking and not gate.met
        ]


def judge_of(dose: PlannedDose, *, now: datetime, moving: Visit | None = None) -> Judge:
    """The judge of the dose's order, as things stand at `now`. As many queries for many days as for one."""
    prescription = dose.prescription
    files = order_files.files_of(prescription, without=moving.pk if moving else None)
    return Judge(
        prescription=prescription,
        case=files.case,
        booked=files.booked,
        papers=files.papers,
        site=_site_judge(dose),
        today=clock.today_in(prescription.patient.time_zone, now),
    )


def day_problems(
    dose: PlannedDose, days: Iterable[date], *, now: datetime, moving: Visit | None = None
) -> dict[date, list[Problem]]:
    """What stands against a visit on each of `days` of the home."""
    judge = judge_of(dose, now=now, moving=moving)
    return {day: judge.problems(dose, day) for day in days}


def holds_of(dose: PlannedDose) -> list[Hold]:
    """The standing holds of the dose's order."""
    holds = dose.prescription.holds.filter(withdrawn_at__isnull=True)
    return [Hold(hold.starts_on, hold.clears_on, hold.reason) for hold in holds]


def _date_problems(
    dose: PlannedDose, day: date, case: doses.Case, booked: Mapping[int, date], *, today: date
) -> Iterable[Problem]:
    """Floor, window, holds and the end of the drug; also what this day would do to the next booked dose."""
    history = list(case.history)
    for number in range(history[-1].number + 1 if history else 1, dose.number):
        earlier = booked.get(number)
        if earlier is None:
            break
        history.append(Given(number, earlier))
    as_of = max([today, *(given.on for given in history)])
    verdict = check_date(case.regimen, case.order, history, as_of, number=dose.number, on=day)
    if verdict.decision == "refuse":
        yield Problem(verdict.code or "REFUSED", verdict.text)
        return
    if verdict.decision == "warn":
        yield Problem(verdict.code or "WARNING", verdict.text, absolute=False)
    if verdict.code != "ON_HOLD" and any(hold.covers(day) for hold in case.order.holds):
        yield Problem("ON_HOLD", f"A hold covers {_day(day)}.", absolute=False)
    following = booked.get(dose.number + 1)
    if following is not None and (not history or history[-1].number == dose.number - 1):
        after = [*history, Given(dose.number, day)]
        later = check_date(
            case.regimen, case.order, after, max(as_of, day), number=dose.number + 1, on=following
        )
        if later.decision == "refuse" and later.code == "MIN_SEPARATION_VIOLATION":
            yield Problem(
                "NEXT_DOSE_TOO_CLOSE",
                f"Dose {dose.number + 1} is booked on {_day(following)}, too close after this day. Move it first.",
            )


def _site_judge(dose: PlannedDose) -> Callable[[date], list[Problem]]:
    """What the site of care says against a day; asks the database once, whatever days follow."""
    regimen = doses.regimen_of(dose.prescription)
    flags = set(regimen.site_of_care.flags)
    if "SITE_NOT_HOME" in flags:
        never = Problem(
            "SITE_NOT_HOME",
            "This drug is never given at home; record the doses given at the certified facility.",
        )
        return lambda _day: [never]
    if "SITE_TOUCH_REQUIRED" in flags:
        sites = Site.objects.filter(code=doses.drug_code(regimen.id), covers_homes=True)
        last_on = sites.aggregate(last=Max("expires_on"))["last"]
        return lambda day: [] if last_on and day <= last_on else [_not_authorized(day)]
    if "SITE_CLINIC_PREFERRED" in flags and not _decided_for_home(dose):
        undecided = Problem(
            "SITE_CLINIC_PREFERRED",
            "This drug is given in a clinic unless a decision for home is on file. Record the decision first.",
        )
        return lambda _day: [undecided]
    return lambda _day: []


def _not_authorized(day: date) -> Problem:
    said = f"No site authorization number that covers homes is on file for {_day(day)}."
    return Problem("SITE_NOT_AUTHORIZED", said)


def site_for(dose: PlannedDose, day: date) -> Site | None:
    """The REMS site whose authorization covers a home visit on `day`, for drugs that need one."""
    regimen = doses.regimen_of(dose.prescription)
    if "SITE_TOUCH_REQUIRED" not in regimen.site_of_care.flags:
        return None
    return Site.objects.filter(
        code=doses.drug_code(regimen.id), covers_homes=True, expires_on__gte=day
    ).first()


def _decided_for_home(dose: PlannedDose) -> bool:
    return Evidence.objects.filter(
        patient=dose.prescription.patient,
        prescription=dose.prescription,
        kind="site_decision",
        clear=True,
        withdrawn_at__isnull=True,
    ).exists()


def nurse_problems(
    nurse: Nurse,
    patient: Patient,
    *,
    needs: Iterable[str],
    starts_at: datetime,
    length: timedelta,
    without: int | None = None,
    dose_id: int | None = None,
    by: User | None = None,
    now: datetime | None = None,
) -> list[Problem]:
    """What her papers, the patient's pairs, her hours and other visits say against it, and what somebody else holds.

    `without` leaves a visit being moved out; holds of `by` do not stand in their own way.
    """
    span = Span(starts_at, starts_at + length)
    zone = ZoneInfo(nurse.time_zone)
    day = clock.local_day(starts_at, patient.time_zone)
    last_day = clock.local_day(span.end, patient.time_zone)
    found: list[Problem] = []
    if not nurse.active:
        found.append(Problem("NURSE_INACTIVE", "This nurse no longer works here."))
    for on in sorted({day, last_day}):
        licence = eligibility.licence_problem(_licences(nurse), patient.state, on)
        found += [licence] if licence else []
        found += eligibility.competency_problems(_competencies(nurse), needs, on)
    pair = eligibility.pair_problem(nurse.pk, pairs_on_file.pairs_of(patient))
    found += [pair] if pair else []
    hours = eligibility.hours_problem(_shifts(nurse), _away(nurse, span), span, zone)
    found += [hours] if hours else []
    near = _visits_near(span, without)
    nurse_visits = list(near.filter(nurse=nurse).select_related("patient"))
    found += eligibility.room_problems(
        span,
        patient.place,
        [eligibility.Stop(Span(v.starts_at, v.ends_at), v.patient.place) for v in nurse_visits],
        [Span(v.starts_at, v.ends_at) for v in near.filter(patient=patient)],
        travel.drive_for(patient.place, [v.patient.place for v in nurse_visits]),
    )
    same_day = [
        v
        for v in nurse_visits
        if clock.local_day(v.starts_at, nurse.time_zone) == starts_at.astimezone(zone).date()
    ]
    minutes = sum(int((v.ends_at - v.starts_at).total_seconds() // 60) for v in same_day)
    limit = eligibility.day_limit_problem(minutes, int(length.total_seconds() // 60), nurse.day_limit_minutes)
    found += [limit] if limit else []
    return found + _held_problems(nurse, patient, span, dose_id, by, now or timezone.now())


def _held_problems(
    nurse: Nurse, patient: Patient, span: Span, dose_id: int | None, by: User | None, now: datetime
) -> list[Problem]:
    """What others keep for somebody on the phone: this dose, this patient's time, this nurse's with its drive."""
    day = timedelta(days=1)
    beside = Q(starts_at__lt=span.end + day, ends_at__gt=span.start - day)
    holds = list(
        SlotHold.objects.filter(released_at__isnull=True, expires_at__gt=now)
        .filter(Q(dose=dose_id) | (beside & (Q(nurse=nurse) | Q(patient=patient))))
        .exclude(held_by=by)
        .select_related("held_by", "patient")
    )
    drive = travel.drive_for(patient.place, [hold.patient.place for hold in holds])
    for hold in holds:
        kept = Span(hold.starts_at, hold.ends_at)
        stops = [eligibility.Stop(kept, hold.patient.place)] if hold.nurse_id == nurse.pk else []
        spans = [kept] if hold.patient_id == patient.pk else []
        in_the_way = any(eligibility.room_problems(span, patient.place, stops, spans, drive))
        if in_the_way or hold.dose_id == dose_id:
            return [held_problem(hold, patient.time_zone)]
    return []


def held_problem(hold: SlotHold, time_zone: str) -> Problem:
    """Somebody else keeps the time, with `held_by` loaded; until when, on the home's clock."""
    who = hold.held_by.get_full_name() or hold.held_by.get_username()
    until = hold.expires_at.astimezone(ZoneInfo(time_zone))
    said = f"{who} holds this for a patient until {until.hour % 12 or 12}:{until:%M %p}."
    return Problem("SLOT_HELD", said.replace("AM", "am").replace("PM", "pm"), taken=True)


def _visits_near(span: Span, without: int | None):
    """Live visits within a day around the span: enough for any drive and any working day."""
    day = timedelta(days=1)
    return (
        Visit.objects.filter(state__in=states.HOLDING)
        .filter(starts_at__lt=span.end + day, ends_at__gt=span.start - day)
        # No visit is longer: the index need not read years of them.
        .filter(starts_at__gt=span.start - 3 * day)
        .exclude(pk=without)
        .order_by("starts_at")
    )


def _licences(nurse: Nurse) -> list[eligibility.LicenceFact]:
    return [
        eligibility.LicenceFact(x.state, x.multistate, x.issued_on, x.expires_on)
        for x in nurse.licences.all()
    ]


def _competencies(nurse: Nurse) -> list[eligibility.CompetencyFact]:
    return [eligibility.CompetencyFact(x.code, x.granted_on, x.expires_on) for x in nurse.competencies.all()]


def _shifts(nurse: Nurse) -> list[eligibility.ShiftFact]:
    return [
        eligibility.ShiftFact(
            x.weekday, x.starts, x.ends, x.from_on, x.until_on, x.break_starts, x.break_ends
        )
        for x in nurse.shifts.all()
    ]


def _away(nurse: Nurse, span: Span) -> list[Span]:
    return [
        Span(x.starts_at, x.ends_at)
        for x in nurse.time_off.all()
        if x.withdrawn_at is None and x.starts_at < span.end and x.ends_at > span.start
    ]


def _day(on: date) -> str:
    return f"{on:%b} {on.day}, {on.year}"
