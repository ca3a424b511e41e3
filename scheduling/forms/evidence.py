"""A paper on file: a result, a vaccination, an authorization; and taking one back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from patients.models import Prescription
from scheduling.forms.fields import DayField, WholeNumberField, note_form_field
from scheduling.rules.regimen import Regimen
from scheduling.services.readiness import TITLES, title_of

OURS = ("prior_authorization", "payer_asked", "health_screen", "site_decision")


def kinds_for(regimens: Iterable[Regimen]) -> list[str]:
    """What these regimens ask for or follow over time, and the papers every payer wants; same-day checks left out."""
    found: dict[str, None] = {}
    for regimen in regimens:
        for item in regimen.prerequisites:
            if item.valid_for is None or any(item.valid_for):
                found[item.kind] = None
        for rule in regimen.monitoring:
            found[rule.kind] = None
    return [*sorted(found, key=title_of), *OURS]


def needs_number(kind: str) -> bool:
    """Authorizations are worth nothing without their number."""
    return "authorization" in kind or "reauthorization" in kind


class EvidenceForm(forms.Form):
    """One paper. What is asked depends little on its kind, so there is one form."""

    kind = forms.ChoiceField(label=_("What"))
    prescription = forms.ChoiceField(label=_("For which order"), required=False)
    dated_on = DayField(label=_("Date of the result"), help_text=_("Like 1/6/2026."))
    valid_until_on = DayField(
        label=_("Valid until"),
        required=False,
        help_text=_("Only when the paper says so. Else the usual validity counts."),
    )
    clear = forms.ChoiceField(
        label=_("What does it say?"),
        choices=[("yes", _("It allows dosing")), ("no", _("It does not allow dosing"))],
        widget=forms.RadioSelect,
    )
    units = WholeNumberField(
        label=_("Units approved"),
        min_value=1,
        max_value=1_000_000,
        required=False,
        help_text=_("Of a payer's authorization, as it counts them."),
        error_messages={
            "invalid": _("Enter the units as a whole number, like 600."),
            "min_value": _("Enter the units the payer approved, more than 0."),
            "max_value": _("Enter the units the payer approved, at most 1,000,000."),
        },
    )
    reference = forms.CharField(
        label=_("Number or result"),
        max_length=120,
        required=False,
        help_text=_("Authorizations need their number."),
    )
    note = note_form_field(_("Note"), length=1000)

    def __init__(
        self, *args: Any, kinds: list[str], orders: list[tuple[Prescription, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        listed = kinds if kinds else sorted(TITLES)
        self.fields["kind"].choices = [(kind, title_of(kind)) for kind in listed]  # type: ignore[attr-defined]
        none = ("", _now("Any order"))
        self.fields["prescription"].choices = [none, *((str(order.pk), name) for order, name in orders)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        kind = data.get("kind", "")
        if needs_number(kind) and not data.get("reference"):
            self.add_error("reference", _("Enter the authorization number."))
        if data.get("units") and kind != "prior_authorization":
            self.add_error("units", _("Only an authorization has units."))
        if kind == "site_decision" and not data.get("prescription"):
            self.add_error("prescription", _("Say for which order home was decided."))
        return data

    def for_service(self) -> dict[str, Any]:
        """What services.patients.record_evidence asks for."""
        data = dict(self.cleaned_data)
        order = data.pop("prescription")
        return {**data, "clear": data["clear"] == "yes", "prescription_id": int(order) if order else None}


class WithdrawForm(forms.Form):
    """Why a paper is taken back."""

    why = forms.CharField(label=_("Why is it withdrawn?"), max_length=500)
