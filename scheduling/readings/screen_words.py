"""The health questions in the patient's language. Which are asked: scheduling/rules/health_screen.py."""

from __future__ import annotations

from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.models import HealthScreen
from scheduling.rules import health_screen

QUESTIONS = {
    "fever": gettext_lazy("Have you had a fever or chills in the last 7 days?"),
    "infection": gettext_lazy("Have you had an infection in the last 7 days?"),
    "symptoms": gettext_lazy("Do you have new symptoms, or do you feel worse than usual?"),
    "antibiotics": gettext_lazy("Have you taken antibiotics in the last 2 weeks?"),
    "vaccine": gettext_lazy(
        "Have you had a vaccine in the last 4 weeks, or will you have one in the next 4 weeks?"
    ),
    "pregnancy": gettext_lazy("Could you be pregnant?"),
    "thinking": gettext_lazy(
        "In the last month, did you have new trouble with thinking, sight, balance or strength for several days?"
    ),
    "immune_condition": gettext_lazy(
        "Do you have an illness that makes it hard for your body to fight infections?"
    ),
    "immune_medicine": gettext_lazy(
        "In the last month, did you take other medicine that makes it hard for your body to fight infections?"
    ),
}
HINTS = {
    "infection": gettext_lazy(
        "For example a cold, the flu, a cough, or an infection of the skin or bladder."
    ),
    "symptoms": gettext_lazy("Anything that worries you counts."),
    "immune_condition": gettext_lazy("For example HIV, leukemia, lymphoma, or an organ transplant."),
    "immune_medicine": gettext_lazy("For example medicine against cancer, or after a transplant."),
}


def question(code: str) -> str:
    """The question as the patient reads or hears it."""
    return str(QUESTIONS[code])


def hint(code: str) -> str:
    """What helps to answer it; "" for none."""
    return str(HINTS.get(code, ""))


def to_read_out(code: str, language: str) -> str:
    """What a caller has beside the question: its example, and for who speaks another language the words in it."""
    if language == "en":
        return hint(code)
    with translation.override(language):
        words = f"{question(code)} {hint(code)}".strip()
    return format_html('<span lang="{}">{}</span>', language, words)


def in_short(screen: HealthScreen) -> str:
    """`fever or chills (yes)`, or "" when all was "no": for the office."""
    flagged = [
        one
        for one in screen.questions
        if screen.answers.get(one) in {health_screen.YES, health_screen.UNSURE}
    ]
    return health_screen.in_words(flagged, screen.answers)


def answers(*, caller: bool = False) -> list[tuple[str, str]]:
    """The three answers; a patient is told what "not sure" leads to."""
    unsure = _("I'm not sure") if caller else _("I'm not sure (a nurse will call you)")
    return [(health_screen.YES, _("Yes")), (health_screen.NO, _("No")), (health_screen.UNSURE, unsure)]


def said(answer: str) -> str:
    """One answer as the check page shows it."""
    return dict(answers(caller=True)).get(answer, "")
