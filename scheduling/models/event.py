"""The audit trail: who did what, to whose data, when and why. Append-only, in the database too."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """Written in the same transaction as the change it tells of. A trigger refuses update and delete."""

    at = models.DateTimeField(_("when"), auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    role = models.CharField(_("role"), max_length=16, blank=True)
    action = models.CharField(_("what"), max_length=40)
    patient = models.ForeignKey("patients.Patient", models.PROTECT, null=True, related_name="events")
    subject = models.CharField(_("which"), max_length=60, blank=True)
    why = models.CharField(_("why"), max_length=500, blank=True)
    origin = models.CharField(_("from where"), max_length=60, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["patient", "-at"], name="event_patient"),
            models.Index(fields=["action", "-at"], name="event_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
