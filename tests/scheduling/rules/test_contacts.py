"""Calls owed after the latest dose."""

from scheduling.rules.contacts import contacts_after
from tests.scheduling.rules.makers import day, given, order, regimen


def owed(regimen_id, wanted, *doses):
    return [
        (c.on.isoformat(), c.kind, c.for_dose)
        for c in contacts_after(regimen(regimen_id), wanted, given(*doses))
    ]


def test_nothing_is_owed_before_the_first_dose():
    assert owed("ocrelizumab_iv", order("2025-01-15")) == []


def test_only_the_latest_dose_counts_in_whatever_order_they_are_listed():
    assert owed("natalizumab_q4w", order("2025-01-15"), (2, "2025-02-12"), (1, "2025-01-15")) == [
        ("2025-02-13", "reaction_check_call", 2)
    ]


def test_an_optional_call_says_so_and_every_call_its_source():
    calls = contacts_after(regimen("ocrelizumab_iv"), order("2025-01-15"), given((1, "2025-01-15")))
    assert [(c.kind, c.optional, c.source) for c in calls] == [
        (
            "reaction_check_call",
            False,
            "Barrera 2023, Ann Clin Transl Neurol 10:579; Ocrevus US Medication Guide",
        ),
        ("two_week_call", True, "Barrera 2023, Ann Clin Transl Neurol 10:579"),
        ("patient_navigator_call", False, "MS infusion patient guide 2024"),
    ]


STROKE = "stroke_and_reaction_call"
COURSE = tuple((n, f"2025-05-{4 + n:02d}") for n in range(1, 6))


def test_the_end_of_a_course_owes_its_calls():
    assert owed("alemtuzumab_ms", order("2025-05-05"), *COURSE) == [
        ("2025-05-10", "reaction_check_call", 5),
        ("2025-05-10", STROKE, 5),
        ("2025-05-11", STROKE, 5),
        ("2025-05-12", STROKE, 5),
    ]
    assert owed("alemtuzumab_ms", order("2025-05-05"), *COURSE[:4]) == [
        ("2025-05-09", "reaction_check_call", 4)
    ]


def test_a_course_that_ends_early_owes_them_too():
    for wanted in (
        order("2025-05-05", discontinued_on=day("2025-05-08")),
        order("2025-05-05", total_doses=4),
    ):
        assert len(owed("alemtuzumab_ms", wanted, *COURSE[:4])) == 4
    assert (
        len(owed("alemtuzumab_ms", order("2025-05-05"), *COURSE[:3], (4, "2025-05-08", "life_threatening")))
        == 4
    )


def test_a_dose_beyond_the_order_owes_the_calls_of_a_last_dose():
    beyond = [(8, "2025-10-22"), (9, "2026-10-23")]
    assert [kind for _, kind, _ in owed("alemtuzumab_ms", order("2024-10-14"), *beyond)].count(STROKE) == 3
