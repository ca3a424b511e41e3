"""What must hold for every regimen and every history, searched for by Hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.regimens import catalogue
from scheduling.rules.calendar import FLAGS, Given, Hold, Order, plan
from scheduling.rules.intervals import Interval, add_months, due_after, earliest_after
from scheduling.rules.monitoring import series
from scheduling.rules.proposals import check_date

REGIMENS = sorted(catalogue.all_current())
STATUSES = {"active", "on_hold", "discontinued", "completed", "capped"}
every_regimen = pytest.mark.parametrize("regimen_id", REGIMENS)
examples = settings(max_examples=100)

days = st.dates(date(2020, 1, 1), date(2028, 12, 31))
grades = st.sampled_from(["none", "none", "none", "mild", "moderate", "severe"])


@st.composite
def holds(draw, around):
    start = around + timedelta(days=draw(st.integers(-60, 500)))
    clears = None if draw(st.integers(0, 3)) == 0 else start + timedelta(days=draw(st.integers(1, 200)))
    return Hold(start, clears)


@st.composite
def situations(draw, regimen_id, *, with_holds=True, with_end=False):
    """A patient of this regimen: an order, a history of real dates, and a day to look from."""
    regimen = catalogue.get(regimen_id)
    start_on = draw(days)
    most = min(regimen.default_total_doses or 8, 8)
    history, on = [], start_on + timedelta(days=draw(st.integers(0, 20)))
    for number in range(1, draw(st.integers(0, most)) + 1):
        if number > 1:
            on = on + timedelta(days=draw(st.integers(0, 40) | st.integers(150, 400)))
        history.append(Given(number, on, draw(grades)))
    if len(history) > 1 and draw(st.booleans()):
        history = history[draw(st.integers(0, len(history) - 1)) :]
    last_on = history[-1].on if history else start_on
    as_of = (history[-1].on if history else start_on - timedelta(days=30)) + timedelta(
        days=draw(st.integers(0, 60) | st.integers(0, 700))
    )
    order = Order(
        start_on,
        height_cm=Decimal(draw(st.integers(140, 200))),
        weight_kg=Decimal(draw(st.integers(40, 150))),
        holds=tuple(draw(st.lists(holds(last_on), max_size=2))) if with_holds else (),
        discontinued_on=draw(st.none() | days) if with_end else None,
    )
    return order, tuple(history), as_of


def upcoming(regimen_id, order, history, as_of, doses=7):
    return plan(catalogue.get(regimen_id), order, history, as_of, doses=doses)


@every_regimen
@examples
@given(data=st.data())
def test_no_projected_dose_comes_before_the_floor(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id))
    regimen = catalogue.get(regimen_id)
    previous = history[-1] if history else None
    previous_on = previous.on if previous else None
    for dose in upcoming(regimen_id, order, history, as_of).planned:
        step = regimen.step(dose.number)
        if previous_on is not None:
            floor_on = earliest_after(previous_on, step.min_separation.interval)
            assert dose.floor_on == floor_on
            assert dose.due_on >= floor_on
            assert dose.planned_on is None or dose.planned_on >= floor_on
        else:
            assert dose.number == 1
            assert dose.floor_on is None
        previous_on = dose.planned_on


@every_regimen
@examples
@given(data=st.data())
def test_no_two_doses_on_one_day_and_never_backwards(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id))
    planned = [
        dose.planned_on for dose in upcoming(regimen_id, order, history, as_of).planned if dose.planned_on
    ]
    assert planned == sorted(set(planned))
    assert not history or not planned or planned[0] > history[-1].on
    assert all(on >= as_of for on in planned)


@every_regimen
@examples
@given(data=st.data(), late=st.integers(1, 200))
def test_a_late_patient_is_never_planned_earlier(regimen_id, data, late):
    """Looking later, or having had the last dose later, moves no dose forward."""
    order, history, as_of = data.draw(situations(regimen_id, with_holds=False))
    delay = timedelta(days=late)
    now = upcoming(regimen_id, order, history, as_of).planned
    looked_later = upcoming(regimen_id, order, history, as_of + delay).planned
    for sooner, later in zip(now, looked_later, strict=True):
        assert later.planned_on >= sooner.planned_on
    if not history:
        return
    slipped = (*history[:-1], history[-1]._replace(on=history[-1].on + delay))
    for sooner, later in zip(now, upcoming(regimen_id, order, slipped, as_of + delay).planned, strict=False):
        assert later.planned_on >= sooner.planned_on


@every_regimen
@examples
@given(data=st.data())
def test_the_same_input_gives_the_same_calendar_and_changes_nothing(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id, with_end=True))
    before = (repr(order), repr(history))
    once = upcoming(regimen_id, order, history, as_of)
    again = upcoming(regimen_id, order, list(history), as_of)
    assert once == again
    assert [dose.reasons for dose in once.planned] == [dose.reasons for dose in again.planned]
    assert (repr(order), repr(history)) == before


@every_regimen
@examples
@given(data=st.data(), fewer=st.integers(0, 6), horizon=st.integers(0, 900), more=st.integers(0, 900))
def test_a_longer_horizon_only_appends(regimen_id, data, fewer, horizon, more):
    order, history, as_of = data.draw(situations(regimen_id))
    longest = upcoming(regimen_id, order, history, as_of, doses=7).planned
    assert upcoming(regimen_id, order, history, as_of, doses=fewer).planned == longest[:fewer]
    regimen = catalogue.get(regimen_id)
    until = as_of + timedelta(days=horizon)
    short = plan(regimen, order, history, as_of, until=until).planned
    long = plan(regimen, order, history, as_of, until=until + timedelta(days=more)).planned
    assert long[: len(short)] == short
    assert all(dose.due_on <= until for dose in short)
    assert all(dose.due_on > until for dose in long[len(short) :])


@every_regimen
@examples
@given(data=st.data())
def test_the_window_holds_the_due_date_and_starts_at_the_floor_or_later(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id))
    for dose in upcoming(regimen_id, order, history, as_of).planned:
        if dose.number == 1:
            assert dose.window_start is None
            assert dose.window_end is None
            continue
        assert dose.floor_on <= dose.window_start <= dose.due_on <= dose.window_end


@every_regimen
@examples
@given(data=st.data())
def test_no_dose_is_planned_inside_a_hold(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id))
    made = upcoming(regimen_id, order, history, as_of)
    for dose in made.planned:
        assert dose.planned_on is None or not any(hold.covers(dose.planned_on) for hold in order.holds)
    held = [dose for dose in made.planned if dose.planned_on is None]
    assert len(held) <= 1
    assert held == list(made.planned[-1:]) * len(held)
    if held:
        assert made.status == "on_hold"


@every_regimen
@examples
@given(data=st.data())
def test_numbers_follow_the_history_without_a_gap(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id))
    made = upcoming(regimen_id, order, history, as_of)
    first = history[-1].number + 1 if history else 1
    assert [dose.number for dose in made.planned] == list(range(first, first + len(made.planned)))
    total = catalogue.get(regimen_id).default_total_doses
    assert total is None or all(dose.number <= total for dose in made.planned)


@every_regimen
@examples
@given(data=st.data())
def test_flags_and_status_are_known_unique_and_in_order(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id, with_end=True))
    made = upcoming(regimen_id, order, history, as_of)
    assert made.status in STATUSES
    assert made.flags == tuple(flag for flag in FLAGS if flag in made.flags)
    assert {flag for dose in made.planned for flag in dose.flags} <= set(made.flags)
    assert (made.status == "discontinued") == (order.discontinued_on is not None)
    assert made.status in ("active", "on_hold") or not made.planned


@every_regimen
@examples
@given(data=st.data(), grade=st.sampled_from(["life_threatening"]))
def test_nothing_follows_a_life_threatening_reaction(regimen_id, data, grade):
    order, history, as_of = data.draw(situations(regimen_id))
    if not history:
        return
    reacted = (*history[:-1], history[-1]._replace(reaction=grade))
    made = upcoming(regimen_id, order, reacted, as_of)
    assert made.planned == ()
    assert "DISCONTINUE_PERMANENT" in made.flags
    wish = check_date(
        catalogue.get(regimen_id), order, reacted, as_of, number=history[-1].number + 1, on=as_of
    )
    assert (wish.decision, wish.earliest_allowed) == ("refuse", None)


@every_regimen
@examples
@given(data=st.data(), shift=st.integers(-40, 40))
def test_a_proposal_is_refused_exactly_before_the_floor(regimen_id, data, shift):
    order, history, as_of = data.draw(situations(regimen_id, with_holds=False))
    made = upcoming(regimen_id, order, history, as_of, doses=1)
    if not made.planned:
        return
    (dose,) = made.planned
    on = (dose.floor_on or dose.due_on) + timedelta(days=shift)
    wish = check_date(catalogue.get(regimen_id), order, history, as_of, number=dose.number, on=on)
    assert wish.earliest_allowed == dose.floor_on
    assert (wish.decision == "refuse") == (dose.floor_on is not None and shift < 0)
    if dose.window_start is not None and dose.window_start <= on <= dose.window_end:
        assert wish.decision == "accept"


@every_regimen
@examples
@given(data=st.data())
def test_every_dose_explains_itself_with_a_source(regimen_id, data):
    order, history, as_of = data.draw(situations(regimen_id))
    for dose in upcoming(regimen_id, order, history, as_of).planned:
        codes = [reason.code for reason in dose.reasons]
        assert codes[0] == "RULE"
        assert len(set(codes)) == len(codes)
        assert all(reason.source and reason.text.endswith(".") for reason in dose.reasons)
        assert dose.minutes.total >= dose.minutes.infusion > 0
        assert dose.amount_mg > 0


@every_regimen
@examples
@given(data=st.data(), near=st.integers(0, 400), far=st.integers(0, 400))
def test_monitoring_with_a_later_end_only_appends(regimen_id, data, near, far):
    order, history, as_of = data.draw(situations(regimen_id, with_end=True))
    made = partial(series, catalogue.get(regimen_id), order, history, as_of)
    until = as_of + timedelta(days=near)
    short = {(one.kind, one.after_course): one.dates for one in made(until=until)}
    long = {(one.kind, one.after_course): one.dates for one in made(until=until + timedelta(days=far))}
    for key, dates in short.items():
        assert dates == tuple(sorted(set(dates)))
        assert all(on <= until for on in dates)
        assert (
            set(dates) <= set(long[key]) or key[1] is not None
        )  # a planned course may cut an earlier series
    assert short.keys() <= long.keys()


@settings(max_examples=300)
@given(on=days, months=st.integers(1, 60))
def test_a_floor_is_never_before_the_due_date_of_the_same_length(on, months):
    due, floor = due_after(on, Interval(months=months)), earliest_after(on, Interval(months=months))
    assert timedelta(0) <= floor - due <= timedelta(days=1)
    assert due.day == on.day or (due + timedelta(days=1)).day == 1
    assert add_months(add_months(on, months), 12) <= add_months(on, months + 12)


@settings(max_examples=100)
@given(start=days, interval=st.integers(1, 12), doses=st.integers(1, 12))
def test_months_are_multiples_of_the_first_day(start, interval, doses):
    """No drift: the n-th dose on time falls on the day n intervals after the first, whatever months lie between."""
    base = catalogue.get("mitoxantrone_ms_q3m")
    first, rest = base.steps
    rest = replace(
        rest,
        interval=Interval(months=interval),
        min_separation=replace(rest.min_separation, interval=Interval(days=1)),
    )
    order = Order(start, height_cm=Decimal(170), weight_kg=Decimal(70))
    made = plan(replace(base, steps=(first, rest), cumulative_cap=None), order, (), start, doses=doses)
    assert [dose.due_on for dose in made.planned] == [add_months(start, interval * n) for n in range(doses)]
