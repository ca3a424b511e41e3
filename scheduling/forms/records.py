"""A dose was given: when, how much, how it went; and putting a wrong record right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.forms.fields import DayField, NumberField, note_form_field

GRADES = [
    ("none", _("None")),
    ("mild", _("Mild: noticed, nothing had to change")),
    ("moderate", _("Moderate: slowed or paused, settled soon with treatment")),
    ("severe", _("Severe: stopped and treated, slow to settle or came back")),
    ("life_threatening", _("Life-threatening: needed urgent help")),
]
TYPES = [("", _("Not said")), ("hypersensitivity", _("Hypersensitivity (allergic)"))]


class RecordForm(forms.Form):
    """What really happened to one dose."""

    given_on = DayField(label=_("Given on"), help_text=_("Like 1/6/2026."))
    amount_mg = NumberField(
        label=_("Amount given (mg)"),
        required=False,
        max_digits=9,
        decimal_places=2,
        min_value=Decimal("0.01"),
    )
    reaction = forms.ChoiceField(label=_("Reaction"), choices=GRADES, widget=forms.RadioSelect)
    reaction_type = forms.ChoiceField(label=_("Type of reaction"), choices=TYPES, required=False)
    note = note_form_field(_("Note"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("reaction_type") and data.get("reaction") == "none":
            self.add_error("reaction", _("Say how bad the reaction was."))
        return data


class CorrectForm(RecordForm):
    """The same with the reason; the wrong record stays."""

    why = forms.CharField(label=_("Why is it corrected?"), max_length=500)
