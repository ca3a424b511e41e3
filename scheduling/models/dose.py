"""One dose that falls due, as the rules worked it out."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class PlannedDose(models.Model):
    """One administration of a prescription. Stored: what the calendar says whatever the day.

    Derived on reading, for a day in the patient's zone: the planned date, flags, overdue
    (scheduling.selectors), so that nothing has to be rewritten at midnight.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        GIVEN = "given", _("Given")
        CANCELLED = "cancelled", _("Cancelled")

    prescription = models.ForeignKey("patients.Prescription", models.PROTECT, related_name="doses")
    number = models.PositiveSmallIntegerField(_("dose number"))
    course = models.PositiveSmallIntegerField(_("course"), null=True, blank=True)
    label = models.CharField(max_length=120, blank=True)
    amount_mg = models.DecimalField(_("amount (mg)"), max_digits=9, decimal_places=2, null=True, blank=True)
    due_on = models.DateField(_("due"))
    floor_on = models.DateField(_("not before"), null=True, blank=True)
    window_start_on = models.DateField(_("window from"), null=True, blank=True)
    window_end_on = models.DateField(_("window to"), null=True, blank=True)
    preparation_minutes = models.PositiveSmallIntegerField(default=0)
    infusion_minutes = models.PositiveSmallIntegerField(default=0)
    observation_minutes = models.PositiveSmallIntegerField(default=0)
    wrap_up_minutes = models.PositiveSmallIntegerField(default=0)
    flags = models.JSONField(default=list, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    needs_renewed_order = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    replanned_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["prescription_id", "number"]
        indexes = [
            models.Index(fields=["due_on"], name="dose_due", condition=Q(state="planned")),
        ]
        constraints = [
            # A cancelled dose keeps its row: when planning resumes it is the same dose again.
            models.UniqueConstraint(fields=["prescription", "number"], name="dose_number_once"),
            models.CheckConstraint(
                name="dose_floor_not_after_due",
                condition=Q(floor_on__isnull=True) | Q(floor_on__lte=F("due_on")),
            ),
            models.CheckConstraint(
                name="dose_window_around_due",
                condition=Q(window_start_on__isnull=True)
                | Q(window_start_on__lte=F("due_on"), window_end_on__gte=F("due_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"dose {self.number} of prescription {self.prescription_id}"

    @property
    def total_minutes(self) -> int:
        """Whole visit: preparation, infusion, observation, wrap-up."""
        return (
            self.preparation_minutes + self.infusion_minutes + self.observation_minutes + self.wrap_up_minutes
        )

    @property
    def length(self) -> timedelta:
        """Whole visit as elapsed time."""
        return timedelta(minutes=self.total_minutes)
