"""What a plan keeps as codes and figures is said in plain words; what nobody knows is left out."""

from __future__ import annotations

import pytest

from scheduling import drawing_plan
from scheduling.planning.routing import why
from scheduling.readings import plan_words

NAMES = {7: "Ana Torres"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"code": "DAYS_FROM_DUE", "days": 0}, "On the due date"),
        ({"code": "DAYS_FROM_DUE", "days": -1}, "1 day before the due date"),
        ({"code": "DRIVE", "added": 12, "there": 9}, "+12 min driving (9 min there)"),
        ({"code": "DRIVE", "added": 12}, "+12 min driving"),
        ({"code": "KNOWN_NURSE", "visits": 3, "all": 5}, "Seen by this nurse 3 of 5 times"),
        ({"code": "NEW_NURSE"}, "New nurse for this patient"),
        ({"code": "ONLY_NURSE"}, "Only nurse who may"),
        ({"code": "ABLE_NURSES", "nurses": 1}, "Only nurse who may"),
        ({"code": "ABLE_NURSES", "nurses": 2}, "2 nurses may"),
        ({"code": "WISH", "met": True, "wish": "morning"}, "As wished: mornings"),
        ({"code": "WISH", "met": False, "wish": "afternoon"}, "Not as wished: afternoons"),
        ({"code": "PINNED"}, "Always this nurse"),
        ({"code": "CLOSING", "days": 0}, "Last day of the window"),
        ({"code": "CLOSING", "days": 2}, "Window closes 2 days later"),
        ({"code": "SAME_NURSE_COURSE"}, "One nurse for the whole course"),
        ({"code": "NEXT_BEST", "minutes": 14}, "Next best costs 14 min more"),
    ],
)
def test_a_reason_is_said(said, words):
    assert plan_words.reasons([said]) == [words]


@pytest.mark.parametrize(
    "said", [{"code": "NOBODY_KNOWS"}, {"code": "DRIVE"}, {}, {"code": "CLOSING", "days": None}]
)
def test_a_code_nobody_knows_or_a_figure_that_is_missing_says_nothing(said):
    assert plan_words.reasons([said]) == []
    assert plan_words.helps([said], NAMES) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"code": "LONGER", "nurse": 7, "on": "2026-03-10", "until": "17:00"},
         "Ana Torres until 5:00 pm on Tue, Mar 10"),
        ({"code": "LONGER", "nurse": 7, "on": "2026-03-10", "from": "06:30"},
         "Ana Torres from 6:30 am on Tue, Mar 10"),
        ({"code": "LIMIT", "nurse": 7, "on": "2026-03-10", "minutes": 30},
         "30 min more of visits for Ana Torres on Tue, Mar 10"),
        ({"code": "OTHER_DAY", "on": "2026-03-16"}, "Mon, Mar 16 instead, outside its window"),
        ({"code": "SKILL", "skill": "natalizumab", "nurse": 7, "on": "2026-03-10"},
         "The drug's papers for Ana Torres, who has room on Tue, Mar 10"),
        ({"code": "SKILL", "skill": "licence:TX", "nurse": 7, "on": "2026-03-10"},
         "A licence for TX for Ana Torres, who has room on Tue, Mar 10"),
        ({"code": "INSTEAD", "nurse": 7, "on": "2026-03-10", "visit": "d4"},
         "Ana Torres on Tue, Mar 10, in place of a less urgent visit"),
        ({"code": "LIMIT", "nurse": 8, "on": "2026-03-10", "minutes": 30},
         "30 min more of visits for A nurse on Tue, Mar 10"),
    ],
)  # fmt: skip
def test_what_would_help_is_said(said, words):
    assert plan_words.helps([said], NAMES) == [words]


def test_every_code_of_the_planner_has_its_words():
    told = {name for name in vars(why) if name.isupper() and getattr(why, name) == name}
    assert {"NOBODY_MAY", "NOBODY_WORKS", "TOO_LONG", "NO_ROOM", "TIMES_GIVEN", "COURSE", "SAME_DAY"} <= set(
        plan_words.WHY_LEFT
    )
    assert told <= set(plan_words.WHY_LEFT) | set(plan_words.HELPS)


def test_why_nothing_was_found_is_never_empty():
    assert plan_words.why_left([]) == "No time was found."
    assert (
        plan_words.why_left([{"code": "BLOCKED", "text": "The order ends before."}])
        == "The order ends before."
    )


def test_the_curve_steps_down_and_never_leaves_its_frame():
    drawn = drawing_plan.curve(
        [(0.5, 900), (2.0, 400), (9.0, 400)],
        seconds=20,
        bound=300,
        label="<b>",
        say=str,
        words=("least", "s"),
    )
    assert drawn.count("V") == 2 and "&lt;b&gt;" in drawn and "curve-bound" in drawn
    assert "20 s" in drawn


def test_a_search_of_one_step_and_no_bound_is_drawn_all_the_same():
    drawn = drawing_plan.curve([(0.0, 5)], seconds=0, bound=None, label="x", say=str, words=("", "s"))
    assert "curve-now" in drawn and "curve-bound" not in drawn and "nan" not in drawn


def test_one_home_alone_is_a_map_and_no_place_is_none():
    home = drawing_plan.Home((32.8, -96.8), "O'Brien & Co")
    assert "O&#x27;Brien &amp; Co" in drawing_plan.difference_map([home], [], [], label="x")
    assert drawing_plan.difference_map([], [], [], label="x") == ""
