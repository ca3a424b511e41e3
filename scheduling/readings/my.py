"""What a patient reads about their own care, in plain words. Reads only; the caller writes the audit row.

Days are those of the home's zone. A day that is not booked is only ever "around" a day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from patients.models import Hold, Patient, Prescription
from scheduling import clock, selectors
from scheduling.models import DoseRecord, PlannedDose, Visit
from scheduling.readings import words
from scheduling.readings.medicines import medicine_of
from scheduling.rules import states

TO_COME = states.HOLDING - {"completed"}
FOLLOWING = 3  # how many later days the first page lists
NEAR = 5  # how many days to come the therapy page shows at once
THERAPY_AHEAD = timedelta(days=3 * 365)
# A date for hearing from us, this long before the dose is due; nearer than that we ask for a call.
HEAR_BEFORE = timedelta(days=7)
UNDER_WAY = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)


def long_day(on: date, *, year: bool = False) -> str:
    """`Tuesday, January 12`; `martes 12 de enero`, for the middle of a sentence."""
    return date_format(on, _("l, F j, Y") if year else _("l, F j"))


def about_day(on: date, today: date) -> str:
    """`March 9`, with the year when it is not this one."""
    return date_format(on, _("F j") if on.year == today.year else _("F j, Y"))


@dataclass(frozen=True)
class Part:
    """One part of a visit: when it starts on the wall of the home, what happens, how long it takes."""

    at: str
    text: str
    minutes: int


@dataclass(frozen=True)
class MyVisit:
    """One visit as its patient reads it."""

    visit: Visit
    today: date

    @property
    def day(self) -> str:
        start = self.visit.local_start
        return long_day(start.date(), year=start.year != self.today.year)

    @property
    def from_time(self) -> str:
        return words.clock_words(self.visit.local_start)

    @property
    def until_time(self) -> str:
        return words.clock_words(self.visit.local_end)

    @property
    def nurse(self) -> str:
        """First name only."""
        return self.visit.nurse.first_name

    @property
    def is_infusion(self) -> bool:
        return self.visit.kind == Visit.Kind.INFUSION

    @property
    def medicine(self) -> str:
        return medicine_of(self.visit.dose.prescription) if self.visit.dose else ""

    @property
    def elsewhere(self) -> str:
        """The name of the place when it is not the home. A site may only lend its authorization to homes."""
        site = self.visit.site
        return site.name if site and not site.covers_homes else ""

    @property
    def to_come(self) -> bool:
        return self.visit.state in TO_COME

    @property
    def needs_a_call(self) -> bool:
        """It no longer fits; a person at the agency decides, so the patient is asked for nothing."""
        return bool(self.visit.attention) and self.visit.state in states.OPEN

    @property
    def is_today(self) -> bool:
        return self.visit.local_start.date() == self.today

    @property
    def parts(self) -> list[Part]:
        """The clock of the visit; empty for one without an infusion."""
        visit = self.visit
        if not self.is_infusion:
            return []
        lengths = [
            (
                _("%(nurse)s comes and gets everything ready") % {"nurse": self.nurse},
                visit.preparation_minutes,
            ),
            (_("The medicine goes in"), visit.infusion_minutes),
            (_("%(nurse)s stays and sees how you feel") % {"nurse": self.nurse}, visit.observation_minutes),
            (_("%(nurse)s packs up") % {"nurse": self.nurse}, visit.wrap_up_minutes),
        ]
        found, at = [], visit.starts_at
        for text, minutes in lengths:
            if minutes:
                local = at.astimezone(visit.local_start.tzinfo)
                found.append(Part(words.clock_words(local), text, minutes))
            at += timedelta(minutes=minutes)
        return found


@dataclass(frozen=True)
class Later:
    """A day after the next visit: booked, or only around a day."""

    on: date
    words: str
    booked: bool
    url_id: int | None = None


@dataclass(frozen=True)
class Home:
    """The first page: the next visit, or why there is none, and what follows."""

    patient: Patient
    today: date
    next: MyVisit | None
    due_on: date | None  # the next dose without a visit, when nothing is booked
    later: Sequence[Later]
    on_hold: bool
    in_treatment: bool

    @property
    def around(self) -> str:
        return about_day(self.due_on, self.today) if self.due_on and self.due_on >= self.today else ""

    @property
    def hear_by(self) -> str:
        """The day by which the patient hears from us; "" when that is too near to promise."""
        if self.due_on is None or self.due_on - HEAR_BEFORE < self.today:
            return ""
        return long_day(self.due_on - HEAR_BEFORE)


def home_of(user: User, patient: Patient, *, now: datetime | None = None) -> Home:
    """What the first page says. Four queries, whatever the number of visits and doses."""
    now = now or timezone.now()
    today = clock.today_in(patient.time_zone, now)
    prescriptions = list(selectors.prescriptions_for(user).filter(patient=patient, status__in=UNDER_WAY))
    holds = _holds(user, patient)
    held = {p.pk for p in prescriptions if _is_held(p, holds[p.pk], today)}
    visits = [MyVisit(visit, today) for visit in _to_come(user, patient, now)]
    planned = [on for on in _planned(user, patient, holds, held) if on]
    later = [Later(v.visit.local_start.date(), v.day, True, v.visit.pk) for v in visits[1:]]
    unbooked = [Later(on, about_day(on, today), False) for on in planned]
    nothing_booked = not visits
    following = sorted([*later, *unbooked[1 if nothing_booked else 0 :]], key=lambda one: one.on)
    return Home(
        patient=patient,
        today=today,
        next=visits[0] if visits else None,
        due_on=planned[0] if nothing_booked and planned else None,
        later=following[:FOLLOWING],
        on_hold=bool(prescriptions) and len(held) == len(prescriptions),
        in_treatment=bool(prescriptions),
    )


def _to_come(user: User, patient: Patient, now: datetime) -> list[Visit]:
    """Live visits that are not over, soonest first."""
    visits = selectors.visits_for(user).filter(patient=patient, state__in=TO_COME, ends_at__gt=now)
    return list(visits.order_by("starts_at", "pk"))


def _planned(
    user: User, patient: Patient, holds: Mapping[int, Sequence[Hold]], held: Iterable[int]
) -> list[date | None]:
    """Days of the doses without a visit, soonest first; nothing is said about a prescription on hold.

    A visit that is over and not yet written up still stands for its dose.
    """
    live = Visit.objects.filter(dose=OuterRef("pk"), state__in=states.HOLDING)
    rows = selectors.doses_for(user).filter(
        ~Exists(live),
        prescription__patient=patient,
        prescription__status=Prescription.Status.ACTIVE,
        state=PlannedDose.State.PLANNED,
    )
    found = rows.exclude(prescription__in=held).order_by("due_on", "number")
    days = found.values_list("prescription_id", "due_on")[: FOLLOWING + 1]
    return [_after_holds(due_on, holds[prescription_id]) for prescription_id, due_on in days]


def _holds(user: User, patient: Patient) -> Mapping[int, Sequence[Hold]]:
    """Prescription id -> its standing holds, in order."""
    found: dict[int, list[Hold]] = defaultdict(list)
    standing = selectors.holds_for(user).filter(prescription__patient=patient, withdrawn_at__isnull=True)
    for hold in standing.order_by("starts_on", "pk"):
        found[hold.prescription_id].append(hold)
    return found


def _covers(hold: Hold, on: date) -> bool:
    return hold.starts_on <= on and (hold.clears_on is None or on < hold.clears_on)


def _is_held(prescription: Prescription, holds: Sequence[Hold], today: date) -> bool:
    return prescription.status == Prescription.Status.ON_HOLD or any(_covers(hold, today) for hold in holds)


def _after_holds(on: date, holds: Sequence[Hold]) -> date | None:
    """The day itself, or the first one after the holds that cover it; None inside one without an end."""
    for hold in holds:
        if _covers(hold, on):
            if hold.clears_on is None:
                return None
            on = hold.clears_on
    return on


def visit_of(visit: Visit, *, now: datetime | None = None) -> MyVisit:
    """One visit of the patient, whatever became of it."""
    return MyVisit(visit, clock.today_in(visit.time_zone, now))


# --- The whole therapy ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One dose in plain words. `status` and `word` as in ui/tag.html; both "" for one that is only planned."""

    on: date
    words: str
    status: str
    word: str
    needs_renewal: bool = False
    visit_id: int | None = None


@dataclass(frozen=True)
class Therapy:
    """One medicine: what was given, what is booked, what is planned."""

    medicine: str
    status: str
    on_hold: bool
    given: Sequence[Line]
    ahead: Sequence[Line]

    @property
    def near(self) -> Sequence[Line]:
        """What is booked and the next planned days; a list of forty tires the eye."""
        return self.ahead[:NEAR]

    @property
    def far(self) -> Sequence[Line]:
        """The rest, up to three years ahead."""
        return self.ahead[NEAR:]

    @property
    def renewal(self) -> str:
        """From which day on the doctor has to renew the order first; "" when nothing needs it."""
        first = next((line.on for line in self.ahead if line.needs_renewal), None)
        return date_format(first, _("F Y")) if first else ""

    @property
    def over(self) -> bool:
        return self.status in {Prescription.Status.COMPLETED, Prescription.Status.DISCONTINUED}


def therapies_of(user: User, patient: Patient, *, now: datetime | None = None) -> list[Therapy]:
    """Every order that was not only a draft, newest first, up to three years ahead. Five queries."""
    now = now or timezone.now()
    prescriptions = selectors.prescriptions_for(user).filter(patient=patient)
    prescriptions = list(prescriptions.exclude(status=Prescription.Status.DRAFT))
    rows: dict[int, list[PlannedDose]] = defaultdict(list)
    for dose in selectors.doses_for(user).filter(prescription__patient=patient).order_by("number"):
        rows[dose.prescription_id].append(dose)
    standing = DoseRecord.objects.filter(dose__prescription__patient=patient, amended_by__isnull=True)
    records = {record.dose_id: record for record in standing}
    visits = selectors.visits_for(user).filter(patient=patient, state__in=TO_COME, dose__isnull=False)
    booked = {visit.dose_id: visit for visit in visits}
    holds = _holds(user, patient)
    return [_therapy(p, rows[p.pk], records, booked, holds[p.pk], now) for p in prescriptions]


def _therapy(
    prescription: Prescription,
    rows: Sequence[PlannedDose],
    records: dict[int, DoseRecord],
    booked: dict[int | None, Visit],
    holds: Sequence[Hold],
    now: datetime,
) -> Therapy:
    today = clock.today_in(prescription.patient.time_zone, now)
    held = _is_held(prescription, holds, today)
    given, ahead = [], []
    for dose in rows:
        if dose.state == PlannedDose.State.GIVEN:
            on = records[dose.pk].given_on if dose.pk in records else dose.due_on
            given.append(Line(on, long_day(on, year=True), "done", _("Given")))
        elif dose.state == PlannedDose.State.PLANNED and dose.pk in booked:
            ahead.append(_booked_line(booked[dose.pk], now))
        elif dose.state == PlannedDose.State.PLANNED and dose.due_on <= today + THERAPY_AHEAD:
            ahead.append(_planned_line(dose, None if held else _after_holds(dose.due_on, holds), today))
    given.sort(key=lambda line: line.on, reverse=True)
    ahead.sort(key=lambda line: line.on)
    return Therapy(medicine_of(prescription), prescription.status, held, given, ahead)


def _booked_line(visit: Visit, now: datetime) -> Line:
    on = visit.local_start.date()
    if visit.ends_at <= now:
        return Line(on, long_day(on, year=True), "wait", _("Being written up"), visit_id=visit.pk)
    return Line(on, long_day(on, year=True), "ok", _("Booked"), visit_id=visit.pk)


def _planned_line(dose: PlannedDose, on: date | None, today: date) -> Line:
    """`on` is the day after any hold; None when no day can be said."""
    if on is None:
        return Line(dose.due_on, _("We will set a new day"), "hold", _("On hold"))
    if on < today:
        return Line(on, _("As soon as we can"), "wait", _("Not booked yet"))
    around = _("Around %(day)s") % {"day": about_day(on, today)}
    return Line(on, around, "", "", needs_renewal=dose.needs_renewed_order)
