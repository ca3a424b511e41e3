"""The small forms beside the gates of a dose: each records one thing in one step. Widgets stay on one line."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from scheduling.forms.evidence import needs_number
from scheduling.forms.fields import DayField, NumberField, WholeNumberField
from scheduling.models import PlannedDose, SupplyStep, Visit
from scheduling.services import outcomes, patients, starting, supplies
from scheduling.services.readiness import Gate

# Nobody records a result as clear by leaving a field alone: the answer is always chosen.
CHOOSE = ("", _("Choose…"))
YES_NO = [CHOOSE, ("yes", _("Allows dosing")), ("no", _("Does not allow dosing"))]
HAPPENED = {"dated_on", "screened_on", "on"}  # days that are today more often than not
ASKED, GRANTED, DECLINED = "asked", "granted", "declined"


class GateForm(forms.Form):
    """One gate's form. `save` calls the service and raises its Refused; `fields_of` maps its field names to ours."""

    fields_of: dict[str, str] = {}
    label = _("Record")

    def __init__(
        self, *args: Any, gate: Gate, dose: PlannedDose, visit: Visit | None, today: date, **kwargs: Any
    ) -> None:
        super().__init__(*args, prefix=gate.kind, **kwargs)
        self.gate, self.kind, self.dose, self.visit = gate, gate.kind, dose, visit
        for name in HAPPENED & self.fields.keys():
            self.initial.setdefault(name, today)

    def save(self, by: User) -> None:
        raise AssertionError("each form says how")

    def _paper(self, by: User, kind: str, **said: Any) -> None:
        patients.record_evidence(patient_id=self.dose.prescription.patient_id, kind=kind, by=by, **said)


class ResultForm(GateForm):
    """A result or a paper: dated, clear or not, with its number."""

    dated_on = DayField(label=_("Dated"))
    clear = forms.ChoiceField(label=_("Result"), choices=YES_NO)
    reference = forms.CharField(label=_("Number"), max_length=120, required=False)
    valid_until_on = DayField(label=_("Valid until"), required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if needs_number(self.kind) and not data.get("reference"):
            self.add_error("reference", _("Enter the authorization number."))
        return data

    def save(self, by: User) -> None:
        said = {**self.cleaned_data, "clear": self.cleaned_data["clear"] == "yes"}
        kind = "site_decision" if self.kind == "site" else self.kind
        self._paper(by, kind, prescription_id=self.dose.prescription_id, **said)


class ScreenForm(GateForm):
    """The health screen, asked over the phone. It is about the person, not about one order."""

    fields_of = {"dated_on": "screened_on", "clear": "screen"}
    screened_on = DayField(label=_("Asked on"))
    screen = forms.ChoiceField(
        label=_("Answers"),
        choices=[CHOOSE, ("yes", _("Clear")), ("no", _("Not clear: call the clinical lead"))],
    )
    note = forms.CharField(label=_("What was said"), max_length=500, required=False)

    def save(self, by: User) -> None:
        data = self.cleaned_data
        self._paper(
            by,
            "health_screen",
            dated_on=data["screened_on"],
            clear=data["screen"] == "yes",
            note=data["note"],
        )


class AuthorizationForm(GateForm):
    """The payer's answer, or that it was asked."""

    answer = forms.ChoiceField(
        label=_("Payer"),
        choices=[
            CHOOSE,
            (GRANTED, _("Approved")),
            (ASKED, _("Asked, no answer yet")),
            (DECLINED, _("Declined")),
        ],
    )
    dated_on = DayField(label=_("From, or asked on"))
    valid_until_on = DayField(label=_("Until"))
    units = WholeNumberField(label=_("Units"), required=False, min_value=1)
    reference = forms.CharField(label=_("Number"), max_length=120)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.data.get(self.add_prefix("answer")) in (ASKED, DECLINED):  # nothing is covered yet
            self.fields["valid_until_on"].required = self.fields["reference"].required = False

    def save(self, by: User) -> None:
        data = dict(self.cleaned_data)
        answer = data.pop("answer")
        if answer != GRANTED:
            data |= {"units": None, "valid_until_on": None}
        kind = "payer_asked" if answer == ASKED else "prior_authorization"
        order = self.dose.prescription_id
        self._paper(by, kind, prescription_id=order, clear=answer != DECLINED, **data)


class SupplyForm(GateForm):
    """One step of the drug's way. The step that comes next is chosen already."""

    step = forms.ChoiceField(label=_("The drug is"), choices=SupplyStep.Step.choices)
    on = DayField(label=_("On"))
    expected_on = DayField(label=_("Expected"), required=False)
    lowest_c = NumberField(label=_("Lowest °C"), required=False, max_digits=4, decimal_places=1)
    highest_c = NumberField(label=_("Highest °C"), required=False, max_digits=4, decimal_places=1)
    reference = forms.CharField(label=_("Number"), max_length=120, required=False)

    def save(self, by: User) -> None:
        supplies.record_step(dose_id=self.dose.pk, by=by, **self.cleaned_data)


class ConfirmForm(GateForm):
    """The patient said yes on the phone: one button."""

    label = _("Confirmed by phone")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def save(self, by: User) -> None:
        assert self.visit is not None
        outcomes.confirm_visit(visit_id=self.visit.pk, by=by, version=self.cleaned_data["version"])


class OverrideForm(GateForm):
    """The clinical lead lets the dose start although this gate is closed."""

    label = _("Open this gate")
    why = forms.CharField(label=_("Why may the dose start all the same?"), max_length=500)

    def save(self, by: User) -> None:
        starting.override_gate(dose_id=self.dose.pk, gate=self.kind, why=self.cleaned_data["why"], by=by)


class TakeBackForm(GateForm):
    """What was told by mistake is taken back: the last step of the parcel, or the lead's own opening of a gate."""

    label = _("Take back")
    mistake = forms.CharField(label=_("Why is it taken back?"), max_length=500)
    fields_of = {"why": "mistake"}

    def save(self, by: User) -> None:
        why = self.cleaned_data["mistake"]
        if self.gate.override is not None:
            starting.withdraw_override(override_id=self.gate.override.pk, by=by, why=why)
        elif isinstance(self.gate.evidence, SupplyStep):
            supplies.withdraw_step(step_id=self.gate.evidence.pk, by=by, why=why)


def may_take_back(gate: Gate, user: User) -> bool:
    """Whether there is something here that this person may take back. Papers have a page for it."""
    if gate.override is not None:
        return user.role == Role.LEAD
    return isinstance(gate.evidence, SupplyStep)


FORMS: dict[str, type[GateForm]] = {
    "result": ResultForm,
    "screen": ScreenForm,
    "authorization": AuthorizationForm,
    "supply": SupplyForm,
    "confirm": ConfirmForm,
}
NEXT_STEP = {
    "missing": "ordered",
    "not_yet": "shipped",
    "pending": "received",
    "forbids": "ordered",
    "met": "received",
}


def initial_of(form: str, state: str, visit: Visit | None) -> dict[str, Any]:
    """What a form begins with: the likely next thing."""
    if form == "supply":
        return {"step": NEXT_STEP.get(state, "ordered")}
    if form == "confirm" and visit is not None:
        return {"version": visit.version}
    return {}
