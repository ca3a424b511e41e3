"""What comes in to the API: bodies and filters, checked before a service sees them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from patients.models import Patient
from patients.validators import check_phone, e164
from scheduling import clock, selectors
from scheduling.api.fields import HIGHEST_ID, Day, Input, Moment, Row, Strict
from scheduling.models import DoseRecord
from scheduling.models.record import REACTIONS
from scheduling.readings import slots
from scheduling.regimens import catalogue
from scheduling.services.booking import REASON_CLASSES
from scheduling.services.prescribing import GivenElsewhere, Wish

REACTION_TYPES = DoseRecord._meta.get_field("reaction_type").choices


def milligrams(**kwargs: Any) -> serializers.DecimalField:
    """An amount in mg, more than 0."""
    return serializers.DecimalField(max_digits=9, decimal_places=2, min_value=0, **kwargs)


def free_text(limit: int = 2000, **kwargs: Any) -> serializers.CharField:
    """A text people type, with its limit told."""
    return serializers.CharField(max_length=limit, required=False, allow_blank=True, **kwargs)


class PatientIn(Strict, serializers.ModelSerializer):
    date_of_birth = Day()
    latitude = serializers.FloatField(validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = serializers.FloatField(validators=[MinValueValidator(-180), MaxValueValidator(180)])
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    different = serializers.CharField(max_length=500, required=False, allow_blank=True)

    class Meta:
        model = Patient
        fields = [
            "mrn", "first_name", "last_name", "date_of_birth", "pregnancy_possible", "diagnosis_code",
            "language", "address", "city", "state", "postal_code", "latitude", "longitude", "time_zone",
            "allergies", "access_notes", "wishes", "prefers", "email", "phone",
            "different",
        ]  # fmt: skip

    def validate_date_of_birth(self, day: date) -> date:
        if day > clock.today_in(settings.AGENCY_TIME_ZONE):
            raise serializers.ValidationError(_("The date of birth is in the future."))
        return day

    def validate_phone(self, number: str) -> str:
        if number:
            check_phone(e164(number))
        return number


class SearchIn(Input):
    """What a caller says of themselves. Names are asked for in the body: addresses end up in logs."""

    q = serializers.CharField(min_length=2, max_length=100)


class GivenIn(Input):
    """A dose the patient had before the order came to us."""

    number = serializers.IntegerField(min_value=1, max_value=1000)
    on = Day()
    amount_mg = milligrams(required=False, allow_null=True)
    reaction = serializers.ChoiceField(REACTIONS, required=False)
    reaction_type = serializers.ChoiceField(REACTION_TYPES, required=False, allow_blank=True)


class TermsIn(Input):
    """What a prescription says besides the drug and the start."""

    expires_on = Day()
    prescriber_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    prescriber_npi = serializers.CharField(max_length=10, required=False, allow_blank=True)
    diagnosis_code = serializers.CharField(max_length=8, required=False, allow_blank=True)
    total_doses = serializers.IntegerField(min_value=1, max_value=1000, required=False, allow_null=True)
    parameters = serializers.DictField(
        child=serializers.DecimalField(max_digits=12, decimal_places=4), required=False
    )
    note = free_text()


class PrescriptionIn(TermsIn):
    patient = Row(selectors.patients_for)
    regimen_id = serializers.CharField(max_length=60)
    start_on = Day()
    prior_cumulative_mg_per_m2 = serializers.DecimalField(
        max_digits=7, decimal_places=2, min_value=0, required=False, allow_null=True
    )
    prior_course_starts = serializers.ListField(child=Day(), max_length=50, required=False)
    height_cm = serializers.DecimalField(max_digits=6, decimal_places=2, required=False, allow_null=True)
    weight_kg = serializers.DecimalField(max_digits=6, decimal_places=2, required=False, allow_null=True)
    given = GivenIn(many=True, required=False, max_length=200)

    def validate_regimen_id(self, regimen_id: str) -> str:
        if regimen_id not in catalogue.all_current():
            raise serializers.ValidationError(_("There is no such regimen."), code="unknown_regimen")
        return regimen_id

    def wish(self) -> Wish:
        """The order as the service reads it. Call after `is_valid`."""
        said = {name: value for name, value in self.validated_data.items() if name != "patient"}
        return Wish(
            **{
                **said,
                "prior_course_starts": tuple(said.get("prior_course_starts", ())),
                "given": tuple(GivenElsewhere(**dose) for dose in said.get("given", ())),
            }
        )


class Rehearsable(Input):
    """A change of dates: `rehearse` only asks what it would do, `shown` is the signature of what was answered."""

    rehearse = serializers.BooleanField(required=False, default=False)
    shown = serializers.CharField(max_length=32, required=False)


class AmendIn(Rehearsable, TermsIn):
    """`version` is the number of the terms as they were seen."""

    expires_on = Day(required=False)
    why = serializers.CharField(max_length=500)
    version = serializers.IntegerField(min_value=1, max_value=32767, required=False)


class HoldIn(Rehearsable):
    starts_on = Day()
    clears_on = Day(required=False, allow_null=True)
    reason = serializers.CharField(max_length=500)


class ClearHoldIn(Rehearsable):
    """`clears_on` is the day dosing is allowed again; on or before the hold's first day it never applied."""

    hold = Row(selectors.holds_for)
    clears_on = Day()


class StopIn(Rehearsable):
    stopped_on = Day()
    why = serializers.CharField(max_length=500)


class RecordIn(Rehearsable):
    given_on = Day()
    amount_mg = milligrams(required=False, allow_null=True)
    reaction = serializers.ChoiceField(REACTIONS, required=False)
    reaction_type = serializers.ChoiceField(REACTION_TYPES, required=False, allow_blank=True)
    note = free_text()


class BookIn(Input):
    """`override` is the reason for what is allowed only with one."""

    dose = Row(selectors.doses_for)
    nurse = Row(selectors.nurses_for)
    starts_at = Moment()
    override = free_text(500)


class MoveIn(Input):
    """What is left out stays; `version` is that of the visit as it was seen."""

    nurse = Row(selectors.nurses_for, required=False)
    starts_at = Moment(required=False)
    reason_class = serializers.ChoiceField(sorted(REASON_CLASSES))
    note = free_text(500)
    override = free_text(500)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class CancelIn(Input):
    reason_class = serializers.ChoiceField(sorted(REASON_CLASSES))
    note = free_text(500)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class EvidenceIn(Input):
    patient = Row(selectors.patients_for)
    prescription = Row(selectors.prescriptions_for, required=False, allow_null=True)
    kind = serializers.RegexField(r"^[a-z0-9_]+\Z", max_length=60)
    dated_on = Day()
    valid_until_on = Day(required=False, allow_null=True)
    clear = serializers.BooleanField(required=False, default=True)
    reference = free_text(120)
    note = free_text(1000)
    units = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, allow_null=True, help_text="Of an authorization."
    )


# --- Filters -----------------------------------------------------------------------------------


def _id() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=HIGHEST_ID, required=False)


class PatientFilters(Input):
    status = serializers.ChoiceField(Patient.Status.choices, required=False)


class PrescriptionFilters(Input):
    patient = _id()


class DoseFilters(Input):
    prescription = _id()
    due_before = Day(required=False, help_text="Due before this day.")
    needs_booking = serializers.BooleanField(
        required=False, help_text="Planned, of a running order, no visit."
    )


class SlotFilters(Input):
    """Days of the home, both included; without any, those of the dose's window nearest its due date.

    `near` is a time somebody else got and `nurse` who was to come: the times nearest to it come first, in the
    days around it unless days are named. `moving` is the dose's visit, when another time for it is looked for.
    """

    to = Day(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=50, required=False)
    near = Moment(required=False)
    nurse = _id()
    moving = _id()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": Day(required=False), **super().get_fields()}  # a word of the language, as a name

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        first, last = said.get("from"), said.get("to")
        if "nurse" in said and "near" not in said:
            raise serializers.ValidationError({"nurse": _("Say which time was lost: near.")})
        if (first is None) != (last is None):
            missing = "from" if first is None else "to"
            raise serializers.ValidationError({missing: _("Say both days, or none.")})
        if first and last and not 0 <= (last - first).days < slots.MOST_DAYS:
            raise serializers.ValidationError(
                {"to": _("Choose from 1 to %(n)d days.") % {"n": slots.MOST_DAYS}}
            )
        return said

    def days(self) -> list[date] | None:
        """The days asked about; None when none are named. Call after `is_valid`."""
        first, last = self.validated_data.get("from"), self.validated_data.get("to")
        if first is None or last is None:
            return None
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


class VisitFilters(Input):
    """Days in each home's own zone, both included."""

    to = Day(required=False)
    nurse = _id()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": Day(required=False), **super().get_fields()}  # a word of the language, as a name
