"""Adding a patient and a measurement."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from infusion_home.widgets import DateParts
from patients.models import Measurement, Patient
from patients.places import centre_of
from patients.validators import check_phone, e164
from scheduling import clock
from scheduling.forms.fields import DayField, NumberField

ZONES = ("America/Chicago", "America/Denver", "America/New_York", "America/Los_Angeles", "America/Phoenix")
COLUMNS = (  # two columns of about the same height
    (
        (_("Who"), ("first_name", "last_name", "date_of_birth", "mrn")),
        (_("Care"), ("language", "diagnosis_code", "allergies", "pregnancy_possible", "prefers", "wishes")),
    ),
    (
        (
            _("Home"),
            ("address", "city", "state", "postal_code", "latitude", "longitude", "time_zone", "access_notes"),
        ),
        (_("How to reach them"), ("email", "phone", "consent")),
    ),
)


class PatientForm(forms.ModelForm):
    """Everything about a new patient, checked; saving belongs to services.patients."""

    email = forms.EmailField(label=_("E-mail"), required=False)
    phone = forms.CharField(
        label=_("Phone"), required=False, max_length=30, help_text=_("Like 214-555-0142.")
    )
    consent = forms.BooleanField(
        label=_("The patient agreed to get messages about visits this way"),
        required=False,
        help_text=_("Messages name a time and a first name, never a drug."),
    )
    latitude = NumberField(
        label=_("Latitude"),
        required=False,
        min_value=-90,
        max_value=90,
        help_text=_("Leave both empty to use the middle of the city."),
    )
    longitude = NumberField(label=_("Longitude"), required=False, min_value=-180, max_value=180)
    time_zone = forms.ChoiceField(
        label=_("Time zone of the home"), choices=[(z, z) for z in ZONES], initial=ZONES[0]
    )
    different = forms.CharField(
        label=_("Why is this a different person?"),
        max_length=500,
        required=False,
        help_text=_("Like: twins, asked for the address. It stays on file."),
    )

    class Meta:
        model = Patient
        fields = (
            "first_name", "last_name", "date_of_birth", "mrn", "address", "city", "state", "postal_code",
            "latitude", "longitude", "time_zone", "access_notes", "language", "diagnosis_code", "allergies",
            "pregnancy_possible", "prefers", "wishes",
        )  # fmt: skip
        widgets = {"date_of_birth": DateParts(), "prefers": forms.Select(), "language": forms.Select()}
        help_texts = {
            "mrn": _("The number on the referral; one a person."),
            "diagnosis_code": _("Like G35.A for relapsing-remitting MS."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["prefers"].choices = [
            ("", _("No preference")),
            *Patient._meta.get_field("prefers").choices,
        ]  # type: ignore[attr-defined,list-item]
        self.fields["first_name"].widget.attrs["autocomplete"] = "off"
        self.fields["last_name"].widget.attrs["autocomplete"] = "off"

    @property
    def columns(self) -> list[list[tuple[Any, list[forms.BoundField]]]]:
        """The fields under their headings, in two columns."""
        return [
            [(title, [self[name] for name in names]) for title, names in sections] for sections in COLUMNS
        ]

    def clean_date_of_birth(self) -> Any:
        born_on = self.cleaned_data["date_of_birth"]
        if not born_on.year >= 1900 or born_on > clock.today_in(ZONES[0]):
            raise ValidationError(_("Check the date of birth."), code="born")
        return born_on

    def clean_state(self) -> str:
        state = self.cleaned_data["state"].strip().upper()
        if len(state) != 2 or not state.isalpha():
            raise ValidationError(_("Two letters, like TX."), code="state")
        return state

    def clean_diagnosis_code(self) -> str:
        return self.cleaned_data["diagnosis_code"].strip().upper()

    def clean_time_zone(self) -> str:
        name = self.cleaned_data["time_zone"]
        if name not in available_timezones():
            raise ValidationError(_("Use a time zone name like America/Chicago."), code="time_zone")
        return name

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"]
        if typed:
            check_phone(e164(typed))
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self._check_consent(data)
        self._place(data)
        return data

    def _check_consent(self, data: dict[str, Any]) -> None:
        if (data.get("email") or data.get("phone")) and not data.get("consent"):
            self.add_error("consent", _("Ask the patient, then tick this. Or leave e-mail and phone empty."))

    def _place(self, data: dict[str, Any]) -> None:
        """Both coordinates as typed, or the middle of a city we know."""
        if "latitude" not in data or "longitude" not in data:
            return
        given = [data["latitude"] is not None, data["longitude"] is not None]
        if all(given):
            data["latitude"], data["longitude"] = float(data["latitude"]), float(data["longitude"])
            return
        if any(given):
            name = "longitude" if given[0] else "latitude"
            self.add_error(name, _("Enter both, or leave both empty."))
            return
        centre = centre_of(data.get("city", ""), data.get("state", ""))
        if centre is None:
            if data.get("city"):
                self.add_error("latitude", _("We do not know this city. Enter latitude and longitude."))
            return
        data["latitude"], data["longitude"] = centre

    def for_service(self) -> dict[str, Any]:
        """What services.duplicates.add_patient asks for."""
        return {name: value for name, value in self.cleaned_data.items() if name != "consent"}

    def who(self) -> dict[str, Any]:
        """What services.duplicates.likely_duplicates asks for."""
        names = ("first_name", "last_name", "date_of_birth", "phone", "email", "mrn")
        return {name: self.cleaned_data[name] for name in names}


class PatientEditForm(PatientForm):
    """The same about a patient on file; `initial` is services.patient_changes.terms_of. Where the patient is has
    a page of its own, which tells what it stops."""

    saw = forms.CharField(widget=forms.HiddenInput, max_length=32, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = self.initial["time_zone"]
        if zone not in ZONES:
            self.fields["time_zone"].choices = [(zone, zone), *((z, z) for z in ZONES)]  # type: ignore[attr-defined]
        del self.fields["different"]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        moved = any(
            name in data and data[name] != self.initial[name] for name in ("address", "city", "state")
        )
        place = ("latitude", "longitude")
        kept = all(self[name].value() and data.get(name) == self.initial[name] for name in place)
        if moved and kept:
            self.add_error(
                "latitude",
                _("The address changed. Enter where it is, or empty both to use the middle of the city."),
            )
        return data

    def _check_consent(self, data: dict[str, Any]) -> None:
        """A way that is new needs consent; consent for what is on file may be taken back."""
        ways = {"email": data.get("email"), "phone": e164(data["phone"]) if data.get("phone") else ""}
        if any(way and way != self.initial[name] for name, way in ways.items()) and not data.get("consent"):
            self.add_error("consent", _("Ask the patient, then tick this. Or leave e-mail and phone empty."))

    def for_service(self) -> dict[str, Any]:
        """What services.patient_changes.update_patient asks for as its wish."""
        return {name: value for name, value in self.cleaned_data.items() if name != "saw"}


class MeasurementForm(forms.Form):
    """A weight or a height on a day."""

    kind = forms.ChoiceField(
        label=_("What was measured"), choices=Measurement.Kind.choices, widget=forms.RadioSelect
    )
    value = NumberField(label=_("Value"), max_digits=6, decimal_places=2, min_value=Decimal("0.01"))
    measured_on = DayField(label=_("Measured on"), help_text=_("Like 1/6/2026."))
