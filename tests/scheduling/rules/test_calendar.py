"""Which doses are to come, when, and what is said about them."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from scheduling.rules.calendar import FLAGS, Given, Hold, plan
from scheduling.rules.errors import BadInput
from scheduling.rules.intervals import Interval
from tests.scheduling.rules.makers import (
    calendar,
    day,
    due_days,
    given,
    measured,
    order,
    planned_days,
    regimen,
)

LOADED = given((1, "2025-01-15"), (2, "2025-01-29"))


def numbers(made):
    return [dose.number for dose in made.planned]


def test_nothing_asked_lists_nothing_but_still_says_what_is_overdue():
    made = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of="2025-08-13")
    assert made.planned == ()
    assert made.flags == ("OVERDUE", "MISSED")
    assert made.status == "active"


def test_until_includes_its_last_day_and_the_shorter_limit_wins():
    one = order("2025-01-15")
    made = calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", until=day("2026-01-15"))
    assert due_days(made) == ["2025-07-15", "2026-01-15"]
    made = calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", until=day("2026-01-14"))
    assert due_days(made) == ["2025-07-15"]
    made = calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", until=day("2030-01-01"), doses=1)
    assert due_days(made) == ["2025-07-15"]
    made = calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", until=day("2026-01-14"), doses=9)
    assert due_days(made) == ["2025-07-15"]


def test_dose_1_has_no_floor_and_no_window_and_can_be_overdue():
    made = calendar("natalizumab_q4w", order("2025-02-03"), as_of="2025-02-04", doses=2)
    first, second = made.planned
    assert (first.floor_on, first.window_start, first.window_end) == (None, None, None)
    assert (first.due_on, first.planned_on) == (day("2025-02-03"), day("2025-02-04"))
    assert first.flags == ("OVERDUE", "MISSED")
    assert second.planned_on == day("2025-03-04")
    assert (second.floor_on, second.window_start, second.window_end) == (
        day("2025-02-25"),
        day("2025-03-02"),
        day("2025-03-11"),
    )
    assert second.flags == ()
    assert made.flags == ("OVERDUE", "MISSED")


def test_an_overdue_first_dose_moves_what_counts_from_it():
    made = calendar("ocrelizumab_iv", order("2025-01-15"), as_of="2025-01-31", doses=4)
    assert planned_days(made) == ["2025-01-31", "2025-02-14", "2025-07-31", "2026-01-31"]


def test_a_dose_due_today_is_not_overdue():
    made = calendar("natalizumab_q4w", order("2025-02-03"), as_of="2025-02-03", doses=1)
    assert made.flags == ()


@pytest.mark.parametrize(
    ("as_of", "flags"),
    [
        ("2025-07-15", ()),
        ("2025-07-16", ("OVERDUE",)),
        ("2025-08-12", ("OVERDUE",)),
        ("2025-08-13", ("OVERDUE", "MISSED")),
    ],
)
def test_missed_begins_the_day_after_the_window(as_of, flags):
    made = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of=as_of, doses=2)
    assert made.flags == flags
    assert made.planned[1].flags == ()


def test_no_drift_over_many_month_ends():
    made = calendar("mitoxantrone_ms_q3m", measured("2025-11-30"), as_of="2025-11-30", doses=6)
    assert due_days(made) == [
        "2025-11-30",
        "2026-02-28",
        "2026-05-30",
        "2026-08-30",
        "2026-11-30",
        "2027-02-28",
    ]
    assert due_days(calendar("ocrelizumab_iv", order("2025-08-31"), as_of="2025-08-31", doses=6))[2:] == [
        "2026-02-28",
        "2026-08-31",
        "2027-02-28",
        "2027-08-31",
    ]


def test_a_given_date_re_anchors_even_when_it_is_a_clamped_one():
    history = given((1, "2025-08-31"), (2, "2025-09-14"), (3, "2026-02-28"))
    made = calendar("ocrelizumab_iv", order("2025-08-31"), history, as_of="2026-03-01", doses=2)
    assert due_days(made) == ["2026-08-28", "2027-02-28"]


def test_a_date_moved_by_a_hold_re_anchors_the_rest():
    holds = (Hold(day("2026-02-20"), day("2026-03-05")),)
    made = calendar("ocrelizumab_iv", order("2025-08-31", holds=holds), as_of="2025-08-31", doses=5)
    assert planned_days(made)[2:] == ["2026-03-05", "2026-09-05", "2027-03-05"]


def test_days_after_a_month_count_from_the_dose_itself():
    # course 2 starts twelve months after the last dose of course 1; its next days follow one by one
    history = given(*((n, f"2024-02-{24 + n}") for n in range(1, 6)))
    made = calendar("alemtuzumab_ms", order("2024-02-25"), history, as_of="2024-03-01", doses=3)
    assert due_days(made) == ["2025-03-01", "2025-03-02", "2025-03-03"]
    made = calendar("alemtuzumab_ms", order("2025-05-05"), as_of="2025-05-05", doses=8)
    assert [dose.course for dose in made.planned] == [1, 1, 1, 1, 1, 2, 2, 2]
    assert made.status == "active"


def test_the_month_count_survives_a_regimen_that_goes_from_months_to_days():
    base = regimen("natalizumab_q4w")
    first, rest = base.steps
    monthly = replace(rest, last=2, interval=Interval(months=1))
    made = plan(
        replace(base, steps=(first, monthly, replace(rest, first=3))),
        order("2025-01-31"),
        (),
        day("2025-01-31"),
        doses=4,
    )
    assert due_days(made) == ["2025-01-31", "2025-02-28", "2025-03-28", "2025-04-25"]


def test_only_the_latest_dose_listed_is_enough():
    made = calendar(
        "ocrelizumab_iv", order("2024-01-10"), given((5, "2026-01-12")), as_of="2026-02-01", doses=1
    )
    assert (numbers(made), due_days(made)) == ([6], ["2026-07-12"])
    # dose 1 is not listed: the start date stands for it
    made = calendar(
        "ocrelizumab_iv", order("2025-01-10"), given((2, "2025-01-30")), as_of="2025-02-01", doses=1
    )
    assert due_days(made) == ["2025-07-10"]


def test_the_day_dose_1_was_given_beats_the_start_date():
    made = calendar(
        "ocrelizumab_iv", order("2025-01-10"), given((1, "2025-01-13")), as_of="2025-01-13", doses=2
    )
    assert due_days(made) == ["2025-01-27", "2025-07-13"]


def test_history_in_any_order_gives_one_calendar():
    straight = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of="2025-02-01", doses=3)
    assert (
        calendar("ocrelizumab_iv", order("2025-01-15"), LOADED[::-1], as_of="2025-02-01", doses=3) == straight
    )


# holds


def test_a_dose_may_be_given_on_the_day_a_hold_clears_and_on_the_day_before_it_starts():
    due = "2025-07-15"
    for start, clear, expected in (
        ("2025-07-10", "2025-07-15", due),
        ("2025-07-16", "2025-07-20", due),
        ("2025-07-15", "2025-07-16", "2025-07-16"),
        ("2025-07-01", "2025-07-20", "2025-07-20"),
    ):
        holds = (Hold(day(start), day(clear)),)
        made = calendar(
            "ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=1
        )
        assert planned_days(made) == [expected]
        assert due_days(made) == [due]
        assert (made.flags, made.status) == ((), "active")


def test_one_hold_may_clear_into_the_next():
    holds = (Hold(day("2025-07-20"), day("2025-07-25")), Hold(day("2025-07-10"), day("2025-07-20")))
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=1)
    assert planned_days(made) == ["2025-07-25"]


def test_a_hold_without_an_end_stops_the_list_at_the_dose_it_covers():
    holds = (Hold(day("2025-12-01")),)
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=5)
    assert planned_days(made) == ["2025-07-15", None]
    held = made.planned[1]
    assert (held.due_on, held.window_start, held.window_end) == (
        day("2026-01-15"),
        day("2026-01-01"),
        day("2026-02-12"),
    )
    assert made.planned[0].flags == ()
    assert held.flags == ("ON_HOLD",)
    assert (made.flags, made.status) == (("ON_HOLD",), "on_hold")


def test_a_hold_that_clears_into_one_without_an_end_stops_too():
    holds = (Hold(day("2025-07-01"), day("2025-08-01")), Hold(day("2025-08-01")))
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=5)
    assert planned_days(made) == [None]


def test_an_overdue_dose_on_hold_is_both():
    holds = (Hold(day("2025-07-01")),)
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-08-20", doses=2)
    assert planned_days(made) == [None]
    assert made.flags == ("OVERDUE", "MISSED", "ON_HOLD")


def test_a_hold_without_an_end_that_runs_today_is_the_status_of_the_order():
    for starts_on, expected in (("2025-02-01", ("on_hold", ("ON_HOLD",))), ("2025-08-02", ("active", ()))):
        holds = (Hold(day(starts_on)),)
        made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01")
        assert (made.status, made.flags) == expected


def test_a_hold_with_an_end_is_not_a_status():
    holds = (Hold(day("2025-01-30"), day("2025-03-01")),)
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=1)
    assert (made.status, made.flags) == ("active", ())


# the end of an order


def test_a_life_threatening_reaction_ends_any_drug_for_good():
    history = given((1, "2025-01-15", "life_threatening"), (2, "2025-01-29"))
    made = calendar("ocrelizumab_iv", order("2025-01-15"), history, as_of="2025-02-01", doses=3)
    assert (made.planned, made.flags, made.status) == ((), ("DISCONTINUE_PERMANENT",), "discontinued")
    assert "dose 1" in made.notes[0].text


@pytest.mark.parametrize("grade", ["none", "mild", "moderate", "severe"])
def test_hypersensitivity_of_any_grade_ends_natalizumab_and_no_other(grade):
    history = given((1, "2025-01-15", grade, "hypersensitivity"))
    made = calendar("natalizumab_q4w", order("2025-01-15"), history, as_of="2025-02-01", doses=3)
    assert (made.planned, made.flags) == ((), ("DISCONTINUE_PERMANENT",))
    made = calendar("ocrelizumab_iv", order("2025-01-15"), history, as_of="2025-01-16", doses=3)
    assert made.status == "active"


def test_a_severe_reaction_does_not_end_the_drug():
    history = given((1, "2025-01-15", "severe", "infusion_related"))
    made = calendar("natalizumab_q4w", order("2025-01-15"), history, as_of="2025-01-16", doses=1)
    assert made.status == "active"


def test_a_stop_by_the_prescriber_ends_the_list():
    one = order("2025-01-15", discontinued_on=day("2025-06-01"))
    made = calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", doses=3)
    assert (made.planned, made.flags, made.status) == ((), ("DISCONTINUED",), "discontinued")
    assert made.notes[0].text == "The drug was stopped on Jun 1, 2025; no further dose is planned."
    reacted = given((1, "2025-01-15", "life_threatening"))
    made = calendar("ocrelizumab_iv", one, reacted, as_of="2025-02-01", doses=3)
    assert made.flags == ("DISCONTINUE_PERMANENT",)


def test_a_completed_series_has_nothing_to_come():
    history = given((3, "2025-05-07"))
    made = calendar("methylprednisolone_iv_3d", order("2025-05-05"), history, as_of="2025-05-08", doses=3)
    assert (made.planned, made.flags, made.status) == ((), (), "completed")


def test_a_series_stops_at_its_total_although_more_was_asked_for():
    made = calendar("methylprednisolone_iv_3d", order("2025-05-05"), as_of="2025-05-05", doses=9)
    assert numbers(made) == [1, 2, 3]
    assert made.status == "active"
    made = calendar("ocrelizumab_iv", order("2025-05-05", total_doses=2), as_of="2025-05-05", doses=9)
    assert numbers(made) == [1, 2]
    made = calendar("ocrelizumab_iv", order("2025-01-15", total_doses=2), LOADED, as_of="2025-05-05", doses=9)
    assert made.status == "completed"


def test_a_regimen_without_a_total_ends_with_its_rules():
    base = replace(regimen("cyclophosphamide_ssc_monthly"), default_total_doses=6)
    made = plan(base, measured("2025-01-07"), (), day("2025-01-07"), until=day("2040-01-01"))
    assert numbers(made) == [1, 2, 3, 4, 5, 6]


# warnings


def test_a_dose_given_too_early_is_flagged_and_still_the_anchor():
    history = given((1, "2025-01-15"), (2, "2025-01-28"))
    made = calendar(
        "rituximab_ms_1000x2_then_1000_q6m", order("2025-01-15"), history, as_of="2025-02-01", doses=2
    )
    assert made.flags == ("MIN_SEPARATION_VIOLATION",)
    assert made.notes[0].inputs == {"on": day("2025-01-28"), "floor_on": day("2025-01-29")}
    history = given((3, "2025-01-15"), (4, "2025-02-04"))
    made = calendar("natalizumab_q4w", order("2024-01-15"), history, as_of="2025-02-05", doses=1)
    assert made.flags == ("MIN_SEPARATION_VIOLATION",)
    assert due_days(made) == ["2025-03-04"]


def test_only_neighbours_in_the_history_can_be_too_close():
    history = given((3, "2025-01-15"), (5, "2025-01-20"))
    made = calendar("natalizumab_q4w", order("2024-01-15"), history, as_of="2025-02-05")
    assert "MIN_SEPARATION_VIOLATION" not in made.flags
    history = given((2, "2025-02-04"))  # the start date stands for dose 1: 20 days
    made = calendar("natalizumab_q4w", order("2025-01-15"), history, as_of="2025-02-05")
    assert made.flags == ("MIN_SEPARATION_VIOLATION",)
    history = given((3, "2025-01-16"))  # dose 2 is not known
    assert calendar("natalizumab_q4w", order("2025-01-15"), history, as_of="2025-02-05").flags == ()


def test_two_doses_on_one_day_are_flagged_not_refused():
    history = given((1, "2025-05-05"), (2, "2025-05-05"))
    made = calendar("methylprednisolone_iv_5d", order("2025-05-05"), history, as_of="2025-05-05", doses=1)
    assert made.flags == ("MIN_SEPARATION_VIOLATION",)
    assert due_days(made) == ["2025-05-06"]


def test_a_long_gap_before_a_listed_dose_needs_a_review():
    last = given((4, "2025-01-31"))
    for as_of, flags in (
        ("2026-01-30", ("OVERDUE", "MISSED")),
        ("2026-01-31", ("OVERDUE", "MISSED", "RESTART_REVIEW")),
    ):
        made = calendar("ocrelizumab_iv", order("2023-01-31"), last, as_of=as_of, doses=2)
        assert made.flags == flags
        assert made.planned[0].flags == flags
        assert made.planned[1].flags == ()
        assert calendar("ocrelizumab_iv", order("2023-01-31"), last, as_of=as_of).flags == flags
    made = calendar(
        "mitoxantrone_ms_q3m", measured("2023-01-31"), given((4, "2023-01-31")), as_of="2026-01-31"
    )
    assert made.flags == ("OVERDUE", "MISSED")  # no restart rule there


def test_a_gap_made_by_a_hold_needs_a_review_too():
    holds = (Hold(day("2025-06-01"), day("2026-01-29")),)
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=2)
    assert made.flags == ("RESTART_REVIEW",)
    holds = (Hold(day("2025-06-01"), day("2026-01-28")),)
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-02-01", doses=2)
    assert made.flags == ()


def test_a_gap_in_the_history_needs_no_review_of_the_next_dose():
    history = given((20, "2025-01-06"), (21, "2025-08-25"))
    assert calendar("natalizumab_q4w", order("2023-01-02"), history, as_of="2025-08-26", doses=2).flags == ()


@pytest.mark.parametrize(
    ("doses", "flagged"),
    [
        ((), True),
        (((1, "2024-01-08"),), True),
        (((14, "2025-01-08"),), False),
        (((14, "2025-01-07"),), True),
        (((14, "2025-01-08"), (15, "2025-02-19"), (16, "2025-04-02")), False),
        (((13, "2024-12-30"), (14, "2025-02-03"), (15, "2025-03-10")), True),  # 35 days: already extended
        (((13, "2024-12-31"), (14, "2025-02-03")), False),  # 34 days: still the ordinary interval
        (((4, "2024-04-29"), (5, "2024-06-04"), (6, "2024-07-02"), (14, "2025-02-11")), False),  # once late
        (
            ((12, "2024-12-02"), (13, "2025-01-13"), (14, "2025-02-10")),
            False,
        ),  # the latest came after 28 days
        (((1, "2024-02-08"), (14, "2025-02-08")), False),
        (((1, "2024-02-09"), (14, "2025-02-08")), True),  # the day dose 1 was really given counts
        (((2, "2024-02-19"), (3, "2025-02-03")), True),  # the start date stands for dose 1: 42 days
    ],
)
def test_a_year_on_the_ordinary_interval_comes_before_the_extended_one(doses, flagged):
    as_of = doses[-1][1] if doses else "2024-01-08"
    made = calendar("natalizumab_eid_q6w", order("2024-01-08"), given(*doses), as_of=as_of, doses=1)
    assert ("EID_BEFORE_12_MONTHS" in made.flags) is flagged
    assert ("EID_BEFORE_12_MONTHS" in [note.code for note in made.notes]) is flagged


@pytest.mark.parametrize(
    ("starts", "flagged"),
    [
        (("2024-11-10", "2025-06-02"), True),  # 365 days before, included
        (("2024-11-09", "2025-06-02"), False),
        (("2025-11-09", "2025-06-02"), True),
        (("2025-11-10", "2025-06-02"), False),  # the start itself is not an earlier course
        (("2025-06-02",), False),
    ],
)
def test_a_third_steroid_course_in_a_year_is_flagged(starts, flagged):
    one = order("2025-11-10", prior_course_starts=tuple(map(day, starts)))
    made = calendar("methylprednisolone_iv_3d", one, as_of="2025-11-10", doses=1)
    assert made.flags == (("COURSE_FREQUENCY",) if flagged else ())
    assert calendar("ocrelizumab_iv", one, as_of="2025-11-10", doses=1).flags == ()


def test_the_course_counts_from_the_day_it_can_start():
    starts = day("2024-11-10"), day("2025-06-02")
    one = order("2025-11-10", prior_course_starts=starts)
    made = calendar("methylprednisolone_iv_3d", one, as_of="2025-11-11", doses=1)
    assert "COURSE_FREQUENCY" not in made.flags  # moved to the 11th
    given_on_time = given((1, "2025-11-10"))
    made = calendar("methylprednisolone_iv_3d", one, given_on_time, as_of="2025-11-11", doses=1)
    assert made.flags == ("COURSE_FREQUENCY",)
    given_late = given((1, "2025-11-11"))
    made = calendar("methylprednisolone_iv_3d", one, given_late, as_of="2025-11-11", doses=1)
    assert made.flags == ()
    held = order("2025-11-10", prior_course_starts=starts, holds=(Hold(day("2025-11-01")),))
    made = calendar("methylprednisolone_iv_3d", held, as_of="2025-11-11", doses=1)
    assert "COURSE_FREQUENCY" in made.flags  # no day known: the due date stands
    stopped = order("2025-11-10", prior_course_starts=starts, discontinued_on=day("2025-11-12"))
    made = calendar("methylprednisolone_iv_3d", stopped, as_of="2025-11-11", doses=1)
    assert made.flags == ("DISCONTINUED", "COURSE_FREQUENCY")


# the lifetime counter


def cumulative(made):
    return [dose.cumulative_mg_per_m2 for dose in made.planned]


def test_the_counter_counts_what_was_given_and_what_nobody_listed():
    last = (Given(5, day("2025-10-06"), mg_per_m2=D(8)),)
    for prior, counter in ((None, 4 * 12 + 8 + 12), (D(0), 20), (D(30), 50)):
        one = measured("2024-10-06", prior_cumulative_mg_per_m2=prior)
        made = calendar("mitoxantrone_ms_q3m", one, last, as_of="2025-10-10", doses=1)
        assert cumulative(made) == [counter]
    between = (Given(2, day("2025-01-06"), mg_per_m2=D(10)), Given(4, day("2025-07-06")))
    one = measured("2024-10-06", prior_cumulative_mg_per_m2=D(5))
    made = calendar("mitoxantrone_ms_q3m", one, between, as_of="2025-10-06", doses=1)
    assert cumulative(made) == [5 + 10 + 12 + 12 + 12]
    made = calendar(
        "mitoxantrone_ms_q3m",
        measured("2025-01-06", prior_cumulative_mg_per_m2=D(24)),
        as_of="2025-01-06",
        doses=2,
    )
    assert cumulative(made) == [36, 48]


def test_a_regimen_without_a_cap_counts_nothing():
    assert cumulative(
        calendar("cyclophosphamide_ssc_monthly", measured("2025-01-07"), as_of="2025-01-07", doses=1)
    ) == [None]


def test_the_cap_stops_the_list_and_is_flagged_only_when_a_dose_asked_for_is_refused():
    one = measured("2025-01-06", prior_cumulative_mg_per_m2=D(116))
    made = calendar("mitoxantrone_ms_q3m", one, as_of="2025-01-06", doses=2)
    assert (cumulative(made), made.flags, made.status) == ([128, 140], (), "active")
    made = calendar("mitoxantrone_ms_q3m", one, as_of="2025-01-06", doses=3)
    assert (cumulative(made), made.flags, made.status) == ([128, 140], ("CAP_REACHED",), "active")
    assert (
        made.notes[0].text
        == "Dose 3 would bring the lifetime total to 152 mg/m2, above 140 mg/m2; it is not planned."
    )
    assert len(made.notes) == 1
    made = calendar("mitoxantrone_ms_q3m", one, as_of="2025-01-06", until=day("2025-07-05"))
    assert made.flags == ()
    made = calendar("mitoxantrone_ms_q3m", one, as_of="2025-01-06", until=day("2025-07-06"))
    assert made.flags == ("CAP_REACHED",)


def test_an_order_that_has_no_dose_left_is_capped():
    for doses in (0, 2):
        one = measured("2025-01-06", prior_cumulative_mg_per_m2=D("128.5"))
        made = calendar("mitoxantrone_ms_q3m", one, as_of="2025-03-01", doses=doses)
        assert (made.planned, made.flags, made.status) == ((), ("CAP_REACHED",), "capped")
        assert [note.code for note in made.notes] == ["CAP_REACHED"]
        assert len(made.notes) == 1
    made = calendar("mitoxantrone_ms_q3m", one, as_of="2025-03-01")
    assert made.status == "capped"


def test_a_dose_cut_at_its_largest_is_flagged():
    tall = order("2025-01-07", height_cm=D(195), weight_kg=D(130))
    made = calendar("cyclophosphamide_ssc_monthly", tall, as_of="2025-01-07", doses=2)
    assert [dose.amount_mg for dose in made.planned] == [1200, 1200]
    assert made.flags == ("DOSE_CAPPED",)
    assert made.planned[1].flags == ("DOSE_CAPPED",)
    assert calendar("cyclophosphamide_ssc_monthly", tall, as_of="2025-01-07").flags == ()


def test_flags_come_once_in_the_house_order():
    tall = order("2025-01-07", height_cm=D(195), weight_kg=D(130), holds=(Hold(day("2025-04-01")),))
    history = given((1, "2025-01-07"), (2, "2025-01-20"))
    made = calendar("cyclophosphamide_ssc_monthly", tall, history, as_of="2025-03-01", doses=9)
    assert made.flags == ("OVERDUE", "MISSED", "ON_HOLD", "MIN_SEPARATION_VIOLATION", "DOSE_CAPPED")
    assert list(made.flags) == [flag for flag in FLAGS if flag in made.flags]


def test_every_flag_of_the_house_has_its_published_name_and_place():
    assert FLAGS == (
        "OVERDUE",
        "MISSED",
        "ON_HOLD",
        "MIN_SEPARATION_VIOLATION",
        "EARLY_OUTSIDE_WINDOW",
        "LATE_OUTSIDE_WINDOW",
        "RESTART_REVIEW",
        "DISCONTINUE_PERMANENT",
        "DISCONTINUED",
        "CAP_REACHED",
        "DOSE_CAPPED",
        "EID_BEFORE_12_MONTHS",
        "COURSE_FREQUENCY",
        "PRESCRIBER_REVIEW",
    )


def test_a_gap_of_one_month_is_reached_after_the_shortest_month_too():
    base = regimen("ocrelizumab_iv")
    one = replace(base, restart=replace(base.restart, gap=Interval(months=1)))
    for as_of, flags in (("2025-02-28", ()), ("2025-03-01", ("RESTART_REVIEW",))):
        made = plan(one, order("2025-02-01"), given((1, "2025-02-01")), day(as_of), doses=1)
        assert made.planned[0].flags == ("OVERDUE", "MISSED", *flags)


def test_a_short_last_course_ends_where_it_ends():
    base = regimen("alemtuzumab_ms")
    short = replace(base, courses=(*base.courses[:-1], replace(base.courses[-1], last=13)))
    made = plan(short, order("2025-05-05", total_doses=14), (), day("2025-05-05"), doses=14)
    assert [dose.course for dose in made.planned[11:]] == [4, 4, None]
    needed = [{gate.when for gate in dose.gates} for dose in made.planned[11:]]
    assert ["before_every_course" in when for when in needed] == [True, False, False]


# the order's own end, gates, measurements


def test_doses_after_the_end_of_the_order_need_a_renewed_one():
    one = order("2025-01-15", expires_on=day("2026-01-15"))
    made = calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", doses=3)
    assert [dose.needs_renewed_order for dose in made.planned] == [False, False, True]
    made = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of="2025-02-01", doses=1)
    assert made.planned[0].needs_renewed_order is False
    # due in time, but only possible after the end
    late = order("2025-01-15", expires_on=day("2025-07-20"))
    made = calendar("ocrelizumab_iv", late, LOADED, as_of="2025-07-21", doses=1)
    assert made.planned[0].needs_renewed_order is True


def test_every_dose_knows_its_gates():
    made = calendar("ocrelizumab_iv", order("2025-01-15"), as_of="2025-01-15", doses=2)
    assert [gate.kind for gate in made.planned[0].gates] == [
        "hbv_screening",
        "serum_immunoglobulins",
        "liver_function_tests",
        "live_vaccine",
        "non_live_vaccine",
        "infection_check",
    ]
    assert [gate.kind for gate in made.planned[1].gates] == ["infection_check"]


def test_a_course_needs_its_gates_on_its_first_day_only():
    made = calendar("alemtuzumab_ms", order("2025-05-05"), as_of="2025-05-05", doses=8)
    kinds = [[gate.kind for gate in dose.gates] for dose in made.planned]
    course = ["lemtrada_rems_patient_authorization", "baseline_labs_cbc_creatinine_urinalysis_tsh_lft"]
    assert kinds[0][:2] == course
    assert len(kinds[0]) == 9
    assert kinds[1] == kinds[4] == kinds[7] == ["infection_check"]
    assert kinds[5] == [*course, "infection_check"]


def test_every_course_to_the_last_one_knows_its_days():
    made = calendar("alemtuzumab_ms", order("2025-05-05", total_doses=14), as_of="2025-05-05", doses=14)
    assert [dose.course for dose in made.planned] == [1] * 5 + [2] * 3 + [3] * 3 + [4] * 3
    assert [len(dose.gates) for dose in made.planned] == [9, 1, 1, 1, 1, 3, 1, 1, 3, 1, 1, 3, 1, 1]
    assert [dose.minutes.premedication for dose in made.planned] == [30, 30, 30, 0, 0] + [30] * 9


def test_a_weight_is_needed_only_where_an_amount_is_worked_out():
    for doses in (None, 0):
        assert calendar("ivig_ms", order("2025-03-03"), as_of="2025-03-03", doses=doses).planned == ()
    with pytest.raises(BadInput) as bad:
        calendar("ivig_ms", order("2025-03-03"), as_of="2025-03-03", doses=1)
    assert bad.value.field == "weight_kg"
    stopped = order("2025-03-03", discontinued_on=day("2025-03-03"))
    assert calendar("ivig_ms", stopped, as_of="2025-03-03", doses=1).planned == ()


def test_the_interval_the_order_chose_is_used():
    one = measured("2025-03-03", parameters={"maintenance_interval_days": D(35)})
    made = calendar("ivig_ms", one, as_of="2025-03-03", doses=7)
    assert planned_days(made)[5:] == ["2025-04-07", "2025-05-12"]


def test_two_orders_of_one_regimen_do_not_see_each_other():
    small = order("2025-01-31", height_cm=D(150), weight_kg=D(45))
    first = calendar("mitoxantrone_ms_q3m", measured("2025-01-31"), as_of="2025-01-31", doses=1)
    second = calendar("mitoxantrone_ms_q3m", small, as_of="2025-01-31", doses=1)
    assert (first.planned[0].amount_mg, second.planned[0].amount_mg) == (22, 16)


def test_a_very_long_list_ends_and_never_leaves_the_calendar():
    made = plan(regimen("ocrelizumab_iv"), order("2190-08-31"), (), date(2200, 12, 31), doses=2500)
    assert len(made.planned) == 2500
    made = plan(regimen("natalizumab_q4w"), order("2025-01-01"), (), date(2025, 1, 1), doses=9999)
    assert len(made.planned) == 3000
