"""The patient, how to reach them, what was measured, what was ordered, and the papers on file."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from patients.names import folded
from patients.validators import check_npi, check_phone, check_time_zone

USER = settings.AUTH_USER_MODEL


def note_field(label: str, length: int = 2000) -> models.TextField:
    """A text people type, with a limit that is told before anything is lost."""
    return models.TextField(label, blank=True, default="", validators=[MaxLengthValidator(length)])


class Patient(models.Model):
    """One person treated at home. `time_zone` is the home's: due days and visit times are local to it."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        IN_HOSPITAL = "in_hospital", _("In hospital")
        TRANSFERRED = "transferred", _("Transferred")
        DIED = "died", _("Died")

    mrn = models.CharField(_("MRN"), max_length=20, unique=True)
    first_name = models.CharField(_("first name"), max_length=60)
    last_name = models.CharField(_("last name"), max_length=60)
    search_name = models.CharField(max_length=130, editable=False, db_index=True)
    date_of_birth = models.DateField(_("date of birth"))
    pregnancy_possible = models.BooleanField(
        _("could become pregnant"), default=False, help_text=_("Asks for the pregnancy tests a label wants.")
    )
    diagnosis_code = models.CharField(_("diagnosis (ICD-10-CM)"), max_length=8, blank=True)
    language = models.CharField(
        _("language"), max_length=5, default="en", choices=[("en", "English"), ("es", "Español")]
    )
    address = models.CharField(_("street address"), max_length=120)
    city = models.CharField(_("city"), max_length=60)
    state = models.CharField(_("state"), max_length=2, default="TX")
    postal_code = models.CharField(_("ZIP code"), max_length=10)
    latitude = models.FloatField(_("latitude"))
    longitude = models.FloatField(_("longitude"))
    time_zone = models.CharField(
        _("time zone"), max_length=40, default="America/Chicago", validators=[check_time_zone]
    )
    allergies = note_field(_("allergies"), 500)
    access_notes = note_field(_("how to get in"), 1000)
    wishes = note_field(_("wishes for visits"), 500)
    prefers = models.CharField(
        _("prefers"),
        max_length=10,
        blank=True,
        choices=[("morning", _("Mornings")), ("afternoon", _("Afternoons"))],
    )
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)
    user = models.OneToOneField(USER, models.PROTECT, null=True, blank=True, related_name="patient")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["last_name", "first_name", "pk"]
        indexes = [models.Index(fields=["date_of_birth"], name="patient_birth")]
        constraints = [
            models.CheckConstraint(
                name="patient_is_somewhere",
                condition=Q(latitude__gte=-90, latitude__lte=90, longitude__gte=-180, longitude__lte=180),
            ),
        ]

    def __str__(self) -> str:
        return self.mrn  # a name never reaches a log by accident

    def save(self, *args, **kwargs) -> None:
        self.search_name = folded(f"{self.last_name} {self.first_name}")
        super().save(*args, **kwargs)

    @property
    def listed_name(self) -> str:
        """Last, First: how staff read a list."""
        return f"{self.last_name}, {self.first_name}"

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude in degrees."""
        return (self.latitude, self.longitude)


class Contact(models.Model):
    """A way to reach a patient, with the consent for it. One row a channel; a change of consent is audited."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        TEXT = "text", _("Text message")
        VOICE = "voice", _("Phone call")

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="contacts")
    channel = models.CharField(_("channel"), max_length=8, choices=Channel.choices)
    value = models.CharField(_("address or number"), max_length=254)
    consented_at = models.DateTimeField(_("consent given"), null=True, blank=True)
    consent_source = models.CharField(_("consent source"), max_length=60, blank=True)
    opted_out_at = models.DateTimeField(_("opted out"), null=True, blank=True)
    opt_out_source = models.CharField(_("how they opted out"), max_length=60, blank=True, default="")
    # The other side says nobody is there: a wrong or dead number, an address that bounced.
    failed_at = models.DateTimeField(_("does not work"), null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["patient", "channel"], name="contact_one_per_channel")]

    def __str__(self) -> str:
        return f"{self.channel} of {self.patient_id}"

    def clean(self) -> None:
        if self.channel != self.Channel.EMAIL:
            check_phone(self.value)

    @property
    def usable(self) -> bool:
        """Consent stands, was not taken back, and the address or number works as far as we know."""
        return bool(self.value and self.consented_at and not self.opted_out_at and not self.failed_at)


class Measurement(models.Model):
    """A weight (kg; the dosing weight) or a height (cm) on a day. Never edited: measure again."""

    class Kind(models.TextChoices):
        WEIGHT = "weight_kg", _("Weight (kg)")
        HEIGHT = "height_cm", _("Height (cm)")

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="measurements")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    value = models.DecimalField(_("value"), max_digits=6, decimal_places=2)
    measured_on = models.DateField(_("measured on"))
    recorded_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-measured_on", "-pk"]
        constraints = [models.CheckConstraint(name="measurement_is_positive", condition=Q(value__gt=0))]

    def __str__(self) -> str:
        return f"{self.kind} of {self.patient_id}"


class Prescription(models.Model):
    """One patient's order for a regimen, pinned to the version of the facts it was made with.

    Amended, not edited away: this row holds the terms in force, `versions` every set of terms there was.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        ACTIVE = "active", _("Active")
        ON_HOLD = "on_hold", _("On hold")
        COMPLETED = "completed", _("Completed")
        DISCONTINUED = "discontinued", _("Discontinued")

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="prescriptions")
    regimen_id = models.CharField(_("regimen"), max_length=60)
    regimen_version = models.PositiveIntegerField()
    regimen_digest = models.CharField(max_length=64)
    prescriber_name = models.CharField(_("prescriber"), max_length=120)
    prescriber_npi = models.CharField(_("prescriber NPI"), max_length=10, validators=[check_npi])
    diagnosis_code = models.CharField(_("diagnosis (ICD-10-CM)"), max_length=8, blank=True)
    start_on = models.DateField(_("start (dose 1 or first infusion ever)"))
    expires_on = models.DateField(_("order expires"))
    total_doses = models.PositiveSmallIntegerField(_("number of doses"), null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    prior_cumulative_mg_per_m2 = models.DecimalField(
        _("earlier lifetime dose (mg/m²)"), max_digits=7, decimal_places=2, null=True, blank=True
    )
    prior_course_starts = models.JSONField(default=list, blank=True)
    note = note_field(_("note"))
    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.ACTIVE)
    discontinued_on = models.DateField(null=True, blank=True)
    discontinued_why = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-start_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="prescription_expires_after_it_starts", condition=Q(expires_on__gte=F("start_on"))
            ),
        ]

    def __str__(self) -> str:
        return f"prescription {self.pk}"


class PrescriptionVersion(models.Model):
    """The terms of a prescription as they stood from `created_at` on. Append-only."""

    prescription = models.ForeignKey(Prescription, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    terms = models.JSONField()
    why = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["prescription", "number"], name="prescription_version_once"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of prescription {self.prescription_id}"


class Hold(models.Model):
    """No dosing on `starts_on` <= day < `clears_on`; open-ended until somebody enters a clear date."""

    prescription = models.ForeignKey(Prescription, models.PROTECT, related_name="holds")
    starts_on = models.DateField(_("from"))
    clears_on = models.DateField(_("dosing allowed again on"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["starts_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="hold_clears_after_it_starts",
                condition=Q(clears_on__isnull=True) | Q(clears_on__gt=F("starts_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"


class Evidence(models.Model):
    """A paper on file: a lab result, a vaccination, a REMS or payer authorization. Superseded, never edited.

    `kind` is a prerequisite kind of a regimen (`hbv_screening`) or one of ours (`site_decision`,
    `prior_authorization`). `clear` False means the result forbids dosing whatever its date.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="evidence")
    prescription = models.ForeignKey(
        Prescription, models.PROTECT, null=True, blank=True, related_name="evidence"
    )
    kind = models.CharField(_("what"), max_length=60)
    dated_on = models.DateField(_("result date"))
    valid_until_on = models.DateField(_("valid until"), null=True, blank=True)
    clear = models.BooleanField(_("allows dosing"), default=True)
    # Billing units (HCPCS) a payer's authorization covers from `dated_on` to `valid_until_on`.
    units = models.PositiveIntegerField(_("units approved"), null=True, blank=True)
    reference = models.CharField(_("number or result"), max_length=120, blank=True)
    note = note_field(_("note"), 1000)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.CharField(max_length=500, blank=True)
    recorded_by = models.ForeignKey(USER, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-dated_on", "-pk"]
        indexes = [models.Index(fields=["patient", "kind", "-dated_on"], name="evidence_latest")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.patient_id}"
