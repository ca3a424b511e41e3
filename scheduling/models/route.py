"""A nurse's day as it was published to her, version by version, and the address of her calendar feed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

USER = settings.AUTH_USER_MODEL


class RouteVersion(models.Model):
    """What the nurse's list said. Rows are added, never changed, but for `seen_at`.

    `stops` is a list of {"visit", "root", "starts_at", "ends_at", "leave_by"} in order (times ISO, UTC; ids only);
    `root` is the first row of the visit's chain, which a move does not change.
    `made_by` None: the day changed after it was published, and the next version followed by itself; `why` is the
    trail's action ("visit_moved").
    """

    nurse = models.ForeignKey("nurses.Nurse", models.PROTECT, related_name="routes")
    on = models.DateField(_("day"))
    version = models.PositiveIntegerField(_("version"))
    stops = models.JSONField(default=list)
    drive_minutes = models.PositiveSmallIntegerField(default=0)
    metres = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+")
    why = models.CharField(max_length=60, blank=True)
    seen_at = models.DateTimeField(_("seen by the nurse"), null=True, blank=True)

    class Meta:
        ordering = ["-on", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["nurse", "on", "version"], name="route_version_once"),
        ]

    def __str__(self) -> str:
        return f"route of nurse {self.nurse_id} on {self.on} v{self.version}"


class CalendarFeed(models.Model):
    """The secret address of a nurse's calendar feed; kept as a digest, shown once, taken back, never deleted."""

    nurse = models.ForeignKey("nurses.Nurse", models.PROTECT, related_name="calendar_feeds")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(USER, models.PROTECT, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"calendar feed {self.pk}"
