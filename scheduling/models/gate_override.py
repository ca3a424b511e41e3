"""A clinical lead lets a dose start although a gate is not met."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class GateOverride(models.Model):
    """For one dose and one gate that is not absolute; who, why and when. Never edited, only withdrawn."""

    dose = models.ForeignKey("scheduling.PlannedDose", models.PROTECT, related_name="gate_overrides")
    gate = models.CharField(_("gate"), max_length=60)
    why = models.CharField(_("reason"), max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["dose", "gate"], name="gate_override_dose")]

    def __str__(self) -> str:
        return f"override of {self.gate} for dose {self.dose_id}"
