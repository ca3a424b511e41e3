"""A nurse with a patient for a stretch of time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from scheduling.rules import states

STATE_CHOICES = [
    ("booked", _("Booked")),
    ("confirmed", _("Confirmed")),
    ("en_route", _("Nurse on the way")),
    ("arrived", _("Nurse arrived")),
    ("in_progress", _("Under way")),
    ("completed", _("Completed")),
    ("cancelled", _("Cancelled")),
    ("moved", _("Moved")),
    ("missed", _("Not done")),
]
CANCEL_CLASSES = [
    ("patient", _("Patient")),
    ("provider", _("Nurse or provider")),
    ("organisation", _("Agency")),
    ("payer", _("Payer")),
    ("drug_supply", _("Drug supply")),
    ("clinical", _("Clinical")),
    ("weather", _("Weather")),
]

# Visits that hold a nurse's and a patient's time.
LIVE = Q(state__in=sorted(states.HOLDING))

_span = Func("starts_at", "ends_at", function="tstzrange", output_field=DateTimeRangeField())


def _point(field: str) -> Func:
    """A one-point range instead of "=": the same rule without the btree_gist extension."""
    return Func(field, field, Value("[]"), function="int8range", output_field=BigIntegerRangeField())


class Visit(models.Model):
    """Half-open in time: [starts_at, ends_at). `time_zone` is the home's when it was booked."""

    class Kind(models.TextChoices):
        INFUSION = "infusion", _("Infusion")
        LAB_DRAW = "lab_draw", _("Lab draw")
        WELLNESS = "wellness", _("Wellness check")

    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="visits")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.INFUSION)
    dose = models.ForeignKey(
        "scheduling.PlannedDose", models.PROTECT, null=True, blank=True, related_name="visits"
    )
    planned_check = models.ForeignKey(
        "scheduling.PlannedCheck", models.PROTECT, null=True, blank=True, related_name="visits"
    )
    nurse = models.ForeignKey("nurses.Nurse", models.PROTECT, related_name="visits")
    site = models.ForeignKey("scheduling.Site", models.PROTECT, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    time_zone = models.CharField(max_length=40)
    preparation_minutes = models.PositiveSmallIntegerField(default=0)
    infusion_minutes = models.PositiveSmallIntegerField(default=0)
    observation_minutes = models.PositiveSmallIntegerField(default=0)
    wrap_up_minutes = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(_("state"), max_length=12, choices=STATE_CHOICES, default="booked")
    version = models.PositiveIntegerField(default=1)
    moved_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="moved_to")
    attention_code = models.CharField(max_length=40, blank=True)
    attention = models.CharField(_("needs a decision"), max_length=300, blank=True)
    override_reason = models.CharField(max_length=500, blank=True)
    override_codes = models.JSONField(default=list, blank=True)
    override_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Why it was moved, cancelled or not done.
    cancel_class = models.CharField(max_length=12, choices=CANCEL_CLASSES, blank=True)
    cancel_note = models.CharField(max_length=500, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(_("go given"), null=True, blank=True)
    booked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["starts_at", "pk"]
        indexes = [
            models.Index(fields=["nurse", "starts_at"], name="visit_nurse_day"),
            models.Index(fields=["patient", "starts_at"], name="visit_patient"),
            models.Index(fields=["starts_at"], name="visit_day"),
        ]
        constraints = [  # what must never be false; what depends on other rows is checked under a lock
            models.CheckConstraint(name="visit_has_length", condition=Q(starts_at__lt=F("ends_at"))),
            models.CheckConstraint(
                name="visit_infusion_has_a_dose",
                condition=Q(kind="infusion", dose__isnull=False)
                | (~Q(kind="infusion") & Q(dose__isnull=True)),
            ),
            models.CheckConstraint(
                name="visit_checks_nothing_it_gives",
                condition=Q(planned_check__isnull=True) | ~Q(kind="infusion"),
            ),
            models.CheckConstraint(
                name="visit_known_state", condition=Q(state__in=[name for name, _label in STATE_CHOICES])
            ),
            models.UniqueConstraint(name="visit_one_live_per_dose", fields=["dose"], condition=LIVE),
            models.UniqueConstraint(
                name="visit_one_live_per_check", fields=["planned_check"], condition=LIVE
            ),
            ExclusionConstraint(
                name="visit_nurse_in_one_place",
                expressions=[(_span, "&&"), (_point("nurse_id"), "&&")],
                condition=LIVE,
            ),
            ExclusionConstraint(
                name="visit_patient_in_one_place",
                expressions=[(_span, "&&"), (_point("patient_id"), "&&")],
                condition=LIVE,
            ),
        ]

    def __str__(self) -> str:
        return f"visit {self.pk}"

    @property
    def local_start(self) -> datetime:
        """Start as the clock on the patient's wall shows it."""
        return self.starts_at.astimezone(ZoneInfo(self.time_zone))

    @property
    def local_end(self) -> datetime:
        """End as the clock on the patient's wall shows it."""
        return self.ends_at.astimezone(ZoneInfo(self.time_zone))

    @property
    def live(self) -> bool:
        """Holds the nurse's and the patient's time."""
        return self.state in states.HOLDING
