"""What goes out of the API. Days are the patient's, moments UTC, amounts decimal texts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import Role
from nurses.models import Competency, Licence, Nurse
from patients.models import Contact, Evidence, Patient, Prescription
from scheduling import clock
from scheduling.api.fields import Day, Moment
from scheduling.models import DoseRecord, PlannedDose, Visit


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


class SlotOut(serializers.Serializer):
    """A time to book. Minutes of road: to the home, and what the detour adds to the nurse's day."""

    nurse = serializers.IntegerField()
    nurse_name = serializers.CharField()
    starts_at = Moment()
    ends_at = Moment()
    on = Day()
    preparation_minutes = serializers.IntegerField()
    infusion_minutes = serializers.IntegerField()
    observation_minutes = serializers.IntegerField()
    wrap_up_minutes = serializers.IntegerField()
    drive_minutes = serializers.IntegerField()
    added_drive_minutes = serializers.IntegerField()
    days_from_due = serializers.IntegerField()
    visits_by_nurse = serializers.IntegerField()
    visits_before = serializers.IntegerField()
    wish_met = serializers.BooleanField(allow_null=True)
    needs_reason = serializers.ListField(child=serializers.CharField())
    holiday = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())


class RuledOutOut(serializers.Serializer):
    code = serializers.CharField()
    text = serializers.CharField()
    nurses = serializers.ListField(child=serializers.IntegerField())


class RefusedDayOut(serializers.Serializer):
    """Why a day has no slot; `on` is null when the reason is not the day's."""

    on = Day(allow_null=True)
    code = serializers.CharField()
    text = serializers.CharField()


class CourseDayOut(serializers.Serializer):
    """One day of a course."""

    dose = serializers.IntegerField()
    nurse = serializers.IntegerField()
    nurse_name = serializers.CharField()
    starts_at = Moment()
    ends_at = Moment()
    on = Day()
    preparation_minutes = serializers.IntegerField()
    infusion_minutes = serializers.IntegerField()
    observation_minutes = serializers.IntegerField()
    wrap_up_minutes = serializers.IntegerField()
    drive_minutes = serializers.IntegerField()
    added_drive_minutes = serializers.IntegerField()


class CourseOut(serializers.Serializer):
    """A way to book all the days of a course: POST its days to /visits/course/."""

    days = CourseDayOut(many=True)
    same_nurse = serializers.BooleanField()
    same_time = serializers.BooleanField()
    days_from_due = serializers.IntegerField()
    needs_reason = serializers.ListField(child=serializers.CharField())
    reasons = serializers.ListField(child=serializers.CharField())


class SlotsOut(serializers.Serializer):
    """`course` is empty unless the dose begins a course of days that follow one another."""

    slots = SlotOut(many=True)
    course = CourseOut(many=True)
    ruled_out = RuledOutOut(many=True)
    refused = RefusedDayOut(many=True)


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
            "units",
        ]  # fmt: skip


class RecordOut(serializers.ModelSerializer):
    given_on = Day()

    class Meta:
        model = DoseRecord
        fields = [
            "id", "dose", "given_on", "amount_mg", "reaction", "reaction_type", "elsewhere", "visit", "note",
        ]  # fmt: skip
