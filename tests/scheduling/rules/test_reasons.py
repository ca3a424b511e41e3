"""Every date, amount and length explains itself, with the numbers that went in and where they are from."""

from dataclasses import replace
from decimal import Decimal as D

from scheduling.rules.calendar import Hold, plan
from scheduling.rules.reasons import house, plain
from tests.scheduling.rules.makers import calendar, day, given, measured, order, regimen

LOADED = given((1, "2025-01-15"), (2, "2025-01-29"))


def why(made, index=0):
    return {reason.code: reason for reason in made.planned[index].reasons}


def texts(made, index=0):
    return [reason.text for reason in made.planned[index].reasons]


def test_a_plain_dose_in_words():
    made = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of="2025-02-01", doses=2)
    assert texts(made) == [
        "Dose 3 is due 6 months after dose 1 (Jan 15, 2025): Jul 15, 2025.",
        "Not before Jun 29, 2025: 5 months after dose 2 (Jan 29, 2025).",
        "Window Jul 1, 2025 to Aug 12, 2025: 14 days before and 28 days after the due date, never before the floor.",
        "600 mg, the same for everybody.",
        "Infusion 120 minutes; none of these asks for another length: one of the first 2 doses, "
        "an earlier reaction that was severe or worse, 12 months since the previous dose.",
        "Observation 60 minutes.",
        "The whole visit takes 255 minutes: 60 to prepare, the infusion, the observation and 15 to finish.",
    ]
    assert texts(made, 1)[0] == "Dose 4 is due 12 months after dose 1 (Jan 15, 2025): Jan 15, 2026."
    found = why(made)
    assert (found["FLOOR"].basis, found["WINDOW"].basis, found["RULE"].basis) == (
        "decision",
        "customary",
        "label",
    )
    assert found["RULE"].source.startswith("Ocrevus US PI")
    assert found["FLOOR"].inputs == {
        "previous_on": day("2025-01-29"),
        "separation": "5 months",
        "floor_on": day("2025-06-29"),
    }
    assert found["WINDOW"].inputs == {"before_days": 14, "after_days": 28}
    assert found["AMOUNT"].inputs == {"mg": 600}
    assert found["INFUSION_MINUTES"].inputs == {"minutes": 120}
    assert found["OBSERVATION_MINUTES"].inputs == {"minutes": 60}
    assert found["VISIT_MINUTES"].inputs == {"total": 255, "preparation": 60}
    assert all(reason.evidence == "seen" for reason in found.values())


def test_the_first_dose_in_words():
    made = calendar("ocrelizumab_iv", order("2025-01-15"), as_of="2025-01-15", doses=2)
    assert texts(made)[0] == "Dose 1 is due on the start date (Jan 15, 2025): Jan 15, 2025."
    assert "FLOOR" not in why(made)
    assert "WINDOW" not in why(made)
    assert texts(made)[2] == "Infusion 150 minutes because this is one of the first 2 doses."
    assert texts(made, 1)[0] == "Dose 2 is due 14 days after dose 1 (Jan 15, 2025): Jan 29, 2025."
    made = calendar("ublituximab_iv", order("2025-01-15"), as_of="2025-01-15", doses=1)
    assert "Infusion 240 minutes because this is the first dose." in texts(made)


def test_a_floor_that_wins_says_so():
    late = given((1, "2025-03-03"), (2, "2025-04-28"))
    found = why(calendar("ocrelizumab_iv", order("2025-03-03"), late, as_of="2025-05-01", doses=1))
    assert found["FLOOR_WINS"].text == (
        "That is before the minimum separation has passed, so it is due on Sep 28, 2025."
    )
    assert found["FLOOR_WINS"].inputs == {"rule_on": day("2025-09-03"), "floor_on": day("2025-09-28")}
    assert (found["FLOOR_WINS"].source, found["FLOOR_WINS"].basis) == ("house rule H5", "decision")


def test_an_overdue_dose_and_a_hold_say_so():
    holds = (Hold(day("2025-07-18"), day("2025-07-25")),)
    made = calendar("ocrelizumab_iv", order("2025-01-15", holds=holds), LOADED, as_of="2025-07-20", doses=1)
    found = why(made)
    assert found["OVERDUE"].text == (
        "It was due on Jul 15, 2025 and is not given; the first possible day is Jul 20, 2025."
    )
    assert found["OVERDUE"].inputs == {"due_on": day("2025-07-15"), "as_of": day("2025-07-20")}
    assert found["HOLD"].text == "A hold covers Jul 20, 2025; it clears on Jul 25, 2025."
    assert found["HOLD"].inputs == {"from": day("2025-07-20"), "clears_on": day("2025-07-25")}
    assert found["HOLD"].source == found["OVERDUE"].source == "house rule H6"
    made = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of="2025-07-15", doses=1)
    assert not {"OVERDUE", "HOLD", "ON_HOLD", "FLOOR_WINS"} & why(made).keys()


def test_a_hold_without_an_end_says_so():
    made = calendar(
        "ocrelizumab_iv",
        order("2025-01-15", holds=(Hold(day("2025-07-01")),)),
        LOADED,
        as_of="2025-02-01",
        doses=1,
    )
    found = why(made)
    assert found["ON_HOLD"].text == (
        "A hold without an end covers this dose; it cannot be planned until the hold ends."
    )
    assert found["ON_HOLD"].inputs == {"possible_on": day("2025-07-15")}
    assert found["ON_HOLD"].source == "house rule H6"
    assert "HOLD" not in found


def test_amounts_show_the_measurements_they_are_from():
    found = why(calendar("mitoxantrone_ms_q3m", measured("2025-01-31"), as_of="2025-01-31", doses=1))
    assert found["AMOUNT"].text == "12 mg/m2 for 1.82 m2 (170 cm, 70 kg): 22 mg."
    assert found["AMOUNT"].inputs == {"mg_per_m2": 12, "area_m2": D("1.82"), "mg": 22}
    assert found["CUMULATIVE"].text == "Lifetime total with it 12 mg/m2 of at most 140."
    assert found["CUMULATIVE"].inputs == {"cumulative_mg_per_m2": 12, "cap_mg_per_m2": 140}
    assert found["CUMULATIVE"].basis == "label"
    found = why(calendar("ivig_ms", order("2025-01-31", weight_kg=D("56.50")), as_of="2025-01-31", doses=1))
    assert found["AMOUNT"].text == "0.4 g/kg for 56.5 kg, rounded to whole packs: 22.5 g."
    assert found["AMOUNT"].inputs == {"g_per_kg": D("0.4"), "weight_kg": D("56.5"), "mg": 22500}
    assert "CUMULATIVE" not in found


def test_a_fixed_amount_does_not_pretend_to_depend_on_the_weight():
    found = why(calendar("ocrelizumab_iv", measured("2025-01-31"), as_of="2025-01-31", doses=1))
    assert found["AMOUNT"].text == "300 mg, the same for everybody."


def test_a_cut_dose_says_so():
    tall = order("2025-01-07", height_cm=D(195), weight_kg=D(130))
    found = why(calendar("cyclophosphamide_ssc_monthly", tall, as_of="2025-01-07", doses=1))
    assert found["DOSE_CAPPED"].text == "Cut to the largest single dose, 1200 mg."
    assert found["DOSE_CAPPED"].inputs == {"max_mg": 1200}
    usual = why(calendar("cyclophosphamide_ssc_monthly", measured("2025-01-07"), as_of="2025-01-07", doses=1))
    assert "DOSE_CAPPED" not in usual


def test_minutes_name_the_rule_that_made_them():
    severe = given((1, "2025-01-15", "severe"), (2, "2025-01-29"))
    made = calendar("ocrelizumab_iv", order("2025-01-15"), severe, as_of="2025-02-01", doses=1)
    assert "Infusion 210 minutes because an earlier reaction was severe or worse." in texts(made)
    made = calendar("ocrelizumab_iv", order("2025-01-15"), LOADED, as_of="2026-03-01", doses=1)
    assert "Infusion 210 minutes because 12 months or more passed since the previous dose." in texts(made)
    made = calendar("natalizumab_q4w", order("2025-01-15"), as_of="2025-01-15", doses=1)
    assert "Observation 60 minutes for the first 12 infusions after a start or restart." in texts(made)
    made = calendar(
        "natalizumab_q4w", order("2024-01-15"), given((20, "2025-07-01")), as_of="2025-07-01", doses=1
    )
    assert (
        "Observation 0 minutes; none of these asks for another length: "
        "the first 12 infusions after a start or restart." in texts(made)
    )


def test_a_grade_is_written_as_a_word_not_as_a_code():
    base = regimen("ocrelizumab_iv")
    rules = tuple(replace(rule, grade="life_threatening") if rule.grade else rule for rule in base.infusion)
    made = plan(replace(base, infusion=rules), order("2025-01-15"), LOADED, day("2025-02-01"), doses=1)
    assert "an earlier reaction that was life-threatening or worse" in texts(made)[4]


def test_a_restart_and_the_end_of_the_order_say_so():
    one = order("2025-01-15", expires_on=day("2025-12-31"))
    found = why(calendar("ocrelizumab_iv", one, LOADED, as_of="2026-03-01", doses=1))
    assert found["RESTART_REVIEW"].text == (
        "12 months or more since the previous dose (Jan 29, 2025): the prescriber reviews the restart."
    )
    assert found["RESTART_REVIEW"].inputs == {"previous_on": day("2025-01-29"), "gap": "12 months"}
    assert found["ORDER_EXPIRED"].text == "The order ends on Dec 31, 2025; this dose needs a renewed order."
    assert found["ORDER_EXPIRED"].inputs == {"expires_on": day("2025-12-31")}
    assert (found["ORDER_EXPIRED"].source, found["ORDER_EXPIRED"].basis) == ("the order", "decision")
    usual = why(calendar("ocrelizumab_iv", one, LOADED, as_of="2025-02-01", doses=1))
    assert not {"RESTART_REVIEW", "ORDER_EXPIRED"} & usual.keys()


def test_a_reason_of_the_house_counts_as_seen():
    assert house("OVERDUE", "Late.", {}, "H6").evidence == "seen"


def test_what_is_only_recalled_says_so():
    made = calendar("ivig_ms", measured("2025-01-31"), as_of="2025-01-31", doses=1)
    assert why(made)["RULE"].evidence == "seen"
    history = given((1, "2024-01-15"))
    made = calendar("natalizumab_q4w", order("2024-01-15"), history, as_of="2025-01-31", doses=1)
    assert why(made)["RESTART_REVIEW"].evidence == "recalled"


def test_numbers_are_written_as_people_write_them():
    assert [plain(D(text)) for text in ("22.50", "1000", "1E+3", "0.4", "100.0")] == [
        "22.5",
        "1000",
        "1000",
        "0.4",
        "100",
    ]


def test_notes_of_the_whole_order_carry_their_numbers():
    history = given((14, "2025-01-07"), (15, "2025-01-20", "mild", "hypersensitivity"))
    made = calendar("natalizumab_eid_q6w", order("2024-01-08"), history, as_of="2025-01-20")
    notes = {note.code: note for note in made.notes}
    assert notes["MIN_SEPARATION_VIOLATION"].text == (
        "Dose 15 was given on Jan 20, 2025, before Jan 28, 2025, 21 days after dose 14."
    )
    assert notes["MIN_SEPARATION_VIOLATION"].source == "house rule H10"
    assert notes["DISCONTINUE_PERMANENT"].text == (
        "The reaction to dose 15 on Jan 20, 2025 ends this drug for good; it is never given again."
    )
    assert notes["DISCONTINUE_PERMANENT"].source == "house rule H11"
    assert notes["DISCONTINUE_PERMANENT"].inputs == {"stopped_on": day("2025-01-20")}
    made = calendar(
        "natalizumab_eid_q6w", order("2025-01-08", discontinued_on=day("2025-02-01")), as_of="2025-02-01"
    )
    notes = {note.code: note for note in made.notes}
    assert notes["DISCONTINUED"].source == "house rule H16"
    assert notes["EID_BEFORE_12_MONTHS"].text == (
        "Fewer than 12 months on the 4-weekly interval, from Jan 8, 2025 to Jan 8, 2025."
    )
    assert notes["EID_BEFORE_12_MONTHS"].inputs == {
        "first_on": day("2025-01-08"),
        "last_on": day("2025-01-08"),
    }
    starts = day("2025-01-20"), day("2025-06-02")
    made = calendar(
        "methylprednisolone_iv_3d", order("2025-11-10", prior_course_starts=starts), as_of="2025-11-10"
    )
    assert made.notes[0].text == (
        "2 courses started in the 365 days before Nov 10, 2025; the prescriber confirms another."
    )
    assert made.notes[0].code == "COURSE_FREQUENCY"
    assert made.notes[0].inputs == {"start_on": day("2025-11-10")}
    assert made.notes[0].source == "NICE CG186"
