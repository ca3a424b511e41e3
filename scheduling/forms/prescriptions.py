"""An order as it is written: the regimen, its numbers, the prescriber, and the doses given elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from patients.models import Patient, Prescription
from patients.validators import check_npi
from scheduling.forms.fields import DayField, NumberField, WholeNumberField, note_form_field, sentence
from scheduling.models.record import REACTIONS
from scheduling.readings.chart_words import label_words, parameter_words, plain
from scheduling.regimens import catalogue
from scheduling.rules.errors import Refused
from scheduling.rules.regimen import Regimen
from scheduling.services import doses
from scheduling.services.prescribing import GivenElsewhere, Wish

LIKE_A_DAY = _("Like 1/6/2026.")
MOST_ROWS = 40
TYPES = [("", _("Not said")), ("hypersensitivity", _("Hypersensitivity (allergic)"))]
RULE_FIELDS = {"start_date": "start_on", "discontinued_on": "start_on", "as_of": "start_on"}
HISTORY_FIELDS = {
    "date": "on",
    "on": "on",
    "dose_number": "number",
    "reaction": "reaction",
    "reaction_type": "reaction_type",
}
IN_HISTORY = re.compile(r"(?:history\[(\d+)\]\.|given-(\d+)-)(\w+)")


def regimen_choices() -> list[tuple[str, Any]]:
    """Every regimen in use, grouped by drug."""
    current = sorted(catalogue.all_current().values(), key=lambda one: (one.generic, one.display_name))
    found: list[tuple[str, Any]] = [("", _("Choose a regimen"))]
    for generic, group in groupby(current, key=lambda one: one.generic):
        found.append(
            (generic.capitalize(), [(one.id, f"{one.display_name} ({label_words(one)})") for one in group])
        )
    return found


def parameter_fields(regimen: Regimen) -> dict[str, forms.Field]:
    """A field for each number the order may choose; one that allows a single value is left out."""
    found: dict[str, forms.Field] = {}
    for name, known in regimen.parameters.items():
        if known.least == known.most:
            continue
        said = {"least": plain(known.least), "most": plain(known.most), "usual": plain(known.default)}
        kind = WholeNumberField if known.whole else NumberField
        found[f"param_{name}"] = kind(
            label=parameter_words(name),
            required=False,
            help_text=_now("%(least)s to %(most)s. Empty means %(usual)s.") % said,
        )
    return found


class DaysField(forms.CharField):
    """Several days, one a line."""

    widget = forms.Textarea

    def run_validators(self, value: Any) -> None:
        """Each day was checked when it was read."""

    def to_python(self, value: Any) -> tuple[date, ...]:
        lines = [line.strip() for line in re.split(r"[\n;]+", super().to_python(value)) if line.strip()]
        if len(lines) > MOST_ROWS:
            raise ValidationError(_("These are too many days."), code="many")
        day = DayField()
        return tuple(day.clean(line) for line in lines)


class OrderForm(forms.Form):
    """The order itself. What a regimen asks for besides comes when one is chosen."""

    regimen_id = forms.ChoiceField(label=_("Regimen"), choices=regimen_choices)
    start_on = DayField(
        label=_("Start"),
        help_text=_("Day of the first infusion ever. Like 1/6/2026."),
    )
    expires_on = DayField(label=_("Order expires"), help_text=LIKE_A_DAY)
    prescriber_name = forms.CharField(label=_("Prescriber"), max_length=120)
    prescriber_npi = forms.CharField(label=_("Prescriber NPI"), max_length=20, help_text=_("Ten digits."))
    diagnosis_code = forms.CharField(
        label=_("Diagnosis (ICD-10-CM)"), max_length=8, required=False, help_text=_("Like G35.A.")
    )
    note = note_form_field(_("Note"))

    def __init__(
        self, *args: Any, regimen: Regimen | None, on_file: Collection[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.regimen = regimen
        if regimen is None:
            return
        if regimen.needs_weight:
            self.fields["weight_kg"] = NumberField(
                label=_now("Weight (kg)"), required="weight_kg" not in on_file, max_digits=6, decimal_places=2
            )
        if regimen.needs_height:
            self.fields["height_cm"] = NumberField(
                label=_now("Height (cm)"), required="height_cm" not in on_file, max_digits=6, decimal_places=2
            )
        self.fields.update(parameter_fields(regimen))
        if regimen.courses or regimen.max_dose_number or regimen.default_total_doses:
            usual = regimen.default_total_doses or regimen.max_dose_number
            said = _now("Empty means %(n)d.") % {"n": usual} if usual else ""
            self.fields["total_doses"] = WholeNumberField(
                label=_now("Number of doses"), required=False, min_value=1, max_value=999, help_text=said
            )
        if regimen.cumulative_cap is not None:
            self.fields["prior_cumulative_mg_per_m2"] = NumberField(
                label=_now("Lifetime dose before the doses listed here (mg/m²)"),
                required=False,
                max_digits=7,
                decimal_places=2,
            )
        if regimen.course_frequency is not None:
            self.fields["prior_course_starts"] = DaysField(
                label=_now("Starts of earlier courses"),
                required=False,
                help_text=_now("One day a line, like 1/6/2026."),
            )

    @property
    def asked_by_regimen(self) -> list[forms.BoundField]:
        """The fields this regimen asks for, besides those of every order."""
        return [self[name] for name in self.fields if name not in self.base_fields]

    def clean_prescriber_npi(self) -> str:
        npi = re.sub(r"[\s-]", "", self.cleaned_data["prescriber_npi"])
        check_npi(npi)
        return npi

    def clean_diagnosis_code(self) -> str:
        return self.cleaned_data["diagnosis_code"].strip().upper()


class GivenForm(forms.Form):
    """One dose given elsewhere. An empty row counts for nothing."""

    number = WholeNumberField(label=_("Dose"), min_value=1, max_value=999)
    on = DayField(label=_("Given on"))
    amount_mg = NumberField(
        label=_("mg"), required=False, max_digits=9, decimal_places=2, min_value=Decimal("0.01")
    )
    reaction = forms.ChoiceField(label=_("Reaction"), choices=REACTIONS, required=False, initial="none")
    reaction_type = forms.ChoiceField(label=_("Type"), choices=TYPES, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, empty_permitted=True, use_required_attribute=False, **kwargs)

    def has_changed(self) -> bool:
        """Something besides the choices that are there from the start."""
        said = [str(self[name].data or "").strip() for name in self.fields]
        return any(value not in ("", "none") for value in said)


class Order:
    """The order and its rows of earlier doses as one: read, previewed, saved, and never lost on the way.

    `checked` False keeps what was typed and judges nothing (a row was added, another regimen was chosen).
    """

    def __init__(
        self, patient: Patient, data: Mapping[str, Any] | None = None, *, checked: bool = True, rows: int = 0
    ) -> None:
        self.patient = patient
        self.measured = doses.latest_measurements(patient)
        typed = data or {}
        self.regimen = catalogue.all_current().get(str(typed.get("regimen_id", "")))
        count = min(max(_whole(typed.get("given-count")), rows), MOST_ROWS)
        if data is None or not checked:
            first = {"diagnosis_code": patient.diagnosis_code}
            self.form = OrderForm(
                initial={**first, **{name: typed[name] for name in typed}},
                regimen=self.regimen,
                on_file=self.measured,
            )
            self.rows = [_typed_row(i, typed) for i in range(count)]
        else:
            self.form = OrderForm(data, regimen=self.regimen, on_file=self.measured)
            self.rows = [GivenForm(data, prefix=f"given-{i}") for i in range(count)]

    @property
    def used_rows(self) -> list[GivenForm]:
        """The rows with something in them, by dose number, as the rules list them."""
        filled = [row for row in self.rows if row.is_bound and row.is_valid() and row.cleaned_data]
        return sorted(filled, key=lambda row: row.cleaned_data["number"])

    def is_valid(self) -> bool:
        """Everything can be read; what the rules say comes later."""
        bad = [i for i, row in enumerate(self.rows, start=1) if not row.is_valid()]
        for i in bad:
            self.form.add_error(
                None, _now("Doses given elsewhere, line %(n)d: check what is typed.") % {"n": i}
            )
        return self.form.is_valid() and not bad

    @property
    def typed_wrong(self) -> list[tuple[str, str]]:
        """(label, error) of what was typed and cannot be read; empty fields are not wrong yet."""
        found = []
        for form in (self.form, *self.rows):
            for name, errors in form.errors.items():
                if name in form.fields and str(form[name].data or "").strip():
                    found.append((str(form[name].label), str(errors[0])))
        return found

    def wish(self) -> Wish | None:
        """What is asked for as far as it is typed; None until there is a regimen and a start."""
        self.form.is_valid()
        data = self.form.cleaned_data
        if not data.get("regimen_id") or not data.get("start_on"):
            return None
        parameters = {
            name.removeprefix("param_"): Decimal(value)
            for name, value in data.items()
            if name.startswith("param_") and value is not None
        }
        return Wish(
            regimen_id=data["regimen_id"],
            start_on=data["start_on"],
            # Not typed yet: a preview without an end; saving asks for one.
            expires_on=data.get("expires_on") or date(2199, 12, 31),
            prescriber_name=data.get("prescriber_name", ""),
            prescriber_npi=data.get("prescriber_npi", ""),
            diagnosis_code=data.get("diagnosis_code", ""),
            total_doses=data.get("total_doses"),
            parameters=parameters,
            prior_cumulative_mg_per_m2=data.get("prior_cumulative_mg_per_m2"),
            prior_course_starts=data.get("prior_course_starts") or (),
            height_cm=data.get("height_cm"),
            weight_kg=data.get("weight_kg"),
            given=tuple(_elsewhere(row.cleaned_data) for row in self.used_rows),
            note=data.get("note", ""),
        )

    def refuse(self, no: Refused) -> int:
        """Put what the rules refuse beside the field it is about; returns the status to answer with."""
        where = IN_HISTORY.fullmatch(no.field)
        if where is not None:
            index = int(where[1] or where[2])
            rows, name = self.used_rows, HISTORY_FIELDS.get(where[3])
            if index < len(rows) and name:
                rows[index].add_error(name, sentence(no))
                line = self.rows.index(rows[index]) + 1
                said = {"n": line, "why": sentence(no)}
                self.form.add_error(None, _now("Doses given elsewhere, line %(n)d: %(why)s") % said)
                return 422
        name = RULE_FIELDS.get(no.field, no.field)
        if name.startswith("parameters."):
            name = "param_" + name.removeprefix("parameters.")
        self.form.add_error(name if name in self.form.fields else None, sentence(no))
        return 409 if no.status == 409 else 422


def _whole(value: object) -> int:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _typed_row(index: int, typed: Mapping[str, Any]) -> GivenForm:
    prefix = f"given-{index}"
    kept = {name: typed[f"{prefix}-{name}"] for name in GivenForm.base_fields if f"{prefix}-{name}" in typed}
    return GivenForm(prefix=prefix, initial={"reaction": "none", **kept})


def _elsewhere(data: Mapping[str, Any]) -> GivenElsewhere:
    return GivenElsewhere(
        number=data["number"],
        on=data["on"],
        amount_mg=data.get("amount_mg"),
        reaction=data.get("reaction") or "none",
        reaction_type=data.get("reaction_type") or "",
    )


class AmendForm(forms.Form):
    """Terms of a running order that may change; another drug or start is another order."""

    expires_on = DayField(label=_("Order expires"), help_text=LIKE_A_DAY)
    prescriber_name = forms.CharField(label=_("Prescriber"), max_length=120)
    prescriber_npi = forms.CharField(label=_("Prescriber NPI"), max_length=20, help_text=_("Ten digits."))
    diagnosis_code = forms.CharField(label=_("Diagnosis (ICD-10-CM)"), max_length=8, required=False)
    note = note_form_field(_("Note"))
    why = forms.CharField(label=_("Why does the order change?"), max_length=500)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=0, max_value=32767)

    def __init__(self, *args: Any, prescription: Prescription, regimen: Regimen, **kwargs: Any) -> None:
        terms = ("expires_on", "prescriber_name", "prescriber_npi", "diagnosis_code", "note", "total_doses")
        initial = {name: getattr(prescription, name) for name in terms}
        initial |= {f"param_{name}": value for name, value in prescription.parameters.items()}
        super().__init__(*args, initial={**initial, **kwargs.pop("initial", {})}, **kwargs)
        self.prescription = prescription
        self.asked = parameter_fields(regimen)
        if regimen.courses or regimen.max_dose_number or regimen.default_total_doses:
            self.asked["total_doses"] = WholeNumberField(
                label=_now("Number of doses"), required=False, min_value=1, max_value=999
            )
        self.fields.update(self.asked)
        self.order_fields([*(name for name in self.fields if name not in ("note", "why")), "note", "why"])

    def clean_prescriber_npi(self) -> str:
        npi = re.sub(r"[\s-]", "", self.cleaned_data["prescriber_npi"])
        check_npi(npi)
        return npi

    def changes(self) -> dict[str, Any]:
        """The terms that differ from those in force."""
        data = self.cleaned_data
        wished: dict[str, Any] = {
            name: data[name]
            for name in (
                "expires_on",
                "prescriber_name",
                "prescriber_npi",
                "diagnosis_code",
                "note",
                "total_doses",
            )
            if name in data
        }
        if any(name.startswith("param_") for name in data):
            chosen = {
                k.removeprefix("param_"): v
                for k, v in data.items()
                if k.startswith("param_") and v is not None
            }
            kept = {
                k: Decimal(v)
                for k, v in self.prescription.parameters.items()
                if f"param_{k}" not in self.fields
            }
            wished["parameters"] = {**kept, **{name: Decimal(value) for name, value in chosen.items()}}
        return {name: value for name, value in wished.items() if not self._same(name, value)}

    def _same(self, name: str, value: Any) -> bool:
        now = getattr(self.prescription, name)
        if name == "parameters":
            return {k: Decimal(str(v)) for k, v in now.items()} == value
        return bool(now == value)


class HoldForm(forms.Form):
    """No dosing from a day on, until a day or until somebody knows."""

    starts_on = DayField(label=_("From"), help_text=LIKE_A_DAY)
    clears_on = DayField(
        label=_("Dosing allowed again on"), required=False, help_text=_("Leave empty when nobody knows yet.")
    )
    reason = forms.CharField(label=_("Why is dosing on hold?"), max_length=500)


class ClearHoldForm(forms.Form):
    """The day dosing is allowed again."""

    clears_on = DayField(
        label=_("Dosing allowed again on"),
        help_text=_(
            "The first day a dose may be given. On or before the first day of the hold: it never applied."
        ),
    )


class StopForm(forms.Form):
    """The drug is stopped for good."""

    stopped_on = DayField(label=_("Stopped on"), help_text=LIKE_A_DAY)
    why = forms.CharField(label=_("Why is the drug stopped?"), max_length=500)
