"""Where a patient is, since when, and who said so."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from patients.models import Patient
from scheduling.forms.fields import DayField

CHOICES = [
    (Patient.Status.ACTIVE, _("At home: care goes on")),
    (Patient.Status.IN_HOSPITAL, _("In hospital")),
    (Patient.Status.TRANSFERRED, _("Transferred to another provider")),
    (Patient.Status.DIED, _("Died")),
]


class StatusForm(forms.Form):
    """One step. Whoever has died is brought back only by a tick beside the reason."""

    status = forms.ChoiceField(label=_("The patient is"), choices=CHOICES, widget=forms.RadioSelect)
    since_on = DayField(label=_("Since"), help_text=_("Like 1/6/2026."))
    back_on = DayField(
        label=_("Expected home"), required=False, help_text=_("For a stay in hospital, if somebody knows.")
    )
    why = forms.CharField(
        label=_("Who told us?"), max_length=500, help_text=_("Or why this is corrected. It stays on file.")
    )
    alive = forms.BooleanField(label=_("It was a mistake: the patient is alive"), required=False)
    saw = forms.CharField(widget=forms.HiddenInput, required=False, max_length=12)

    def __init__(self, *args: Any, was: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was = was
        if was != Patient.Status.DIED:
            del self.fields["alive"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        back = self.was == Patient.Status.DIED and data.get("status") not in (None, Patient.Status.DIED)
        if back and not data.get("alive"):
            self.add_error("alive", _("Tick this to take back that the patient has died."))
        return data

    def for_service(self) -> dict[str, Any]:
        """What services.patient_changes.set_status asks for."""
        return {name: value for name, value in self.cleaned_data.items() if name != "alive"}
