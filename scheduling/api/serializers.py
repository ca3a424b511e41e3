"""What goes out of the API, and what comes in. Days are the patient's, moments UTC, amounts decimal texts."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.models import Role
from nurses.models import Competency, Licence, Nurse
from patients.models import Contact, Evidence, Patient, Prescription
from patients.validators import check_phone, e164
from scheduling import clock, selectors
from scheduling.api.fields import HIGHEST_ID, Day, Input, Moment, Row, Strict
from scheduling.models import DoseRecord, PlannedDose, Visit
from scheduling.models.record import REACTIONS
from scheduling.regimens import catalogue
from scheduling.services.booking import MOVE_OR_CANCEL_CLASSES
from scheduling.services.prescribing import GivenElsewhere, Wish

REACTION_TYPES = DoseRecord._meta.get_field("reaction_type").choices


def milligrams(**kwargs: Any) -> serializers.DecimalField:
    """An amount in mg, more than 0."""
    return serializers.DecimalField(max_digits=9, decimal_places=2, min_value=0, **kwargs)


def free_text(limit: int = 2000, **kwargs: Any) -> serializers.CharField:
    """A text people type, with its limit told."""
    return serializers.CharField(max_length=limit, required=False, allow_blank=True, **kwargs)


# --- Out ---------------------------------------------------------------------------------------


class ContactOut(serializers.ModelSerializer):
    class Meta:
        model = Contact
        fields = ["channel", "value", "usable"]


class PatientOut(serializers.ModelSerializer):
    date_of_birth = Day()

    class Meta:
        model = Patient
        fields = [
            "id", "mrn", "first_name", "last_name", "date_of_birth", "language", "city", "state", "time_zone",
            "status",
        ]  # fmt: skip


class ChartOut(PatientOut):
    """One patient, in full."""

    contacts = ContactOut(many=True)

    class Meta(PatientOut.Meta):
        fields = [
            *PatientOut.Meta.fields, "pregnancy_possible", "diagnosis_code", "address", "postal_code",
            "latitude", "longitude", "allergies", "access_notes", "wishes", "prefers", "contacts",
        ]  # fmt: skip


class ReasonOut(serializers.Serializer):
    """One step of "why this date"."""

    code = serializers.CharField()
    text = serializers.CharField()
    source = serializers.CharField()


class GateOut(serializers.Serializer):
    """One thing that must be true before a visit. `state`: met, missing, expired, too_soon or forbids."""

    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField()
    sentence = serializers.CharField()
    blocks = serializers.BooleanField()
    bites_at_booking = serializers.BooleanField()
    valid_through = Day(allow_null=True)
    source = serializers.CharField()


class DoseOut(serializers.ModelSerializer):
    patient = serializers.IntegerField(source="prescription.patient_id")
    prescription = serializers.IntegerField(source="prescription_id")
    regimen_id = serializers.CharField(source="prescription.regimen_id")
    due_on = Day()
    floor_on = Day()
    window_start_on = Day()
    window_end_on = Day()
    visit = serializers.SerializerMethodField()
    overdue = serializers.SerializerMethodField()

    class Meta:
        model = PlannedDose
        fields = [
            "id", "patient", "prescription", "regimen_id", "number", "course", "label", "state", "amount_mg",
            "due_on", "floor_on", "window_start_on", "window_end_on", "preparation_minutes",
            "infusion_minutes", "observation_minutes", "wrap_up_minutes", "total_minutes",
            "needs_renewed_order", "overdue", "visit",
        ]  # fmt: skip

    def get_visit(self, dose: PlannedDose) -> int | None:
        """Id of the visit that holds the dose, when the reader may see it."""
        return next((visit.pk for visit in dose.live_visits), None)

    def get_overdue(self, dose: PlannedDose) -> bool:
        """Due before today, in the patient's zone, and not given."""
        today = clock.today_in(dose.prescription.patient.time_zone)
        return dose.state == PlannedDose.State.PLANNED and dose.due_on < today


class DoseInFullOut(DoseOut):
    """One dose with why, and what stands before it today."""

    planned_on = Day(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())
    reasons = ReasonOut(many=True)
    gates = GateOut(many=True)

    class Meta(DoseOut.Meta):
        fields = [*DoseOut.Meta.fields, "planned_on", "flags", "reasons", "gates"]


class PrescriptionOut(serializers.ModelSerializer):
    start_on = Day()
    expires_on = Day()
    discontinued_on = Day()

    class Meta:
        model = Prescription
        fields = [
            "id", "patient", "regimen_id", "regimen_version", "prescriber_name", "prescriber_npi",
            "diagnosis_code", "start_on", "expires_on", "total_doses", "parameters",
            "prior_cumulative_mg_per_m2", "prior_course_starts", "note", "status", "discontinued_on",
            "discontinued_why",
        ]  # fmt: skip


class HoldOut(serializers.Serializer):
    id = serializers.IntegerField()
    starts_on = Day()
    clears_on = Day(allow_null=True)
    reason = serializers.CharField()


class LineOut(serializers.Serializer):
    """One dose of a calendar. `id` is null in a preview; `given_on` is there for what was given."""

    id = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField()
    course = serializers.IntegerField(allow_null=True)
    label = serializers.CharField()
    state = serializers.ChoiceField(PlannedDose.State.choices)
    amount_mg = serializers.DecimalField(max_digits=9, decimal_places=2, allow_null=True)
    due_on = Day()
    planned_on = Day(allow_null=True)
    given_on = Day(allow_null=True)
    floor_on = Day(allow_null=True)
    window_start_on = Day(allow_null=True)
    window_end_on = Day(allow_null=True)
    total_minutes = serializers.IntegerField()
    flags = serializers.ListField(child=serializers.CharField())
    needs_renewed_order = serializers.BooleanField()
    reasons = ReasonOut(many=True)


class CalendarOut(serializers.Serializer):
    """All doses of an order as they stand today."""

    status = serializers.CharField()
    flags = serializers.ListField(child=serializers.CharField())
    notes = ReasonOut(many=True)
    doses = LineOut(many=True)


class VerifiedOut(serializers.Serializer):
    by = serializers.CharField()
    on = serializers.CharField()


class PrescriptionInFullOut(PrescriptionOut):
    """`regimen_verified` is null until a pharmacist has signed the facts."""

    regimen_name = serializers.CharField()
    regimen_verified = VerifiedOut(allow_null=True)
    holds = HoldOut(many=True, source="standing_holds")
    calendar = CalendarOut()

    class Meta(PrescriptionOut.Meta):
        fields = [*PrescriptionOut.Meta.fields, "regimen_name", "regimen_verified", "holds", "calendar"]


class VisitOut(serializers.ModelSerializer):
    """A visit. What only the office decides about is left out for a patient, and so is the nurse's last name."""

    starts_at = Moment()
    ends_at = Moment()
    prescription = serializers.IntegerField(source="dose.prescription_id", allow_null=True, default=None)
    dose_number = serializers.IntegerField(source="dose.number", allow_null=True, default=None)
    nurse_name = serializers.SerializerMethodField()
    office = ["attention_code", "attention", "override_reason", "override_codes", "cancel_note"]

    class Meta:
        model = Visit
        fields = [
            "id", "patient", "kind", "dose", "dose_number", "prescription", "nurse", "nurse_name", "starts_at",
            "ends_at", "time_zone", "preparation_minutes", "infusion_minutes", "observation_minutes",
            "wrap_up_minutes", "state", "version", "moved_from", "cancel_class", "attention_code", "attention",
            "override_reason", "override_codes", "cancel_note",
        ]  # fmt: skip

    def to_representation(self, visit: Visit) -> dict[str, Any]:
        shown = super().to_representation(visit)
        if self._for_patient():
            for name in self.office:
                shown.pop(name)
        return shown

    def get_nurse_name(self, visit: Visit) -> str:
        """As staff list it; for the patient the first name and an initial."""
        nurse = visit.nurse
        return f"{nurse.first_name} {nurse.last_name[:1]}." if self._for_patient() else nurse.listed_name

    def _for_patient(self) -> bool:
        return bool(self.context["request"].user.role == Role.PATIENT)


class LicenceOut(serializers.ModelSerializer):
    issued_on = Day()
    expires_on = Day()

    class Meta:
        model = Licence
        fields = ["state", "kind", "multistate", "issued_on", "expires_on"]


class CompetencyOut(serializers.ModelSerializer):
    granted_on = Day()
    expires_on = Day()

    class Meta:
        model = Competency
        fields = ["code", "granted_on", "expires_on"]


class NurseOut(serializers.ModelSerializer):
    licences = LicenceOut(many=True)
    competencies = CompetencyOut(many=True)

    class Meta:
        model = Nurse
        fields = [
            "id", "first_name", "last_name", "city", "time_zone", "day_limit_minutes", "active", "licences",
            "competencies",
        ]  # fmt: skip


class EvidenceOut(serializers.ModelSerializer):
    dated_on = Day()
    valid_until_on = Day()

    class Meta:
        model = Evidence
        fields = [
            "id", "patient", "prescription", "kind", "dated_on", "valid_until_on", "clear", "reference", "note",
        ]  # fmt: skip


class RecordOut(serializers.ModelSerializer):
    given_on = Day()

    class Meta:
        model = DoseRecord
        fields = [
            "id", "dose", "given_on", "amount_mg", "reaction", "reaction_type", "elsewhere", "visit", "note",
        ]  # fmt: skip


# --- In ----------------------------------------------------------------------------------------


class PatientIn(Strict, serializers.ModelSerializer):
    date_of_birth = Day()
    latitude = serializers.FloatField(validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = serializers.FloatField(validators=[MinValueValidator(-180), MaxValueValidator(180)])
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)

    class Meta:
        model = Patient
        fields = [
            "mrn", "first_name", "last_name", "date_of_birth", "pregnancy_possible", "diagnosis_code",
            "language", "address", "city", "state", "postal_code", "latitude", "longitude", "time_zone",
            "allergies", "access_notes", "wishes", "prefers", "email", "phone",
        ]  # fmt: skip

    def validate_date_of_birth(self, day: Any) -> Any:
        if day > clock.today_in("America/Chicago"):
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


class AmendIn(TermsIn):
    expires_on = Day(required=False)
    why = serializers.CharField(max_length=500)


class HoldIn(Input):
    starts_on = Day()
    clears_on = Day(required=False, allow_null=True)
    reason = serializers.CharField(max_length=500)


class ClearHoldIn(Input):
    """`clears_on` is the day dosing is allowed again; on or before the hold's first day it never applied."""

    hold = Row(selectors.holds_for)
    clears_on = Day()


class StopIn(Input):
    stopped_on = Day()
    why = serializers.CharField(max_length=500)


class RecordIn(Input):
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
    reason_class = serializers.ChoiceField(sorted(MOVE_OR_CANCEL_CLASSES))
    note = free_text(500)
    override = free_text(500)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class CancelIn(Input):
    reason_class = serializers.ChoiceField(sorted(MOVE_OR_CANCEL_CLASSES))
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


class VisitFilters(Input):
    """Days in each home's own zone, both included."""

    to = Day(required=False)
    nurse = _id()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {"from": Day(required=False), **super().get_fields()}  # a word of the language, as a name
