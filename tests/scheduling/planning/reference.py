"""A slow search, by the rules themselves and by plain loops, and the worlds both searches are asked in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from scheduling.planning.facts import NurseFacts, Wanted, may_give
from scheduling.planning.travel import drive_minutes
from scheduling.rules.eligibility import (
    NO_PAIRS,
    CompetencyFact,
    LicenceFact,
    Pairs,
    ShiftFact,
    Span,
    Stop,
    day_limit_problem,
    hours_problem,
    room_problems,
)

ZONE = ZoneInfo("America/Chicago")
DALLAS, FORT_WORTH, PLANO = (32.7767, -96.7970), (32.7555, -97.3308), (33.0198, -96.6989)
MONDAY = date(2026, 3, 2)
LONG_AGO = date(2020, 1, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEFORE = datetime(2026, 3, 1, tzinfo=UTC)


def local(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def nurse(
    key: int = 1, *, home=DALLAS, codes=("iv", "ocrelizumab"), stops=(), away=(), limit=600, hours=(8, 17),
    licence=("TX", date(2099, 1, 1)), weekdays=range(7), zone=ZONE, pause=(None, None),
):  # fmt: skip
    return NurseFacts(
        key=key,
        home=home,
        zone=zone,
        day_limit_minutes=limit,
        licences=(LicenceFact(licence[0], False, LONG_AGO, licence[1]),),
        competencies=tuple(CompetencyFact(code, LONG_AGO, None) for code in codes),
        shifts=tuple(
            ShiftFact(day, time(hours[0]), time(hours[1]), LONG_AGO, None, *pause) for day in weekdays
        ),
        time_off=tuple(away),
        stops=tuple(stops),
    )


def wanted(**changed) -> Wanted:
    facts = {"place": DALLAS, "state": "TX", "zone": ZONE, "length": 4 * HOUR, "needs": ("iv", "ocrelizumab")}
    return Wanted(**{**facts, **changed})


def slow(nurses, days, after, wish: Wanted, known, outside):
    """(cost, start, nurse, added) of the best start of each nurse and day, in order, by plain loops."""
    best = {}
    for one in nurses:
        for day in days:
            for quarter in range(32, 69):
                wall = datetime.combine(day, time(quarter // 4, quarter % 4 * 15))
                start = wall.replace(tzinfo=wish.zone).astimezone(UTC)
                if start <= after or not slow_fits(one, wish, start):
                    continue
                added = slow_added(one, wish, start)
                cost = added + 20 * abs((day - wish.due_on).days) + (600 if day in outside else 0)
                if wish.prefers:
                    cost += 0 if (wall.hour < 12) == (wish.prefers == "morning") else 30
                total = sum(known.values())
                cost -= 30 * known.get(one.key, 0) // total if total else 0
                key = (one.key, start.astimezone(one.zone).date())
                best[key] = min(best.get(key, (10**9,)), (cost, start, one.key, added))
    return sorted(best.values())


def slow_fits(one: NurseFacts, wish: Wanted, start: datetime) -> bool:
    span = Span(start, start + wish.length)
    if any(may_give(one, wish, at.astimezone(wish.zone).date()) for at in (span.start, span.end)):
        return False
    if hours_problem(one.shifts, one.time_off, span, one.zone):
        return False
    if any(room_problems(span, wish.place, one.stops, wish.patient_spans, drive_minutes)):
        return False
    booked = sum(int((x.span.end - x.span.start).total_seconds() // 60) for x in same_day(one, start))
    length = int(wish.length.total_seconds() // 60)
    return day_limit_problem(booked, length, one.day_limit_minutes) is None


def same_day(one: NurseFacts, start: datetime) -> list[Stop]:
    day = start.astimezone(one.zone).date()
    return [x for x in one.stops if x.span.start.astimezone(one.zone).date() == day]


def slow_added(one: NurseFacts, wish: Wanted, start: datetime) -> int:
    before = [x for x in same_day(one, start) if x.span.end <= start]
    after = [x for x in same_day(one, start) if x.span.start > start]
    came = max(before, key=lambda x: x.span.start).place if before else one.home
    goes = min(after, key=lambda x: x.span.start).place if after else one.home
    return drive_minutes(came, wish.place) + drive_minutes(wish.place, goes) - drive_minutes(came, goes)


PLACES = st.sampled_from([DALLAS, FORT_WORTH, PLANO, (32.9, -96.9), (32.7767, -96.80)])
ZONES = st.sampled_from([ZONE, ZoneInfo("America/Denver"), ZoneInfo("America/Phoenix")])


@st.composite
def worlds(draw):
    """Nurses, days, the moment asked at, the wish, visits before by nurse, and the days that need a reason."""
    first = draw(
        st.sampled_from([MONDAY, date(2026, 3, 6), date(2026, 10, 30)])
    )  # two with a change of clocks
    days = [first + n * DAY for n in range(draw(st.integers(1, 4)))]
    nurses = [draw(nurse_facts(key, first)) for key in range(1, draw(st.integers(1, 3)) + 1)]
    wish = wanted(
        place=draw(PLACES),
        length=timedelta(minutes=draw(st.sampled_from([30, 95, 240]))),
        needs=("iv",),
        patient_spans=tuple(draw(spans(first, 1, 300))),
        due_on=first + draw(st.integers(-2, 5)) * DAY,
        prefers=draw(st.sampled_from(["", "morning", "afternoon"])),
        pairs=draw(PAIRS),
    )
    known = {key: draw(st.integers(0, 4)) for key in (1, 2)}
    outside = frozenset(draw(st.sets(st.sampled_from(days))))
    return nurses, days, midnight(first) + draw(QUARTERS) - DAY, wish, known, outside


PAIRS = st.one_of(
    st.just(NO_PAIRS),
    st.builds(
        Pairs, only=st.frozensets(st.integers(1, 3)), never=st.frozensets(st.integers(1, 2), max_size=1)
    ),
)
QUARTERS = st.integers(-4, 4 * 96).map(lambda n: timedelta(minutes=15 * n))


def midnight(day):
    return datetime.combine(day, time(0), ZONE).astimezone(UTC)


@st.composite
def spans(draw, first, most, longest):
    """Spans that do not overlap, as the database keeps them."""
    taken = []
    for _n in range(draw(st.integers(0, most))):
        at = midnight(first) + draw(QUARTERS) + timedelta(minutes=draw(st.sampled_from([0, 0, 7])))
        span = Span(at, at + timedelta(minutes=draw(st.integers(1, longest))))
        if not any(span.overlaps(other) for other in taken):
            taken.append(span)
    return taken


@st.composite
def shifts(draw, weekday, opens):
    """Hours of a weekday, with a break or without."""
    closes = draw(st.integers(opens + 1, 22))
    pause = (None, None)
    if closes > opens + 1 and draw(st.booleans()):
        begins = opens * 60 + 15 * draw(st.integers(1, (closes - opens) * 4 - 3))
        ends = begins + draw(st.sampled_from([15, 20, 30]))
        pause = (time(begins // 60, begins % 60), time(ends // 60, ends % 60))
    return ShiftFact(weekday, time(opens), time(closes), LONG_AGO, None, *pause)


@st.composite
def nurse_facts(draw, key, first):
    """A nurse whose papers may begin or end on the days asked about."""
    opens = draw(st.integers(6, 13))
    return NurseFacts(
        key=key,
        home=draw(PLACES),
        zone=draw(ZONES),
        day_limit_minutes=draw(st.sampled_from([200, 400, 600])),
        licences=(LicenceFact("TX", False, LONG_AGO, first + draw(st.integers(0, 5)) * DAY),),
        competencies=(CompetencyFact("iv", first + draw(st.integers(-1, 1)) * DAY, None),),
        shifts=tuple(
            draw(shifts(weekday, opens)) for weekday in draw(st.sets(st.integers(0, 6), min_size=3))
        ),
        time_off=tuple(draw(spans(first, 2, 600))),
        stops=tuple(Stop(span, draw(PLACES)) for span in draw(spans(first, 5, 240))),
    )
