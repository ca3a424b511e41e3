"""A patient and a nurse who belong together, or must not meet."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

USER = settings.AUTH_USER_MODEL


class PinnedPair(models.Model):
    """`always`: only nurses the patient is pinned to come. `never`: this nurse does not. Taken back, never deleted."""

    class Kind(models.TextChoices):
        ALWAYS = "always", _("Always this nurse")
        NEVER = "never", _("Never this nurse")

    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="pinned_pairs")
    nurse = models.ForeignKey("nurses.Nurse", models.PROTECT, related_name="pinned_pairs")
    kind = models.CharField(_("kind"), max_length=6, choices=Kind.choices)
    why = models.CharField(_("why"), max_length=300)
    set_by = models.ForeignKey(USER, models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "nurse"], name="pinned_pair_once", condition=Q(withdrawn_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"pair {self.pk}"
