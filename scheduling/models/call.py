"""A follow-up call owed to a patient, with its tries and its outcome; and what a person must look at now."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Call(models.Model):
    """Unique per (patient, kind, about): a call is owed once. Days are local to the home.

    `about` names what owes it: "dose 8 +14" (a day after a dose given), "visit 12 v3", "reply 9". `next_at` is
    when the next try is due; `due_on` the day it was owed first, which "overdue" is measured from. After
    `last_on` it makes no sense any more and is moot.
    """

    class Kind(models.TextChoices):
        REACTION_CHECK = "reaction_check_call", _("Check after a visit")
        TWO_WEEK = "two_week_call", _("Two weeks after")
        NAVIGATOR = "patient_navigator_call", _("Four weeks after")
        STROKE_CHECK = "stroke_and_reaction_call", _("Daily check after a course")
        SHIPMENT = "shipment_call", _("Before the shipment")
        SCREEN = "screen_call", _("Health questions by phone")
        TELL = "tell_call", _("Tell about the visit")
        CALL_BACK = "call_back", _("Asked for a call")
        SYMPTOMS = "symptoms_call", _("Answers to look at")

    class State(models.TextChoices):
        OWED = "owed", _("Owed")
        DONE = "done", _("Done")
        MOOT = "moot", _("Not needed any more")
        GIVEN_UP = "given_up", _("Could not be reached")

    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="calls")
    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices)
    about = models.CharField(max_length=80)
    prescription = models.ForeignKey(
        "patients.Prescription", models.PROTECT, null=True, blank=True, related_name="calls"
    )
    dose = models.ForeignKey(
        "scheduling.PlannedDose", models.PROTECT, null=True, blank=True, related_name="calls"
    )
    visit = models.ForeignKey("scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="calls")
    due_on = models.DateField(_("due"))
    last_on = models.DateField(_("not after"), null=True, blank=True)
    next_at = models.DateTimeField(_("next try"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OWED)
    optional = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    source = models.CharField(_("source"), max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_outcome = models.CharField(max_length=16, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_why = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["next_at", "pk"]
        indexes = [models.Index(fields=["next_at"], name="call_due", condition=Q(state="owed"))]
        constraints = [
            models.UniqueConstraint(fields=["patient", "kind", "about"], name="call_owed_once"),
        ]

    def __str__(self) -> str:
        return f"call {self.pk}"


class CallAttempt(models.Model):
    """One try and what came of it. Append-only."""

    class Outcome(models.TextChoices):
        WELL = "well", _("Reached: well")
        SYMPTOMS = "symptoms", _("Reached: symptoms")
        NO_ANSWER = "no_answer", _("No answer")
        VOICEMAIL = "voicemail", _("Voicemail left")
        WRONG_NUMBER = "wrong_number", _("Wrong number")
        LATER = "later", _("Call later")
        DECLINED = "declined", _("Declined further calls")

    class Via(models.TextChoices):
        PHONE = "phone", _("Phone")
        VOICE = "voice", _("Automatic call")
        LINK = "link", _("Link")
        TEXT = "text", _("Text message")

    call = models.ForeignKey(Call, models.PROTECT, related_name="attempts")
    at = models.DateTimeField(_("when"))
    via = models.CharField(_("how"), max_length=6, choices=Via.choices, default=Via.PHONE)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome.choices)
    # What was reported, as codes of the script; words go into the note.
    symptoms = models.JSONField(default=list, blank=True)
    note = models.CharField(_("note"), max_length=2000, blank=True)
    call_again_at = models.DateTimeField(_("call again"), null=True, blank=True)
    provider_id = models.CharField(max_length=64, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider_id"], name="attempt_once_per_call", condition=~Q(provider_id="")
            ),
        ]

    def __str__(self) -> str:
        return f"try {self.pk} of call {self.call_id}"


class Alert(models.Model):
    """Something a person must look at now. An alarm is clinical and goes to the clinical lead as well."""

    class Kind(models.TextChoices):
        SYMPTOMS = "symptoms", _("Symptoms reported")
        SCREEN = "screen", _("Health answers need a nurse")
        UNCONFIRMED = "unconfirmed", _("Visit not confirmed")
        NUMBER = "number", _("Number or address does not work")
        NOT_REACHED = "not_reached", _("Patient not reached")
        NOTICE = "notice", _("Message not sent")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    alarm = models.BooleanField(default=False)
    about = models.CharField(max_length=80)
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="alerts")
    visit = models.ForeignKey(
        "scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    call = models.ForeignKey(Call, models.PROTECT, null=True, blank=True, related_name="alerts")
    screen = models.ForeignKey(
        "scheduling.HealthScreen", models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    notice = models.ForeignKey(
        "scheduling.Notice", models.PROTECT, null=True, blank=True, related_name="alerts"
    )
    sentence = models.CharField(max_length=300)
    raised_at = models.DateTimeField(_("since"))
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    handled_note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-alarm", "raised_at", "pk"]
        indexes = [
            models.Index(fields=["raised_at"], name="alert_open", condition=Q(handled_at__isnull=True))
        ]
        constraints = [models.UniqueConstraint(fields=["kind", "about"], name="alert_raised_once")]

    def __str__(self) -> str:
        return f"alert {self.pk}"
