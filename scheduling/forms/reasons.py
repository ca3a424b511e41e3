"""The fields in which a person says why: whose reason it is, what happened, and what is booked all the same."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from scheduling.models.visit import CANCEL_CLASSES

NOTE_LENGTH = 500


def whose_reason() -> forms.ChoiceField:
    """A list that begins with nothing: a reason is never guessed."""
    return forms.ChoiceField(
        label=gettext_lazy("Whose reason is it?"),
        choices=[("", gettext_lazy("Choose…")), *CANCEL_CLASSES],
        error_messages={"required": gettext_lazy("Choose whose reason it is.")},
    )


def what_happened(**kwargs: Any) -> forms.CharField:
    """The note beside it, in one line unless `widget` says otherwise."""
    return forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=NOTE_LENGTH,
        help_text=gettext_lazy("What happened, in a few words."),
        **kwargs,
    )


def override_reason(**kwargs: Any) -> forms.CharField:
    """Why something is booked that asks for a reason."""
    return forms.CharField(
        label=gettext_lazy("Your reason to book it all the same"),
        required=False,
        max_length=NOTE_LENGTH,
        help_text=gettext_lazy("Saved with your name in the audit trail."),
        **kwargs,
    )
