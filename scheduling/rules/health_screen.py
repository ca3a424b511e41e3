"""The health questions before a visit: which are asked, and what the answers mean. Pure; words are elsewhere.

The neutral ones say nothing about a drug and may be asked through a link. A drug's own are asked after sign-in or by
phone only. "No" to all is clear; one "yes" or "I'm not sure" is for a nurse. Sources: what the labels ask for on the
day (no active infection, new symptoms; vaccines 4 and 2 weeks apart) and, for the own ones, OWN_SOURCE.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from scheduling.rules.errors import BadInput

YES, NO, UNSURE = "yes", "no", "unsure"
SAID = (YES, NO, UNSURE)
PREGNANCY = "pregnancy"
NEUTRAL = ("fever", "infection", "symptoms", "antibiotics", "vaccine", PREGNANCY)
# Kind of a prerequisite of a fact file -> the questions of the checklist it names.
OWN: Mapping[str, tuple[str, ...]] = {
    "infection_and_pml_symptom_check": ("thinking", "immune_condition", "immune_medicine"),
}
OWN_SOURCE: Mapping[str, str] = {
    "infection_and_pml_symptom_check": "TOUCH pre-infusion checklist (form 6/2013): the questions to the patient",
}
# A "yes" to one of these is told to the clinical lead at once.
ALARMING = frozenset({"fever", "symptoms", "thinking"})
# How the office reads them in one line.
IN_SHORT: Mapping[str, str] = {
    "fever": "fever or chills",
    "infection": "infection",
    "symptoms": "new or worse symptoms",
    "antibiotics": "antibiotics",
    "vaccine": "vaccine",
    PREGNANCY: "could be pregnant",
    "thinking": "change in thinking, sight, balance or strength",
    "immune_condition": "condition that weakens the immune system",
    "immune_medicine": "medicine that weakens the immune system",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What answered questions mean. `flagged`: questions that were not answered "no", in their order."""

    flagged: tuple[str, ...]
    alarm: bool

    @property
    def clear(self) -> bool:
        return not self.flagged


def neutral(*, pregnancy_possible: bool) -> tuple[str, ...]:
    """The questions anybody may be asked who holds the link, in their order."""
    return tuple(one for one in NEUTRAL if one != PREGNANCY or pregnancy_possible)


def own(kinds: Collection[str]) -> tuple[str, ...]:
    """The drug's own questions, from the kinds of the prerequisites of its dose."""
    return tuple(one for kind, questions in OWN.items() if kind in kinds for one in questions)


def unanswered(questions: Sequence[str], answers: Mapping[str, str]) -> tuple[str, ...]:
    """The questions still open, in their order."""
    return tuple(one for one in questions if answers.get(one) not in SAID)


def check_answer(questions: Sequence[str], question: str, said: str) -> None:
    """Raises BadInput beside the field unless the question is asked and the answer is one of the three."""
    if question not in questions:
        raise BadInput("This is not asked.", field="said")
    if said not in SAID:
        raise BadInput("Choose an answer.", field="said")


def judge(questions: Sequence[str], answers: Mapping[str, str]) -> Result:
    """Clear or for a nurse. Raises BadInput beside the first question that has no answer yet."""
    if left := unanswered(questions, answers):
        raise BadInput("Answer every question first.", field=left[0])
    flagged = tuple(one for one in questions if answers[one] != NO)
    return Result(flagged, any(answers[one] == YES and one in ALARMING for one in flagged))


def in_words(flagged: Sequence[str], answers: Mapping[str, str]) -> str:
    """`fever or chills (yes), vaccine (not sure)`: one line for the office."""
    said = {YES: "yes", UNSURE: "not sure"}
    return ", ".join(f"{IN_SHORT[one]} ({said[answers[one]]})" for one in flagged)
