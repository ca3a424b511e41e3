"""A plan somebody asked for: what went in, how the search went, what it proposes, and what became of each line."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

USER = settings.AUTH_USER_MODEL


class WeekPlan(models.Model):
    """A proposal for the days `first_on` to `last_on` of the agency, both included. It changes no visit by itself.

    `problem` and `result` are the JSON of docs/planner.md: ids, places and minutes, no names. `progress` is a list of
    {"seconds", "cost", "served", "bound", "phase"}. A search nobody hears of (`beat_at`) is over: its worker is gone.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting to start")
        RUNNING = "running", _("Looking for a plan")
        DONE = "done", _("Ready to look at")
        CANCELLED = "cancelled", _("Stopped")
        FAILED = "failed", _("Did not finish")

    first_on = models.DateField(_("from"))
    last_on = models.DateField(_("to"))
    release = models.CharField(
        _("visits already booked"),
        max_length=12,
        default="none",
        choices=[
            ("none", _("All stay as they are")),
            ("unconfirmed", _("Those not confirmed may move")),
            ("all", _("All may move, confirmed ones too")),
        ],
    )
    seconds = models.PositiveSmallIntegerField(_("seconds to search"))
    iterations = models.PositiveIntegerField(null=True, blank=True)
    seed = models.PositiveIntegerField(default=1)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    problem = models.JSONField(default=dict)
    about = models.JSONField(default=dict)  # ids of the problem's rows, and what a page says of them
    progress = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    before = models.JSONField(default=dict)  # figures of the days as they were, see services.plan_figures
    after = models.JSONField(default=dict)
    failure = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(USER, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    stop_asked_at = models.DateTimeField(null=True, blank=True)
    stop_asked_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(name="week_plan_has_days", condition=Q(first_on__lte=F("last_on"))),
        ]

    def __str__(self) -> str:
        return f"plan {self.pk}"


class PlanLine(models.Model):
    """One visit of a proposal: to place, to move, or left without a time. Lines of one `group` are taken together.

    `reasons` and `helps` are lists of {"code": ..., figures}; readings.plan_words says them. `outcome` says what
    became of it when somebody took it.
    """

    class Kind(models.TextChoices):
        PLACE = "place", _("New")
        MOVE = "move", _("Moved")
        LEFT = "left", _("No time found")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        TAKEN = "taken", _("Booked")
        LOST = "lost", _("Not possible any more")

    plan = models.ForeignKey(WeekPlan, models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    group = models.CharField(max_length=30)  # "dose 12" of a course's first day; else the line's own subject
    patient = models.ForeignKey("patients.Patient", models.PROTECT, related_name="+")
    dose = models.ForeignKey(
        "scheduling.PlannedDose", models.PROTECT, null=True, blank=True, related_name="+"
    )
    check_owed = models.ForeignKey(
        "scheduling.PlannedCheck", models.PROTECT, null=True, blank=True, related_name="+"
    )
    visit = models.ForeignKey("scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="+")
    visit_version = models.PositiveIntegerField(null=True, blank=True)
    nurse = models.ForeignKey("nurses.Nurse", models.PROTECT, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField(null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(default=0)
    time_zone = models.CharField(max_length=40)
    reasons = models.JSONField(default=list)
    helps = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    outcome = models.CharField(max_length=300, blank=True)
    outcome_code = models.CharField(max_length=40, blank=True)
    made_visit = models.ForeignKey(
        "scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="plan_line_has_a_time",
                condition=Q(kind="left", nurse__isnull=True, starts_at__isnull=True)
                | (~Q(kind="left") & Q(nurse__isnull=False, starts_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.pk} of plan {self.plan_id}"
