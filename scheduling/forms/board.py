"""What the board asks when a visit is put down somewhere else."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from scheduling.forms.booking import NOTE_LENGTH
from scheduling.models.visit import CANCEL_CLASSES


class DropForm(forms.Form):
    """Where it was put (`nurse`, `starts_at` aware), the visit as the person saw it, and why."""

    nurse = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**53)
    starts_at = forms.DateTimeField(widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2_000_000_000)
    reason_class = forms.ChoiceField(
        label=gettext_lazy("Whose reason is it?"),
        choices=[("", gettext_lazy("Choose…")), *CANCEL_CLASSES],  # a reason is never guessed
        error_messages={"required": gettext_lazy("Choose whose reason it is.")},
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=NOTE_LENGTH,
        help_text=gettext_lazy("What happened, in a few words."),
    )
    override = forms.CharField(
        label=gettext_lazy("Your reason to book it all the same"),
        required=False,
        max_length=NOTE_LENGTH,
        help_text=gettext_lazy("Saved with your name in the audit trail."),
    )
