"""How a dose's drug came to the home."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class SupplyStep(models.Model):
    """One step on the drug's way, on a day local to the home. Never edited: withdrawn, and told again.

    `lowest_c` and `highest_c` are what the logger in the parcel shows, in degrees Celsius; whether they lie
    in the range the label allows is worked out on reading.
    """

    class Step(models.TextChoices):
        ORDERED = "ordered", _("Ordered")
        SHIPPED = "shipped", _("Shipped")
        RECEIVED = "received", _("Received")
        REJECTED = "rejected", _("Rejected")

    dose = models.ForeignKey("scheduling.PlannedDose", models.PROTECT, related_name="supply_steps")
    step = models.CharField(_("step"), max_length=10, choices=Step.choices)
    on = models.DateField(_("day"))
    lowest_c = models.DecimalField(_("lowest (°C)"), max_digits=4, decimal_places=1, null=True, blank=True)
    highest_c = models.DecimalField(_("highest (°C)"), max_digits=4, decimal_places=1, null=True, blank=True)
    expected_on = models.DateField(_("expected"), null=True, blank=True)
    reference = models.CharField(_("tracking or lot number"), max_length=120, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.CharField(max_length=500, blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["dose", "-id"], name="supply_latest")]
        constraints = [
            models.CheckConstraint(
                name="supply_lowest_first",
                condition=Q(lowest_c__isnull=True, highest_c__isnull=True) | Q(lowest_c__lte=F("highest_c")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} of dose {self.dose_id}"
