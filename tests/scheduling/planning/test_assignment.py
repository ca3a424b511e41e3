"""Several visits placed together: nothing chosen ever collides, small problems are solved exactly, large ones well."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, product
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.planning.assignment import WHY_LEFT, Option, Room, Wish, assign, urgency
from scheduling.planning.travel import drive_minutes
from scheduling.rules.eligibility import Span, Stop

ZONE = ZoneInfo("America/Chicago")
DALLAS, FORT_WORTH, PLANO = (32.7767, -96.7970), (32.7555, -97.3308), (33.0198, -96.6989)
PLACES = (DALLAS, FORT_WORTH, PLANO)
MONDAY = date(2026, 3, 2)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def local(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)


def wish(
    key: int,
    *options: tuple[int, datetime, int],
    hours: int = 2,
    weight: int = 1,
    patient: int = 0,
    place=DALLAS,
):
    return Wish(key, patient or key, place, hours * HOUR, tuple(Option(*x) for x in options), weight)


def room(*stops: Stop, limit: int = 600) -> Room:
    return Room(ZONE, limit, stops)


def wrong_with(wishes, rooms, chosen) -> list[str]:
    """What is wrong with a choice, judged from the rules alone: options, overlap, drive, limit, patient."""
    by_key, found = {x.key: x for x in wishes}, []
    stops: dict[int, list[Stop]] = {nurse: list(x.stops) for nurse, x in rooms.items()}
    placed = []
    for key, option in chosen.items():
        if option not in by_key[key].options:
            found.append(f"{key}: not one of its options")
        span = Span(option.starts_at, option.starts_at + by_key[key].length)
        stops[option.nurse].append(Stop(span, by_key[key].place))
        placed.append((by_key[key].patient, span, option.nurse))
    for (a_patient, a, _n), (b_patient, b, _m) in combinations(placed, 2):
        if a_patient == b_patient and a.overlaps(b):
            found.append("a patient is visited twice at once")
    for _patient, span, nurse in placed:
        for stop in stops[nurse]:
            if stop.span == span:
                continue
            near = stop.span.end if stop.span.end <= span.start else stop.span.start
            gap = span.start - near if stop.span.end <= span.start else near - span.end
            here = next(x.place for x in stops[nurse] if x.span == span)
            if gap < MINUTE * drive_minutes(here, stop.place):
                found.append("no time to drive")
        day = span.start.astimezone(ZONE).date()
        spans = [x.span for x in stops[nurse] if x.span.start.astimezone(ZONE).date() == day]
        if len(set(spans)) < len(spans):
            found.append("one nurse twice at once")
        if sum((x.end - x.start) / MINUTE for x in spans) > rooms[nurse].day_limit_minutes:
            found.append("the day is too long")
    return found


def score(wishes, chosen) -> tuple[int, int]:
    weights = {x.key: x.weight for x in wishes}
    return sum(weights[key] for key in chosen), -sum(option.cost for option in chosen.values())


def best_of_all(wishes, rooms) -> tuple[int, int]:
    """By trying every choice there is."""
    found = (0, 0)
    for picked in product(*([None, *x.options] for x in wishes)):
        chosen = {x.key: option for x, option in zip(wishes, picked, strict=True) if option}
        if score(wishes, chosen) > found and not wrong_with(wishes, rooms, chosen):
            found = score(wishes, chosen)
    return found


def test_everybody_gets_the_cheapest_when_nobody_is_in_the_way():
    wishes = [wish(1, (1, local(9), 30), (1, local(13), 10)), wish(2, (2, local(9), 5))]
    plan = assign(wishes, {1: room(), 2: room()}, drive_minutes)
    assert {key: option.cost for key, option in plan.chosen.items()} == {1: 10, 2: 5}
    assert plan.exact and not plan.left


def test_a_dearer_time_for_one_is_taken_when_it_serves_both():
    wishes = [wish(1, (1, local(9), 0), (2, local(9), 50)), wish(2, (1, local(10), 20))]
    plan = assign(wishes, {1: room(), 2: room()}, drive_minutes)
    assert plan.chosen[1].nurse == 2 and plan.chosen[2].nurse == 1


def test_of_two_who_want_the_only_time_the_more_urgent_gets_it_and_the_other_is_told():
    wishes = [wish(1, (1, local(9), 0), weight=urgency(9)), wish(2, (1, local(9), 90), weight=urgency(1))]
    plan = assign(wishes, {1: room()}, drive_minutes)
    assert list(plan.chosen) == [2]
    assert plan.left == {1: "TIMES_GIVEN"}


def test_a_late_visit_never_costs_two_others_their_time():
    assert urgency(-40) == urgency(0) > urgency(1) > urgency(19) == urgency(400)
    assert 2 * urgency(400) > urgency(0)


def test_the_drive_from_one_chosen_visit_to_the_next_has_to_fit():
    road = drive_minutes(DALLAS, FORT_WORTH)
    near = [wish(1, (1, local(9), 0)), wish(2, (1, local(11), 0), place=FORT_WORTH)]
    assert assign(near, {1: room()}, drive_minutes).left == {2: "TIMES_GIVEN"}
    just = [wish(1, (1, local(9), 0)), wish(2, (1, local(11) + road * MINUTE, 0), place=FORT_WORTH)]
    assert not assign(just, {1: room()}, drive_minutes).left


def test_visits_booked_meanwhile_rule_a_time_out():
    taken = Stop(Span(local(10), local(12)), DALLAS)
    plan = assign([wish(1, (1, local(9), 0)), wish(2)], {1: room(taken)}, drive_minutes)
    assert plan.left == {1: "NO_ROOM", 2: "NO_OPTION"}
    assert set(plan.left.values()) <= set(WHY_LEFT)


def test_the_daily_maximum_counts_what_is_booked_and_what_is_chosen():
    booked = Stop(Span(local(6), local(8)), DALLAS)
    wishes = [wish(key, (1, local(9 + 3 * key), 0)) for key in range(3)]
    assert len(assign(wishes, {1: room(booked, limit=360)}, drive_minutes).chosen) == 2
    assert len(assign(wishes, {1: room(booked, limit=480)}, drive_minutes).chosen) == 3


def test_a_patient_is_not_visited_by_two_nurses_at_once():
    wishes = [wish(1, (1, local(9), 0), patient=7), wish(2, (2, local(10), 0), (2, local(11), 40), patient=7)]
    assert assign(wishes, {1: room(), 2: room()}, drive_minutes).chosen[2].starts_at == local(11)


small = st.builds(
    wish,
    st.just(0),
    st.tuples(st.integers(1, 2), st.integers(8, 15).map(local), st.integers(-20, 90)),
    st.tuples(st.integers(1, 2), st.integers(8, 15).map(local), st.integers(-20, 90)),
    st.tuples(st.integers(1, 2), st.integers(8, 15).map(local), st.integers(-20, 90)),
    hours=st.integers(1, 4),
    weight=st.integers(1, 3),
    patient=st.integers(1, 3),
    place=st.sampled_from(PLACES),
)
stops = st.builds(
    lambda hour, place: (Stop(Span(local(hour), local(hour + 1)), place),),
    st.integers(6, 18),
    st.sampled_from(PLACES),
)


def numbered(wishes):
    return [Wish(n, x.patient, x.place, x.length, x.options, x.weight) for n, x in enumerate(wishes)]


@given(
    wishes=st.lists(small, max_size=5).map(numbered),
    stops=st.one_of(st.just(()), stops),
    limit=st.sampled_from([240, 420, 600]),
)
@settings(max_examples=150)
def test_a_small_problem_is_solved_as_well_as_by_trying_everything(wishes, stops, limit):
    rooms = {1: Room(ZONE, limit, stops), 2: Room(ZONE, 480)}
    plan = assign(wishes, rooms, drive_minutes)
    assert wrong_with(wishes, rooms, plan.chosen) == []
    assert {*plan.chosen, *plan.left} == {x.key for x in wishes} and not plan.chosen.keys() & plan.left.keys()
    assert plan.exact and score(wishes, plan.chosen) == best_of_all(wishes, rooms)


def crowd(seed: int, visits: int, nurses: int, options: int):
    """A busy week: many visits after the same few nurses."""
    random = Random(seed)
    days = [MONDAY + timedelta(days=n) for n in range(3)]
    rooms = {
        n: room(Stop(Span(local(7), local(8)), random.choice(PLACES)), limit=random.choice([420, 600]))
        for n in range(nurses)
    }
    wishes = []
    for key in range(visits):
        times = [
            (random.randrange(nurses), local(random.randrange(8, 15), 15 * random.randrange(4), random.choice(days)),
             random.randrange(120))
            for _ in range(options)
        ]  # fmt: skip
        wishes.append(
            wish(key, *times, hours=random.choice([2, 3, 5]), weight=random.randrange(1, 40),
                 place=random.choice(PLACES))
        )  # fmt: skip
    return wishes, rooms


@pytest.mark.parametrize("seed", range(6))
def test_a_large_problem_has_a_plan_that_collides_nowhere_and_repeats_itself(seed):
    wishes, rooms = crowd(seed, visits=40, nurses=6, options=15)
    plan = assign(wishes, rooms, drive_minutes)
    assert wrong_with(wishes, rooms, plan.chosen) == []
    assert plan == assign(wishes, rooms, drive_minutes)
    assert plan.left, "crowded on purpose"
    for key in plan.left:  # nothing that is left could simply be added
        for option in wishes[key].options:
            assert wrong_with(wishes, rooms, {**plan.chosen, key: option})


@pytest.mark.parametrize("seed", range(3))
def test_twelve_visits_with_twenty_times_each_are_solved_exactly_or_as_well_with_twice_the_patience(seed):
    wishes, rooms = crowd(seed, visits=12, nurses=5, options=20)
    plan = assign(wishes, rooms, drive_minutes)
    longer = assign(wishes, rooms, drive_minutes, budget=60_000)
    assert wrong_with(wishes, rooms, plan.chosen) == []
    assert score(wishes, plan.chosen) == score(wishes, longer.chosen)


def test_when_the_budget_ends_the_plan_is_still_a_plan():
    wishes, rooms = crowd(1, visits=12, nurses=3, options=20)
    plan = assign(wishes, rooms, drive_minutes, budget=3)
    assert not plan.exact and plan.chosen
    assert wrong_with(wishes, rooms, plan.chosen) == []
