"""What the board asks when a visit is put down somewhere else."""

from __future__ import annotations

from django import forms

from scheduling.forms.reasons import override_reason, what_happened, whose_reason


class DropForm(forms.Form):
    """Where it was put (`nurse`, `starts_at` aware), the visit as the person saw it, and why."""

    nurse = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**53)
    starts_at = forms.DateTimeField(widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2_000_000_000)
    reason_class = whose_reason()
    note = what_happened()
    override = override_reason()
