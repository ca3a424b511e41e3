"""One message owed to one person on one channel. The row is the truth, the queue only a hint."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """Unique per (patient, visit version, kind, channel): a message can be owed once only."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        SUPPRESSED = "suppressed", _("Not sent")
        CLAIMED = "claimed", _("Being sent")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown: a person must look")
        EXPIRED = "expired", _("Too late to send")

    class Kind(models.TextChoices):
        BOOKED = "booked", _("Visit booked")
        MOVED = "moved", _("Visit moved")
        CANCELLED = "cancelled", _("Visit cancelled")

    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="notices")
    visit = models.ForeignKey("scheduling.Visit", models.PROTECT, related_name="notices")
    visit_version = models.PositiveIntegerField()
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    channel = models.CharField(_("channel"), max_length=8)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PLANNED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    due_at = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("not after"))
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempted_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    message_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-due_at", "-pk"]
        indexes = [
            models.Index(fields=["due_at"], name="notice_due", condition=Q(state="planned")),
            models.Index(fields=["claimed_at"], name="notice_claimed", condition=Q(state="claimed")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "visit", "visit_version", "kind", "channel"], name="notice_owed_once"
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"
