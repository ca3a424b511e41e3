"""A lab draw or a wellness check that falls due: a visit without a dose."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class PlannedCheck(models.Model):
    """Owed by a regimen's monitoring series (`prescription` set, kept equal by services.checks) or asked for
    by a person. `what` lists the monitoring kinds of one draw; days are local to the home."""

    class Kind(models.TextChoices):
        LAB_DRAW = "lab_draw", _("Lab draw")
        WELLNESS = "wellness", _("Wellness check")

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="planned_checks")
    prescription = models.ForeignKey(
        "patients.Prescription", models.PROTECT, null=True, blank=True, related_name="planned_checks"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    what = models.JSONField(default=list, blank=True)
    due_on = models.DateField(_("due"))
    window_start_on = models.DateField(_("window from"))
    window_end_on = models.DateField(_("window to"))
    minutes = models.PositiveSmallIntegerField(_("minutes"), default=45)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=300, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PLANNED)
    done_on = models.DateField(null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["due_on", "pk"]
        indexes = [models.Index(fields=["due_on"], name="check_due", condition=Q(state="planned"))]
        constraints = [
            models.UniqueConstraint(
                fields=["prescription", "kind", "due_on"],
                name="check_owed_once",
                condition=Q(prescription__isnull=False),
            ),
            models.CheckConstraint(
                name="check_window_around_due",
                condition=Q(window_start_on__lte=F("due_on"), window_end_on__gte=F("due_on")),
            ),
            models.CheckConstraint(name="check_has_length", condition=Q(minutes__gt=0)),
        ]

    def __str__(self) -> str:
        return f"planned check {self.pk}"
