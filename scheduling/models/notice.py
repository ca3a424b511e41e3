"""One message owed to one person on one channel. The row is the truth, the queue only a hint."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """Unique per (person, `about`, kind, channel): a message can be owed once only.

    The person is a patient or, for what the staff must hear, a user. `about` names what it is about and its
    version: "visit 12 v3", "dose 8 2026-03-09", "call 5 try 2", "licence 4 2026-12-01 at 30 days"; one that a
    person sends again on purpose ends in "again 1". `subject`, `body` and `sent_to` are kept as they went out.
    """

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
        WEEK_BEFORE = "week_before", _("A week before")
        CONFIRM = "confirm", _("Please confirm")
        HEALTH_SCREEN = "health_screen", _("Health questions")
        PREPARATION = "preparation", _("How to get ready")
        DAY_BEFORE = "day_before", _("The day before")
        ON_THE_WAY = "on_the_way", _("Nurse on the way")
        NEXT_DAY = "next_day", _("How are you today")
        UNCONFIRMED = "unconfirmed", _("Not confirmed: to the office")
        PAPER_EXPIRY = "paper_expiry", _("A paper runs out: to the office")
        ALARM = "alarm", _("A worrying answer: to the clinical lead")

    patient = models.ForeignKey(
        "patients.Patient", models.PROTECT, null=True, blank=True, related_name="notices"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="notices"
    )
    visit = models.ForeignKey(
        "scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="notices"
    )
    visit_version = models.PositiveIntegerField(null=True, blank=True)
    dose = models.ForeignKey(
        "scheduling.PlannedDose", models.PROTECT, null=True, blank=True, related_name="notices"
    )
    call = models.ForeignKey("scheduling.Call", models.PROTECT, null=True, blank=True, related_name="notices")
    about = models.CharField(max_length=80)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    channel = models.CharField(_("channel"), max_length=8)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PLANNED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    due_at = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("not after"))
    # Of two that are due, the lower goes first; the caps drop the higher (rules/cadence.py).
    priority = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    attempted_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    # Ours travels with the message; the provider's own comes back.
    message_id = models.CharField(max_length=120, blank=True)
    provider_id = models.CharField(max_length=64, blank=True, default="")
    sent_to = models.CharField(max_length=254, blank=True, default="")
    subject = models.CharField(max_length=200, blank=True, default="")
    body = models.TextField(blank=True, default="")
    text = models.ForeignKey(
        "scheduling.MessageText", models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-due_at", "-pk"]
        indexes = [
            models.Index(fields=["due_at", "priority"], name="notice_due", condition=Q(state="planned")),
            models.Index(fields=["claimed_at"], name="notice_claimed", condition=Q(state="claimed")),
            models.Index(fields=["provider_id"], name="notice_provider", condition=~Q(provider_id="")),
            models.Index(fields=["patient", "channel", "attempted_at"], name="notice_caps"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "user", "about", "kind", "channel"],
                name="notice_owed_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="notice_to_one_person",
                condition=Q(patient__isnull=False, user__isnull=True)
                | Q(patient__isnull=True, user__isnull=False),
            ),
            models.CheckConstraint(
                name="notice_visit_has_a_version",
                condition=Q(visit__isnull=True) | Q(visit_version__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"
