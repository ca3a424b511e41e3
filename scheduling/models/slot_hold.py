"""A slot kept for somebody who is on the phone."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class SlotHold(models.Model):
    """Keeps `[starts_at, ends_at)` of a nurse and a patient for `held_by` until `expires_at`, never longer.

    A hold is not a visit: whether it still counts depends on the clock, which a constraint cannot read, so
    it is judged under the locks of the patient and the nurse (docs/locking.md).
    """

    dose = models.ForeignKey("scheduling.PlannedDose", models.PROTECT, related_name="slot_holds")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="slot_holds")
    nurse = models.ForeignKey("nurses.Nurse", models.PROTECT, related_name="slot_holds")
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    held_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(_("held until"))
    released_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["nurse", "expires_at"], name="hold_of_nurse", condition=Q(released_at=None)),
            models.Index(
                fields=["patient", "expires_at"], name="hold_of_patient", condition=Q(released_at=None)
            ),
        ]
        constraints = [
            models.CheckConstraint(name="slot_hold_has_length", condition=Q(starts_at__lt=F("ends_at"))),
        ]

    def __str__(self) -> str:
        return f"slot hold {self.pk}"
