"""Which questions are asked before a visit, and what their answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.regimens import catalogue
from scheduling.rules import health_screen as rules
from scheduling.rules.errors import BadInput

ANSWERS = st.dictionaries(st.sampled_from(rules.NEUTRAL), st.sampled_from(rules.SAID))


def test_the_neutral_questions_leave_pregnancy_out_where_it_cannot_be():
    assert rules.neutral(pregnancy_possible=True) == rules.NEUTRAL
    assert rules.neutral(pregnancy_possible=False) == rules.NEUTRAL[:-1]


def test_a_drugs_own_questions_follow_its_prerequisites():
    assert rules.own(["infection_and_pml_symptom_check", "cbc"]) == (
        "thinking", "immune_condition", "immune_medicine",
    )  # fmt: skip
    assert rules.own(["infection_check"]) == ()


def test_every_question_of_a_checklist_has_a_source_and_words_and_its_prerequisite_is_in_a_fact_file():
    kinds = {rule.kind for regimen in catalogue.all_current().values() for rule in regimen.prerequisites}
    assert set(rules.OWN) == set(rules.OWN_SOURCE)
    assert set(rules.OWN) <= kinds
    assert {*rules.NEUTRAL, *(one for own in rules.OWN.values() for one in own)} == set(rules.IN_SHORT)


@given(ANSWERS)
def test_only_no_to_everything_is_clear(answers):
    if rules.unanswered(rules.NEUTRAL, answers):
        with pytest.raises(BadInput):
            rules.judge(rules.NEUTRAL, answers)
        return
    result = rules.judge(rules.NEUTRAL, answers)
    assert result.clear == (set(answers.values()) == {"no"})
    assert set(result.flagged) == {one for one, said in answers.items() if said != "no"}
    assert result.alarm == ("yes" in {answers["fever"], answers["symptoms"]})


def test_the_first_question_without_an_answer_is_named():
    with pytest.raises(BadInput) as refused:
        rules.judge(["fever", "vaccine"], {"fever": "no"})
    assert refused.value.field == "vaccine"


@pytest.mark.parametrize(("question", "said"), [("shoes", "no"), ("fever", ""), ("fever", "YES")])
def test_what_is_no_answer_is_refused(question, said):
    with pytest.raises(BadInput):
        rules.check_answer(rules.NEUTRAL, question, said)
    rules.check_answer(rules.NEUTRAL, "fever", "unsure")


def test_the_office_reads_what_was_flagged_in_one_line():
    assert rules.in_words(["fever", "vaccine"], {"fever": "yes", "vaccine": "unsure"}) == (
        "fever or chills (yes), vaccine (not sure)"
    )
