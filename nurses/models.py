"""The nurse: licence, competencies, working hours, time away, and where the day starts."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

USER = settings.AUTH_USER_MODEL


class Nurse(models.Model):
    """One nurse. `time_zone` is the home base's: shifts and routes are local to it."""

    user = models.OneToOneField(USER, models.PROTECT, null=True, blank=True, related_name="nurse")
    first_name = models.CharField(_("first name"), max_length=60)
    last_name = models.CharField(_("last name"), max_length=60)
    phone = models.CharField(_("phone"), max_length=16, blank=True)
    npi = models.CharField(_("NPI"), max_length=10, blank=True)
    city = models.CharField(_("home base"), max_length=60, blank=True)
    latitude = models.FloatField(_("latitude"))
    longitude = models.FloatField(_("longitude"))
    time_zone = models.CharField(_("time zone"), max_length=40, default="America/Chicago")
    day_limit_minutes = models.PositiveSmallIntegerField(_("most working minutes a day"), default=600)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ["last_name", "first_name", "pk"]

    def __str__(self) -> str:
        return f"nurse {self.pk}"

    @property
    def listed_name(self) -> str:
        """First Last RN: how staff read a board."""
        return f"{self.first_name} {self.last_name} RN"

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude of the home base, in degrees."""
        return (self.latitude, self.longitude)


class Licence(models.Model):
    """A licence to nurse in a state; a multistate (compact) one counts in `COMPACT_STATES` too."""

    nurse = models.ForeignKey(Nurse, models.PROTECT, related_name="licences")
    state = models.CharField(_("state"), max_length=2)
    number = models.CharField(_("number"), max_length=20)
    kind = models.CharField(_("type"), max_length=10, default="RN")
    multistate = models.BooleanField(_("multistate"), default=False)
    issued_on = models.DateField(_("issued"))
    expires_on = models.DateField(_("last valid day"))

    class Meta:
        ordering = ["-expires_on"]
        constraints = [
            models.UniqueConstraint(fields=["state", "number", "issued_on"], name="licence_once"),
            models.CheckConstraint(name="licence_has_length", condition=Q(expires_on__gte=F("issued_on"))),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.kind} licence of nurse {self.nurse_id}"


class Competency(models.Model):
    """What a nurse was found able to do: `iv`, or a drug's generic name, from a day to an optional last day."""

    nurse = models.ForeignKey(Nurse, models.PROTECT, related_name="competencies")
    code = models.CharField(_("competency"), max_length=60)
    granted_on = models.DateField(_("granted"))
    expires_on = models.DateField(_("last valid day"), null=True, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["nurse", "code", "granted_on"], name="competency_once")
        ]

    def __str__(self) -> str:
        return f"{self.code} of nurse {self.nurse_id}"


class Shift(models.Model):
    """Weekly working hours in the nurse's own zone: every `weekday` (0 = Monday) from a day to an optional last day.

    A break, where there is one, lies inside; a visit over it needs a reason.
    """

    nurse = models.ForeignKey(Nurse, models.PROTECT, related_name="shifts")
    weekday = models.PositiveSmallIntegerField(_("weekday"))
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))
    break_starts = models.TimeField(_("break from"), null=True, blank=True)
    break_ends = models.TimeField(_("break to"), null=True, blank=True)
    from_on = models.DateField(_("first day"))
    until_on = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        ordering = ["weekday", "starts"]
        constraints = [
            models.CheckConstraint(name="shift_has_length", condition=Q(starts__lt=F("ends"))),
            models.CheckConstraint(
                name="shift_break_inside",
                condition=Q(break_starts__isnull=True, break_ends__isnull=True)
                | Q(
                    break_starts__gt=F("starts"),
                    break_starts__lt=F("break_ends"),
                    break_ends__lt=F("ends"),
                ),
            ),
            models.CheckConstraint(name="shift_weekday", condition=Q(weekday__lte=6)),
        ]

    def __str__(self) -> str:
        return f"shift of nurse {self.nurse_id}"


class TimeOff(models.Model):
    """Away for `[starts_at, ends_at)`. Booked visits stay and are listed as uncovered. Taken back, never deleted."""

    nurse = models.ForeignKey(Nurse, models.PROTECT, related_name="time_off")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("to"))
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    recorded_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+")
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at"]
        constraints = [
            models.CheckConstraint(name="time_off_has_length", condition=Q(starts_at__lt=F("ends_at"))),
        ]

    def __str__(self) -> str:
        return f"time off of nurse {self.nurse_id}"
