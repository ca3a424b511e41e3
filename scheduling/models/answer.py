"""What came back: links that were sent out, replies, and the health questions before a visit."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MessageLink(models.Model):
    """A link in a message, for one purpose. Its address carries this key, signed; it ends at `expires_at`."""

    class Purpose(models.TextChoices):
        CONFIRM = "confirm", _("Confirm")
        MOVE = "move", _("Ask for another time")
        SCREEN = "screen", _("Health questions")
        FEEL = "feel", _("How are you today")

    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="+")
    visit = models.ForeignKey("scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="links")
    visit_version = models.PositiveIntegerField(null=True, blank=True)
    call = models.ForeignKey("scheduling.Call", models.PROTECT, null=True, blank=True, related_name="links")
    notice = models.ForeignKey(
        "scheduling.Notice", models.PROTECT, null=True, blank=True, related_name="links"
    )
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "purpose"], name="link_one_per_notice", condition=Q(notice__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.pk}"


class Reply(models.Model):
    """Something a patient sent or pressed. Kept as it came; handled by a person where one is needed."""

    class Meaning(models.TextChoices):
        CONFIRM = "confirm", _("Says yes")
        MOVE = "move", _("Asks for another time")
        CALL_ME = "call_me", _("Asks for a call")
        STOP = "stop", _("Wants no more messages")
        START = "start", _("Wants messages again")
        HELP = "help", _("Asks for help")
        OTHER = "other", _("Says something else")

    class Via(models.TextChoices):
        TEXT = "text", _("Text message")
        VOICE = "voice", _("Phone call")
        LINK = "link", _("Link")
        PAGE = "page", _("Patient's page")
        PHONE = "phone", _("Told a person")

    patient = models.ForeignKey(
        "patients.Patient", models.PROTECT, null=True, blank=True, related_name="replies"
    )
    visit = models.ForeignKey(
        "scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="replies"
    )
    notice = models.ForeignKey(
        "scheduling.Notice", models.PROTECT, null=True, blank=True, related_name="replies"
    )
    via = models.CharField(_("how"), max_length=6, choices=Via.choices)
    meaning = models.CharField(_("meaning"), max_length=8, choices=Meaning.choices)
    sender = models.CharField(_("from"), max_length=254, blank=True)
    body = models.TextField(_("words"), blank=True, default="")
    # For another time: {"days": ["2026-03-10"], "part": "morning"|"afternoon"|"", "why": "..."}.
    wishes = models.JSONField(default=dict, blank=True)
    provider_id = models.CharField(max_length=64, blank=True)
    needs_a_person = models.BooleanField(default=False)
    received_at = models.DateTimeField(_("received"))
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    handled_note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-received_at", "-pk"]
        indexes = [
            models.Index(
                fields=["received_at"],
                name="reply_open",
                condition=Q(needs_a_person=True, handled_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["provider_id"], name="reply_received_once", condition=~Q(provider_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"reply {self.pk}"


class HealthScreen(models.Model):
    """The questions before one visit. `answers`: question -> "yes", "no" or "unsure"; kept as they are given.

    Clear or flagged once all are answered; then it is a paper (Evidence) too, and its answers never change.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Not finished")
        CLEAR = "clear", _("Clear")
        FLAGGED = "flagged", _("Needs a nurse")
        VOID = "void", _("Not needed any more")

    visit = models.ForeignKey("scheduling.Visit", models.PROTECT, related_name="health_screens")
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="health_screens")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    questions = models.JSONField(default=list)
    answers = models.JSONField(default=dict, blank=True)
    note = models.CharField(max_length=500, blank=True)
    via = models.CharField(max_length=6, choices=Reply.Via.choices, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    evidence = models.ForeignKey(
        "patients.Evidence", models.PROTECT, null=True, blank=True, related_name="health_screens"
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["visit"], name="screen_one_open", condition=Q(state="open")),
            models.CheckConstraint(
                name="screen_answered_has_a_time",
                condition=Q(state__in=["open", "void"]) | Q(answered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"health screen {self.pk}"
