"""Minutes of road a travel service told us, kept so that a booking never waits for a network."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DriveTime(models.Model):
    """From one place to another, places in degrees times 10^5, rounded: about a metre."""

    from_lat = models.IntegerField()
    from_lng = models.IntegerField()
    to_lat = models.IntegerField()
    to_lng = models.IntegerField()
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    metres = models.PositiveIntegerField(_("metres"), default=0)
    fetched_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["to_lat", "to_lng"], name="drive_to")]
        constraints = [
            models.UniqueConstraint(
                fields=["from_lat", "from_lng", "to_lat", "to_lng"], name="drive_time_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.minutes} min"
