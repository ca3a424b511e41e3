"""From a story to days: what was given when, what is booked, and the calendar the rules make of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from scheduling.demo.diary import Booking, Diary, NurseFile, Wish, at
from scheduling.demo.staff import SICK_NURSE
from scheduling.demo.stories import DAILY, Story
from scheduling.rules.calendar import Calendar, Dose, plan
from scheduling.rules.orders import Given, Order
from scheduling.rules.regimen import Regimen
from scheduling.services import doses
from scheduling.services.preflight import IV

SEEN_DAYS = 56  # doses given this long ago or later have a visit; older ones only their record
BOOKED_DAYS = 21
FIRST_DOSE_DAYS = 6  # a first dose has no window: this much later is still near the wish
SATURDAY = 5
CHANGES = (
    ("patient", "Has a school meeting that day"),
    ("patient", "Asked for another day"),
    ("provider", "Nurse called in sick"),
    ("drug_supply", "Delivery came a day late"),
    ("weather", "Ice on the roads"),
)

Place = tuple[float, float]


@dataclass(frozen=True)
class Told:
    """One dose that was given."""

    row: Dose
    given: Given
    elsewhere: bool


@dataclass(frozen=True)
class Change:
    """A first booking, `days` from the final one, that was moved or cancelled and why."""

    state: str
    days: int
    reason_class: str
    note: str


@dataclass(frozen=True)
class Meeting:
    """A visit for the dose `row`; `codes` were overridden with the story's reason."""

    row: Dose
    booking: Booking
    state: str
    booked_at: datetime
    codes: tuple[str, ...] = ()
    change: Change | None = None


@dataclass
class Course:
    """One order as it went: filled step by step, stored at the end."""

    story: Story
    regimen: Regimen
    order: Order
    place: Place
    prefers: str
    habit: Habit
    random: Random
    told: list[Told] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)
    rows: list[Dose] = field(default_factory=list)
    calendar: Calendar | None = None
    familiar: NurseFile | None = None

    @property
    def history(self) -> list[Given]:
        return [told.given for told in self.told]

    def wish(self, row: Dose, only: NurseFile | None) -> Wish:
        needs = (IV, doses.drug_code(self.regimen.id))
        return Wish(self.place, needs, row.minutes.total, self.prefers, only, self.familiar)


def tell(course: Course, diary: Diary, now: datetime, today: date) -> None:
    """Give the doses of the story, book what is due, and lay the calendar out."""
    _give(course, diary, today)
    booked: dict[int, date] = {}
    if course.story.incident:
        booked = _incident(course, diary, today)
    elif course.story.book != "never" and _at_home(course):
        booked = _book(course, diary, now, today)
    case = doses.Case(course.regimen, course.order, tuple(course.history))
    course.rows, course.calendar = doses.lay_out(case, booked, today + doses.HORIZON)


def start_for(regimen: Regimen, order: Order, story: Story, today: date, habit: Habit) -> date:
    """The day of dose 1 that brings the next dose nearest to the day the story wants."""
    wanted = today + timedelta(days=story.next_in)
    start, best = wanted, (10_000, wanted)
    plain = order._replace(holds=(), discontinued_on=None, prior_cumulative_mg_per_m2=None)
    tried: set[date] = set()
    while best[0] and start not in tried and len(tried) < 6:
        tried.add(start)
        miss = (wanted - _next_due(regimen, plain._replace(start_on=start), story, habit)).days
        best = min(best, (abs(miss), start))
        start += timedelta(days=miss)
    return best[1]


def _next_due(regimen: Regimen, order: Order, story: Story, habit: Habit) -> date:
    """When the dose after those given falls due; for a series that is complete, when the last one was given."""
    history: list[Given] = []
    while True:
        row = next_row(regimen, order, history)
        if row is None:
            return history[-1].on
        if len(history) == story.given:
            return row.due_on
        history.append(Given(row.number, preferred_day(row, habit)))


def next_row(regimen: Regimen, order: Order, history: Sequence[Given]) -> Dose | None:
    """The dose after the last one given, seen from the day that one was given; None when there is none."""
    as_of = history[-1].on if history else order.start_on
    planned = plan(regimen, order, history, as_of, doses=1).planned
    return planned[0] if planned else None


def limits(row: Dose) -> tuple[date, date]:
    """First and last day without a question to anybody."""
    return row.window_start or row.due_on, row.window_end or row.due_on + timedelta(days=FIRST_DOSE_DAYS)


@dataclass(frozen=True)
class Habit:
    """The day of the week a patient has infusions on, and by how many days each dose strays from it.

    `daily`: the regimen begins with days in a row, which begin on any day.
    """

    daily: bool
    weekday: int
    strays: tuple[int, ...]


def habit_of(story: Story, place: Place, today: date) -> Habit:
    """The same whenever it is asked. Who falls due on a weekend has some working day, so that no day is crowded."""
    random = Random(f"habit:{story.key}:{place}")  # noqa: S311  invented people need no secret numbers
    weekday = (today + timedelta(days=story.next_in)).weekday()
    if story.who is not None:  # an example keeps to the day its story says
        return Habit(story.regimen_id in DAILY, weekday, (0,))
    if weekday >= SATURDAY:
        weekday = random.randrange(SATURDAY)
    return Habit(
        story.regimen_id in DAILY,
        weekday,
        tuple(random.choice((0, 0, 0, 0, 0, 1, 1, 2)) for _each in range(11)),
    )


def preferred_day(row: Dose, habit: Habit) -> date:
    """The patient's weekday nearest to the due day, or a little later; the due day where the window is narrow."""
    first_on, last_on = limits(row)
    if row.window_end is None and habit.daily:
        return row.due_on
    # three days off at most
    day = row.due_on + timedelta(days=(habit.weekday - row.due_on.weekday() + 3) % 7 - 3)
    if day < first_on:
        day += timedelta(days=7)
    if not first_on <= day <= last_on:
        return next(_around(row.due_on, first_on, last_on), row.due_on)
    strayed = day + timedelta(days=habit.strays[row.number % len(habit.strays)])
    return strayed if strayed <= last_on and strayed.weekday() < SATURDAY else day


def _around(day: date, first_on: date, last_on: date) -> Iterator[date]:
    """Days of the window from `day` outwards, later before earlier, weekends at the end."""
    reach = max((last_on - day).days, (day - first_on).days, 0)
    steps = [0] + [sign * step for step in range(1, reach + 1) for sign in (1, -1)]
    days = [day + timedelta(days=step) for step in steps]
    inside = [on for on in days if first_on <= on <= last_on]
    yield from sorted(inside, key=lambda on: on.weekday() >= SATURDAY)


def _give(course: Course, diary: Diary, today: date) -> None:
    """The doses given before today. Recent ones take a place in a nurse's day."""
    story, random = course.story, course.random
    plain = course.order._replace(holds=(), discontinued_on=None)
    for number in range(1, story.given + 1):
        row = next_row(course.regimen, plain, course.history)
        if row is None:
            return
        elsewhere = number <= story.elsewhere or not _at_home(course)
        first_on, last_on = limits(row)
        wanted, last_on = preferred_day(row, course.habit), min(last_on, today - timedelta(days=1))
        days = [wanted] if first_on <= wanted <= last_on else []
        days += _around(wanted, first_on, last_on)
        if story.who is not None and number == story.given:
            days = _exact(days, number, plain, course, today + timedelta(days=story.next_in))
        if story.who is not None:
            days = days[:1]  # the day the story wants, with a visit of ours or without
        if not days:
            return
        day = days[0]
        if not elsewhere and (today - day).days <= SEEN_DAYS:
            booking = diary.book(course.wish(row, None), days)
            if booking is not None:
                day, course.familiar = booking.day, booking.file
                course.meetings.append(_meeting(course, row, booking, "completed", today))
        grade, kind = _reaction(story, number, random)
        per_m2 = row_mg_per_m2(row)
        given = Given(number, day, grade, kind or None, per_m2)
        course.told.append(Told(row, given, elsewhere))


def _exact(days: list[date], number: int, order: Order, course: Course, wanted: date) -> list[date]:
    """Days for the last dose of an example, those first that let the next one fall due when its story says."""

    def miss(on: date) -> int:
        after = next_row(course.regimen, order, [*course.history, Given(number, on)])
        return abs(((after.due_on if after else on) - wanted).days)

    return sorted(days, key=miss)


def row_mg_per_m2(row: Dose) -> Decimal | None:
    """What counts against a lifetime cap; None where no cap is kept."""
    if row.cumulative_mg_per_m2 is None:
        return None
    return row.why.slot.step.amount.mg_per_m2


def _reaction(story: Story, number: int, random: Random) -> tuple[str, str]:
    mild = random.random() < 0.05
    if story.reaction is not None and story.reaction.number == number:
        return story.reaction.grade, story.reaction.kind
    return ("mild" if mild else "none"), ""


def _book(course: Course, diary: Diary, now: datetime, today: date) -> dict[int, date]:
    """Visits for what falls due soon, one after the other: a dose waits for the one before it."""
    booked: dict[int, date] = {}
    while True:
        case = doses.Case(course.regimen, course.order, tuple(course.history))
        rows, _calendar = doses.lay_out(case, booked, today + timedelta(days=60))
        done = len(booked)
        if len(rows) <= done or rows[done].planned_on is None or not _wanted(course, rows[done], today):
            return booked
        row = rows[done]
        booking = diary.book(course.wish(row, _only(course, diary)), _days(course, row, today))
        if booking is None:
            return booked
        course.familiar = booking.file
        state = _state(booking, now, course.random, today)
        if course.story.key == "demo_patient" and booking.day > today:
            state = "booked"  # the one who signs in has something to say yes to
        late = row.window_end is not None and booking.day > row.window_end
        codes = ("LATE_OUTSIDE_WINDOW",) if late else ()
        course.meetings.append(_meeting(course, row, booking, state, today, codes))
        if state == "completed":
            given = Given(row.number, booking.day, "none", None, row_mg_per_m2(row))
            course.told.append(Told(row, given, elsewhere=False))
        else:
            booked[row.number] = booking.day


def _at_home(course: Course) -> bool:
    """Whether our nurses may give the drug in this home at all."""
    flags = course.regimen.site_of_care.flags
    return "SITE_NOT_HOME" not in flags and (
        "SITE_CLINIC_PREFERRED" not in flags or course.story.home_decision
    )


def _wanted(course: Course, row: Dose, today: date) -> bool:
    """Whether the office has got round to this dose: nearly all of tomorrow's, few of those in three weeks."""
    dice = course.random.random()
    in_days = (row.due_on - today).days
    next_one = row.number == course.story.given + 1
    if course.story.book == "always" and (next_one or in_days <= 3):
        return True
    if in_days > BOOKED_DAYS or row.needs_renewed_order:
        return False
    return dice < (0.95 if in_days <= 3 else 0.85 if in_days <= 7 else 0.65 if in_days <= 14 else 0.35)


def _only(course: Course, diary: Diary) -> NurseFile | None:
    """The one nurse the story asks for."""
    index = {"demo": 0, "sick": SICK_NURSE}.get(course.story.nurse)
    return None if index is None else diary.files[index]


def _days(course: Course, row: Dose, today: date) -> list[date]:
    """Days a visit could be, best first; past the window only with the reason the story gives."""
    first_on, last_on = limits(row)
    if course.story.override:
        first_on, last_on = today + timedelta(days=2), today + timedelta(days=8)
    first_on = max(first_on, today)
    if course.order.expires_on is not None:
        last_on = min(last_on, course.order.expires_on)
    days = [row.due_on] if first_on <= row.due_on <= last_on and course.story.next_in == 0 else []
    around = list(_around(max(first_on, row.due_on), first_on, last_on))
    near = [on for on in around if abs((on - row.due_on).days) <= 3 and on.weekday() == course.habit.weekday]
    days += near + around
    return [on for on in days if not any(hold.covers(on) for hold in course.order.holds)]


def _state(booking: Booking, now: datetime, random: Random, today: date) -> str:
    """What the clock says of a visit that goes as planned."""
    sure = random.random() < (0.8 if (booking.day - today).days <= 7 else 0.25)
    if booking.span.end <= now:
        return "completed"
    if booking.span.start <= now:
        return "arrived" if now - booking.span.start < timedelta(minutes=20) else "in_progress"
    return "confirmed" if sure or booking.day == today else "booked"


def _meeting(
    course: Course, row: Dose, booking: Booking, state: str, today: date, codes: tuple[str, ...] = ()
) -> Meeting:
    """The visit, with a change of plan before it for one in eight of the people nobody looks up by name."""
    booked_at, change = _booked_at(course, booking.day, today), None
    random = course.random
    if course.story.who is None and random.random() < 0.12:
        days = random.choice((-1, 1))
        first_on, last_on = limits(row)
        day = booking.day + timedelta(days=days)
        if first_on <= day <= last_on and day.weekday() < SATURDAY:
            state_then = random.choice(("moved", "moved", "cancelled"))
            change = Change(state_then, days, *random.choice(CHANGES))
    return Meeting(row, booking, state, booked_at, codes, change)


def _booked_at(course: Course, day: date, today: date) -> datetime:
    """Some days before the visit, in office hours, and never after today has begun."""
    random = course.random
    on = min(day - timedelta(days=random.randint(4, 15)), today - timedelta(days=random.randint(1, 4)))
    return at(on, time(random.randint(9, 16), random.choice((4, 11, 23, 38, 52))))


def _incident(course: Course, diary: Diary, today: date) -> dict[int, date]:
    """Two visits booked in good time; what then happened is told by the services (scheduling.demo.load).

    `late`: nobody was at home for the first. `severe`: the first took place, with a severe reaction.
    """
    row = next_row(course.regimen, course.order, course.history)
    assert row is not None
    first_on, last_on = limits(row)
    yesterday = today - timedelta(days=1)
    booking = diary.book(course.wish(row, None), _around(row.due_on, first_on, min(last_on, yesterday)))
    assert booking is not None
    late = course.story.incident == "late"
    state = "missed" if late else "booked"
    course.meetings.append(Meeting(row, booking, state, _booked_at(course, booking.day, today)))
    if late:
        diary.release(booking, course.place)
    case = doses.Case(course.regimen, course.order, tuple(course.history))
    rows, _calendar = doses.lay_out(case, {row.number: booking.day}, today + timedelta(days=60))
    following = rows[1]
    course.familiar = booking.file
    first_on, last_on = limits(following)
    second = diary.book(course.wish(following, None), sorted(_around(first_on, first_on, last_on)))
    assert second is not None
    course.meetings.append(Meeting(following, second, "booked", _booked_at(course, second.day, today)))
    both = {row.number: booking.day, following.number: second.day}
    return {following.number: second.day} if late else both
