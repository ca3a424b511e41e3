"""What really happened to a dose: the history every calendar is computed from."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

REACTIONS = [
    ("none", _("None")),
    ("mild", _("Mild")),
    ("moderate", _("Moderate")),
    ("severe", _("Severe")),
    ("life_threatening", _("Life-threatening")),
]


class DoseRecord(models.Model):
    """A dose was given. Append-only: a correction is a new row that `amends` the wrong one."""

    dose = models.ForeignKey("scheduling.PlannedDose", models.PROTECT, related_name="records")
    given_on = models.DateField(_("given on"))
    amount_mg = models.DecimalField(
        _("amount given (mg)"), max_digits=9, decimal_places=2, null=True, blank=True
    )
    mg_per_m2 = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    reaction = models.CharField(_("reaction"), max_length=16, choices=REACTIONS, default="none")
    reaction_type = models.CharField(
        _("type of reaction"),
        max_length=20,
        blank=True,
        choices=[("hypersensitivity", _("Hypersensitivity (allergic)"))],
    )
    elsewhere = models.BooleanField(_("given elsewhere"), default=False)
    visit = models.ForeignKey(
        "scheduling.Visit", models.PROTECT, null=True, blank=True, related_name="records"
    )
    note = models.TextField(_("note"), blank=True, default="")
    amends = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="amended_by")
    why = models.CharField(_("why corrected"), max_length=500, blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            # One first record a dose; every further one names what it corrects.
            models.UniqueConstraint(
                fields=["dose"], condition=Q(amends__isnull=True), name="record_first_once"
            ),
            models.CheckConstraint(
                name="record_known_reaction", condition=Q(reaction__in=[name for name, _label in REACTIONS])
            ),
        ]

    def __str__(self) -> str:
        return f"record {self.pk} of dose {self.dose_id}"
