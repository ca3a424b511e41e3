"""A case in and out: every key, always; bad input named by its field."""

import json
from decimal import Decimal as D

import pytest

from scheduling.regimens import catalogue
from scheduling.regimens.catalogue import run_case
from scheduling.rules.case import Facts, read_case
from scheduling.rules.errors import BadInput
from scheduling.rules.reading import shown
from tests.scheduling.rules.test_examples import KEYS

BASE = {"regimen_id": "ocrelizumab_iv", "start_date": "2025-01-15", "as_of": "2025-02-01", "plan_doses": 1}


def case(**more):
    return {key: value for key, value in {**BASE, **more}.items() if value != "left out"}


def test_every_key_is_always_there_and_what_was_not_asked_is_empty():
    answer = run_case(case(plan_doses="left out"))
    assert answer.keys() >= KEYS
    assert answer["planned"] == answer["contacts"] == answer["prerequisite_check"] == []
    assert answer["proposal_result"] is None
    assert answer["switch_result"] is None
    assert answer["static_flags"] == []
    assert (answer["regimen_id"], answer["regimen_version"]) == ("ocrelizumab_iv", 1)
    assert run_case(case(regimen_id="alemtuzumab_ms"))["static_flags"] == ["SITE_NOT_HOME"]


def test_null_counts_as_left_out():
    empty = {
        "history": None,
        "holds": None,
        "proposal": None,
        "total_doses": None,
        "parameters": None,
        "height_cm": None,
        "weight_kg": None,
        "prior_cumulative_mg_per_m2": None,
        "prior_course_starts": None,
        "prerequisites": None,
        "check_date": None,
        "switch": None,
        "discontinued_on": None,
        "monitoring_until": None,
        "expires_on": None,
    }
    assert run_case(case(**empty)) == run_case(case())
    with_nulls = {"dose_number": 1, "date": "2025-01-15", "reaction": None, "reaction_type": None}
    assert run_case(case(history=[with_nulls]))["planned"][0]["dose_number"] == 2


def test_the_answer_is_plain_json():
    answer = run_case(
        case(
            regimen_id="mitoxantrone_ms_q3m",
            height_cm=170.0,
            weight_kg=70,
            prior_cumulative_mg_per_m2=4.5,
            parameters={"cap_mg_per_m2": 72.5},
            plan_doses=9,
            expires_on="2025-03-01",
            proposal={"dose_number": 2, "date": "2025-05-01"},
            prerequisites=[{"kind": "lvef", "date": "2025-01-20"}],
            check_date="2025-02-01",
        )
    )
    assert json.loads(json.dumps(answer)) == answer
    row = answer["planned"][0]
    assert (row["dose_mg"], type(row["dose_mg"])) == (22, int)
    assert (row["cumulative_mg_per_m2"], type(row["cumulative_mg_per_m2"])) == (16.5, float)
    assert [r["needs_renewed_order"] for r in answer["planned"]] == [False] + [True] * 4
    assert answer["flags"] == ["OVERDUE", "MISSED", "CAP_REACHED"]
    assert answer["notes"][0]["inputs"] == {"cap_mg_per_m2": 72.5, "would_be_mg_per_m2": 76.5}
    assert answer["prerequisite_check"] == [
        {
            "kind": "lvef",
            "valid_through": "2025-02-17",
            "earliest_start": None,
            "ok": True,
            "blocks": True,
            "text": "Good through Feb 17, 2025.",
        }
    ]
    assert answer["proposal_result"]["decision"] == "accept"


def test_a_row_carries_everything_a_page_shows():
    row = run_case(case(plan_doses=3))["planned"][2]
    reasons = row.pop("reasons")
    assert row == {
        "dose_number": 3,
        "course": None,
        "label": "first full dose",
        "due_date": "2025-08-01",
        "planned_date": "2025-08-01",
        "floor_date": "2025-07-15",
        "window_start": "2025-07-18",
        "window_end": "2025-08-29",
        "dose_mg": 600,
        "cumulative_mg_per_m2": None,
        "infusion_minutes": 120,
        "observation_minutes": 60,
        "minutes": {
            "setup": 30,
            "premedication": 30,
            "prehydration": 0,
            "infusion": 120,
            "observation": 60,
            "wrap_up": 15,
            "total": 255,
        },
        "gates": ["infection_check"],
        "flags": [],
        "needs_renewed_order": False,
    }
    assert [reason["code"] for reason in reasons] == [
        "RULE",
        "FLOOR",
        "WINDOW",
        "AMOUNT",
        "INFUSION_MINUTES",
        "OBSERVATION_MINUTES",
        "VISIT_MINUTES",
    ]
    assert reasons[0]["inputs"] == {
        "anchor_number": 1,
        "anchor_on": "2025-02-01",
        "interval": "6 months",
        "rule_on": "2025-08-01",
    }


def test_every_answer_carries_its_sentence_and_its_source():
    answer = run_case(
        case(
            history=[{"dose_number": 1, "date": "2025-01-15"}],
            proposal={"dose_number": 2, "date": "2025-01-29"},
            monitoring_until="2025-02-01",
            plan_doses=1,
        )
    )
    assert answer["planned"][0]["reasons"][3] == {
        "code": "WINDOW",
        "text": "Window Jan 29, 2025 to Feb 5, 2025: 0 days before and 7 days after the due date, "
        "never before the floor.",
        "inputs": {"before_days": 0, "after_days": 7},
        "source": "house rule H7",
        "basis": "decision",
        "evidence": "seen",
    }
    assert answer["proposal_result"] == {
        "decision": "accept",
        "reason": None,
        "earliest_allowed": "2025-01-29",
        "text": "Jan 29, 2025 is allowed.",
        "source": "house rule H9",
    }
    assert answer["contacts"][0] == {
        "kind": "reaction_check_call",
        "for_dose": 1,
        "date": "2025-01-16",
        "optional": False,
        "source": "Barrera 2023, Ann Clin Transl Neurol 10:579; Ocrevus US Medication Guide",
    }
    assert answer["monitoring"][0].keys() == {"kind", "after_course", "dates", "source"}
    assert answer["monitoring"][0]["source"]


def test_a_result_on_file_anchors_the_next_of_its_kind():
    answer = run_case(
        case(
            regimen_id="natalizumab_q4w",
            prerequisites=[{"kind": "anti_jcv_antibody", "date": "2025-01-10"}],
            monitoring_until="2025-07-10",
        )
    )
    dates = {one["kind"]: one["dates"] for one in answer["monitoring"]}
    assert dates["anti_jcv_antibody"] == ["2025-07-10"]


def test_prior_courses_and_every_other_key_reach_the_rules():
    answer = run_case(
        case(
            regimen_id="methylprednisolone_iv_5d",
            prior_course_starts=["2024-11-01", "2024-12-01"],
            holds=[{"from": "2025-02-03", "clear_date": "2025-02-05", "reason": "infection"}],
            plan_doses=9,
            total_doses=4,
            monitoring_until="2025-03-01",
        )
    )
    assert [row["planned_date"] for row in answer["planned"]] == [
        "2025-02-01",
        "2025-02-02",
        "2025-02-05",
        "2025-02-06",
    ]
    assert answer["flags"] == ["OVERDUE", "MISSED", "COURSE_FREQUENCY"]
    assert answer["monitoring"] == []
    stopped = run_case(case(discontinued_on="2025-02-01"))
    assert stopped["status"] == "discontinued"


def test_a_switch_discontinues_on_the_decision_unless_a_day_is_recorded():
    history = [{"dose_number": 28, "date": "2025-01-27"}]
    decided = {"to": "ocrelizumab_iv", "decision_date": "2025-02-01"}
    one = case(regimen_id="natalizumab_q4w", start_date="2023-01-02", history=history, switch=decided)
    after = {s["kind"]: s["dates"] for s in run_case(one)["monitoring"]}
    assert after["post_discontinuation_evaluation"] == ["2025-08-01"]
    answer = run_case({**one, "discontinued_on": "2025-01-28"})
    after = {s["kind"]: s["dates"] for s in answer["monitoring"]}
    assert after["post_discontinuation_evaluation"] == ["2025-07-28"]
    assert answer["planned"] == []
    assert answer["switch_result"]["new_planned_dates"] == ["2025-02-24"]
    assert answer["switch_result"]["text"].startswith("Not before Feb 24, 2025")
    assert answer["switch_result"]["source"]
    reacted = {**one, "history": [{**history[0], "reaction": "life_threatening"}]}
    assert run_case(reacted)["flags"] == ["DISCONTINUE_PERMANENT"]


GIVEN = {"dose_number": 1, "date": "2025-01-15"}


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"regimen_id": "left out"}, "regimen_id", "it is missing"),
        ({"start_date": "left out"}, "start_date", "it is missing"),
        ({"as_of": "left out"}, "as_of", "it is missing"),
        ({"regimen_id": "ocrelizumab"}, "regimen_id", "there is no regimen 'ocrelizumab'"),
        ({"regimen_id": 7}, "regimen_id", "7 is not a text"),
        ({"regimen_id": "x" * 10_001}, "regimen_id", "is not a text"),
        ({"regimen_id": "x" * 9_999}, "regimen_id", "there is no regimen"),
        ({"as_of": "2025-02-30"}, "as_of", "2025-02-30 is not a date (YYYY-MM-DD)"),
        ({"as_of": "20250230"}, "as_of", "20250230 is not a date"),
        ({"as_of": "20250203"}, "as_of", "is not a date"),
        ({"as_of": "2025-W05-1"}, "as_of", "is not a date"),
        ({"as_of": "2025-02-01T00:00:00"}, "as_of", "is not a date"),
        ({"as_of": "2025-02-01\n"}, "as_of", "is not a date"),
        ({"as_of": "٢٠٢٥-٠٢-٠١"}, "as_of", "is not a date"),
        ({"as_of": 20250201}, "as_of", "20250201 is not a date"),
        ({"as_of": "0001-01-01"}, "as_of", "years 1900 and 2200"),
        ({"start_date": "9999-12-31"}, "start_date", "years 1900 and 2200"),
        ({"plan_doses": -1}, "plan_doses", "-1 is not a whole number from 0 to 1000"),
        ({"plan_doses": 1001}, "plan_doses", "is not a whole number from 0 to 1000"),
        ({"plan_doses": 1.5}, "plan_doses", "1.5 is not a whole number"),
        ({"plan_doses": True}, "plan_doses", "true is not a number"),
        ({"plan_doses": False}, "plan_doses", "false is not a number"),
        ({"plan_doses": D("2.50")}, "plan_doses", "2.50 is not a whole number"),
        ({"plan_doses": "3"}, "plan_doses", "3 is not a number"),
        ({"plan_doses": float("inf")}, "plan_doses", "not a number that can be used"),
        ({"weight_kg": float("nan")}, "weight_kg", "not a number that can be used"),
        ({"weight_kg": D("1e-13")}, "weight_kg", "not a number that can be used"),
        ({"weight_kg": 10**40}, "weight_kg", "not a number that can be used"),
        ({"weight_kg": "70"}, "weight_kg", "70 is not a number"),
        ({"height_cm": 1.7}, "height_cm", "1.7 cm is not between"),
        ({"total_doses": 0}, "total_doses", "whole number from 1 to 1000"),
        ({"total_doses": 1001}, "total_doses", "whole number from 1 to 1000"),
        ({"surprise": 1}, "surprise", "there is no such key"),
        ({"history": GIVEN}, "history", "is not a list"),
        ({"history": ["2025-01-15"]}, "history[0]", "it is not an object"),
        ({"history": [GIVEN, {"date": "2025-01-29"}]}, "history[1].dose_number", "it is missing"),
        ({"history": [{"dose_number": 1}]}, "history[0].date", "it is missing"),
        ({"history": [{**GIVEN, "dose_number": 0}]}, "history[0].dose_number", "whole number from 1 to 1000"),
        ({"history": [{**GIVEN, "dose_number": 1001}]}, "history[0].dose_number", "whole number from 1"),
        ({"history": [{**GIVEN, "mg": 300}]}, "history[0].mg", "there is no such key"),
        ({"history": [{**GIVEN, "reaction": "bad"}]}, "history[0].reaction", "is not one of"),
        ({"history": [{**GIVEN, "reaction": 3}]}, "history[0].reaction", "3 is not a text"),
        ({"history": [{**GIVEN, "date": "2025-02-02"}]}, "history[0].date", "is after"),
        ({"holds": [{"clear_date": "2025-02-01"}]}, "holds[0].from", "it is missing"),
        ({"holds": [{"from": "2025-02-01", "until": None}]}, "holds[0].until", "there is no such key"),
        ({"holds": [{"from": "2025-02-01", "reason": 1}]}, "holds[0].reason", "1 is not a text"),
        ({"parameters": {"cap": 100}}, "parameters.cap", "has no such parameter"),
        ({"parameters": {"cap": "x"}}, "parameters.cap", "x is not a number"),
        ({"parameters": [1]}, "parameters", "it is not an object"),
        ({"prior_course_starts": ["2025-01-01", "x"]}, "prior_course_starts[1]", "x is not a date"),
        ({"proposal": {"dose_number": 1}}, "proposal.date", "it is missing"),
        ({"proposal": {"dose_number": 0, "date": "2025-02-01"}}, "proposal.dose_number", "from 1 to 2000"),
        ({"proposal": {"dose_number": 2001, "date": "2025-02-01"}}, "proposal.dose_number", "from 1 to 2000"),
        (
            {"proposal": {"dose_number": 1, "date": "2025-02-01", "x": 1}},
            "proposal.x",
            "there is no such key",
        ),
        (
            {"prerequisites": [{"kind": "lvef", "date": "2025-02-01"}]},
            "prerequisites[0].kind",
            "no such prerequisite",
        ),
        ({"prerequisites": [{"kind": "hbv_screening"}]}, "prerequisites[0].date", "it is missing"),
        ({"prerequisites": [{"date": "2025-02-01"}]}, "prerequisites[0].kind", "it is missing"),
        (
            {"prerequisites": [{"kind": "hbv_screening", "date": "2025-02-01", "x": 1}]},
            "prerequisites[0].x",
            "no such key",
        ),
        ({"switch": {"to": "nothing", "decision_date": "2025-02-01"}}, "switch.to", "there is no regimen"),
        (
            {"switch": {"to": "ocrelizumab_iv", "decision_date": "2025-02-01"}},
            "switch.to",
            "it is the regimen the patient is on",
        ),
        ({"switch": {"to": "ublituximab_iv"}}, "switch.decision_date", "it is missing"),
        (
            {"switch": {"to": "ublituximab_iv", "decision_date": "2025-02-01", "x": 1}},
            "switch.x",
            "no such key",
        ),
        ({"regimen_id": "ivig_ms"}, "weight_kg", "depends on the weight"),
        ({"k" * 100: 1}, "k" * 60 + "...", "there is no such key"),
    ],
)
def test_bad_input_names_its_field(more, field, words):
    with pytest.raises(BadInput) as bad:
        run_case(case(**more))
    assert bad.value.field == field
    assert words in str(bad.value)
    assert "\n" not in str(bad.value)
    assert len(str(bad.value)) < 200


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"as_of": "left out"}, "it is missing"),
        ({"surprise": 1}, "there is no such key"),
        ({"history": "many"}, "many is not a list"),
        ({"weight_kg": D("1e-13")}, "1E-13 is not a number that can be used"),
        (
            {"switch": {"to": "ocrelizumab_iv", "decision_date": "2025-02-01"}},
            "it is the regimen the patient is on",
        ),
    ],
)
def test_bad_input_is_told_in_these_words(more, sentence):
    with pytest.raises(BadInput) as bad:
        run_case(case(**more))
    assert str(bad.value) == sentence


@pytest.mark.parametrize("value", [None, 3, "text", [1], True])
def test_what_is_not_a_case_is_refused(value):
    with pytest.raises(BadInput, match=r"^it is not an object$") as bad:
        run_case(value)
    assert bad.value.field == ""


def test_a_value_is_shown_on_one_line_and_never_at_length():
    assert shown("a\n  b\tc") == "a b c"
    assert shown("x" * 60) == "x" * 60
    assert shown("x" * 61) == "x" * 60 + "..."
    assert (shown(True), shown(False), shown(D("2.50")), shown([1])) == ("true", "false", "2.50", "[1]")


def test_the_reason_of_a_hold_is_kept():
    holds = [{"from": "2025-02-01", "reason": "infection"}, {"from": "2025-02-01"}]
    wish = read_case(case(holds=holds), Facts(catalogue.get, catalogue.switch_rules()))
    assert [hold.reason for hold in wish.order.holds] == ["infection", ""]


def test_edges_are_understood():
    assert len(run_case(case(plan_doses=1000))["planned"]) == 1000
    run_case(case(regimen_id="natalizumab_q4w", history=[{"dose_number": 1000, "date": "2025-01-15"}]))
    run_case(case(total_doses=1000, proposal={"dose_number": 1000, "date": "2200-12-31"}))
    run_case(case(regimen_id="ivig_ms", weight_kg=D("70.000000000001")))
    last = run_case(
        case(start_date="2200-12-31", as_of="2200-12-31", plan_doses=1000, monitoring_until="2200-12-31")
    )
    assert last["planned"][-1]["planned_date"] > "2600"
    longest = "r" * 10_000
    run_case(case(holds=[{"from": "2025-02-01", "clear_date": "2025-02-02", "reason": longest}]))


def test_a_number_of_a_thousand_million_is_a_number_and_still_no_weight():
    with pytest.raises(BadInput, match="is not between"):
        run_case(case(weight_kg=10**9))
    with pytest.raises(BadInput, match="is not between"):
        run_case(case(weight_kg=D("1e-12")))
    for huge in (10**10, D("1e400000000"), D("-1e400000000"), D("1e-13"), D("70.0000000000001")):
        with pytest.raises(BadInput, match="not a number that can be used"):
            run_case(case(weight_kg=huge))


def test_a_reaction_left_blank_is_not_taken_for_none():
    with pytest.raises(BadInput) as bad:
        run_case(case(history=[{"dose_number": 1, "date": "2025-01-15", "reaction": ""}]))
    assert bad.value.field == "history[0].reaction"
