"""A day somebody wants for a dose: refused, warned about or accepted."""

from decimal import Decimal as D

import pytest

from scheduling.rules.calendar import Hold
from scheduling.rules.errors import BadInput
from scheduling.rules.proposals import check_date
from tests.scheduling.rules.makers import day, given, measured, order, regimen

THIRD = given((3, "2025-07-01"))


def propose(number, on, *, regimen_id="ocrelizumab_iv", wanted=None, history=THIRD, as_of="2025-11-01"):
    wanted = wanted or order("2025-01-01")
    return check_date(regimen(regimen_id), wanted, history, day(as_of), number=number, on=day(on))


@pytest.mark.parametrize(
    ("on", "decision", "code"),
    [
        ("2025-11-30", "refuse", "MIN_SEPARATION_VIOLATION"),
        ("2025-12-01", "warn", "EARLY_OUTSIDE_WINDOW"),
        ("2025-12-17", "warn", "EARLY_OUTSIDE_WINDOW"),
        ("2025-12-18", "accept", None),
        ("2026-01-29", "accept", None),
        ("2026-01-30", "warn", "LATE_OUTSIDE_WINDOW"),
    ],
)
def test_every_edge_of_floor_and_window(on, decision, code):
    result = propose(4, on)
    assert (result.decision, result.code, result.earliest_allowed) == (decision, code, day("2025-12-01"))


def test_the_sentence_has_the_numbers():
    assert propose(4, "2025-11-30").text == (
        "Nov 30, 2025 is too early: 5 months must pass after dose 3. The first day allowed is Dec 1, 2025."
    )
    assert propose(4, "2025-12-05").text == "Dec 5, 2025 is before the window, which opens on Dec 18, 2025."
    assert propose(4, "2026-02-05").text == "Feb 5, 2026 is after the window, which closed on Jan 29, 2026."
    assert propose(4, "2026-01-01").text == "Jan 1, 2026 is allowed."
    assert propose(4, "2025-11-30").source == "Ocrevus US PI 2.1-2.5"
    assert propose(4, "2025-12-05").source == propose(4, "2026-02-05").source == "house planning window"
    assert propose(4, "2026-01-01").source == "house rule H9"


def test_dose_1_is_accepted_on_any_day():
    result = propose(1, "2024-06-01", history=())
    assert (result.decision, result.code, result.earliest_allowed) == ("accept", None, None)


def test_a_later_dose_counts_from_the_planned_one_before_it():
    result = propose(5, "2026-05-31")
    assert (result.code, result.earliest_allowed) == ("MIN_SEPARATION_VIOLATION", day("2026-06-01"))
    assert propose(5, "2026-06-01").code == "EARLY_OUTSIDE_WINDOW"


def test_a_dose_that_was_given_or_is_too_far_ahead_is_not_understood():
    for number, words in ((3, "dose 3 was given already"), (2, "dose 2 was given already")):
        with pytest.raises(BadInput, match=words) as bad:
            propose(number, "2026-01-01")
        assert bad.value.field == "proposal.dose_number"
    propose(1003, "2026-01-01")
    with pytest.raises(BadInput, match="dose 1004 is more than 1000 doses ahead") as bad:
        propose(1004, "2026-01-01")
    assert bad.value.field == "proposal.dose_number"
    with pytest.raises(BadInput) as bad:
        propose(4, "2201-01-01")
    assert bad.value.field == "proposal.date"
    with pytest.raises(BadInput) as bad:
        propose(4, "2026-01-01", wanted=order("2025-01-01", total_doses=0))
    assert bad.value.field == "total_doses"
    with pytest.raises(BadInput) as bad:
        propose(0, "2026-01-01", history=())
    assert bad.value.field == "proposal.dose_number"


def test_a_stopped_drug_is_refused_on_every_day():
    stopped = order("2025-01-01", discontinued_on=day("2025-09-01"))
    result = propose(4, "2026-01-01", wanted=stopped)
    assert (result.decision, result.code, result.earliest_allowed) == ("refuse", "DISCONTINUED", None)
    assert result.text == "This drug was stopped; no further dose is given."
    assert result.source == "house rule H16"
    reacted = given((3, "2025-07-01", "life_threatening"))
    assert propose(4, "2026-01-01", history=reacted).code == "DISCONTINUE_PERMANENT"


def test_a_dose_after_the_last_one_is_refused():
    result = propose(4, "2026-01-01", wanted=order("2025-01-01", total_doses=3))
    assert (result.decision, result.code, result.earliest_allowed) == ("refuse", "SERIES_COMPLETE", None)
    assert result.text == "The order is for 3 doses; there is no dose 4."
    assert result.source == "house rule H19"
    assert propose(4, "2026-01-01", wanted=order("2025-01-01", total_doses=4)).decision == "accept"


def test_a_dose_over_the_lifetime_cap_is_refused_without_a_weight():
    one = order("2025-01-01", prior_cumulative_mg_per_m2=D(128))
    capped = {"regimen_id": "mitoxantrone_ms_q3m", "history": (), "as_of": "2025-01-01"}
    assert propose(1, "2025-01-01", wanted=one, **capped).decision == "accept"
    result = propose(2, "2025-04-01", wanted=one, **capped)
    assert (result.decision, result.code, result.earliest_allowed) == ("refuse", "CAP_REACHED", None)
    assert result.text == "Dose 2 would make the lifetime total 152 mg/m2, above 140."
    assert result.source == regimen("mitoxantrone_ms_q3m").cumulative_cap.source
    assert propose(1, "2025-01-01", wanted=measured("2025-01-01"), **capped).decision == "accept"


@pytest.mark.parametrize(
    ("on", "decision", "code"),
    [
        ("2025-12-28", "warn", "ON_HOLD"),
        ("2026-01-05", "accept", None),
        ("2025-11-20", "refuse", "MIN_SEPARATION_VIOLATION"),
        ("2025-12-10", "warn", "EARLY_OUTSIDE_WINDOW"),
    ],
)
def test_a_day_inside_a_hold_is_warned_about_when_nothing_worse_is_wrong(on, decision, code):
    held = order("2025-01-01", holds=(Hold(day("2025-11-10"), day("2026-01-05")),))
    result = propose(4, on, wanted=held)
    assert (result.decision, result.code) == (decision, code)
    if code == "EARLY_OUTSIDE_WINDOW":
        assert result.text.endswith(" A hold covers that day.")
    if code == "ON_HOLD":
        assert result.text == "A hold covers Dec 28, 2025; no dose is given until it ends."
        assert result.source == "house rule H6"
        assert result.earliest_allowed == day("2025-12-01")


def test_a_hold_without_an_end_still_leaves_a_floor_for_later_doses():
    held = order("2025-01-01", holds=(Hold(day("2025-12-20")),))
    assert propose(4, "2026-01-01", wanted=held).code == "ON_HOLD"
    assert propose(5, "2026-02-01", wanted=held).code == "MIN_SEPARATION_VIOLATION"


def test_a_late_day_inside_a_hold_says_both():
    held = order("2025-01-01", holds=(Hold(day("2026-02-01")),))
    assert propose(4, "2026-02-05", wanted=held).text.endswith("Jan 29, 2026. A hold covers that day.")
