"""What a patient is told when something is refused. The rules speak the office's English; this is by code.

Every sentence says what is the case and what to do. A code without a line of its own gets OTHERWISE: a patient is never
shown a sentence that was written for a coordinator.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from scheduling.rules.errors import Refused

SENTENCES = {
    "ALREADY_HANDLED": gettext_lazy("We have this already. Nothing more to do."),
    "BAD_INPUT": gettext_lazy("We could not read that. Check what you typed and try again."),
    "BUSY": gettext_lazy("We are changing something in your visit right now. Try again in a minute."),
    "NO_SCREEN": gettext_lazy("There are no health questions for this visit."),
    "SCREEN_FLAGGED": gettext_lazy("A nurse will call you about the answers you gave before."),
    "SCREEN_NOT_DUE": gettext_lazy(
        "It is too early for the questions. They open three days before the visit."
    ),
    "SCREEN_SENT": gettext_lazy("Your answers were sent already. If something changed, call us."),
    "STALE_VERSION": gettext_lazy("Your visit was changed a moment ago. Look at it again before you answer."),
    "VISIT_STATE": gettext_lazy("This visit cannot be changed any more. Call us."),
}
OTHERWISE = gettext_lazy("That did not work, and nothing was changed. Call us.")


def for_patient(no: Refused) -> str:
    """The sentence for the refusal in the language of the reader."""
    return str(SENTENCES.get(no.code, OTHERWISE))
