"""Who signs in, in which role, and how they like their pages."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """One role a person; what each may see is in scheduling.selectors, and nowhere else."""

    COORDINATOR = "coordinator", _("Coordinator")
    NURSE = "nurse", _("Nurse")
    PATIENT = "patient", _("Patient")
    LEAD = "lead", _("Clinical lead")
    ADMIN = "admin", _("Administrator")


STAFF_ROLES = frozenset({Role.COORDINATOR, Role.LEAD, Role.ADMIN})


class User(AbstractUser):
    """A person who can sign in. Deactivated, never deleted: the audit trail names them."""

    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    theme = models.CharField(
        _("theme"),
        max_length=8,
        default="auto",
        choices=[("auto", _("Like my device")), ("light", _("Light")), ("dark", _("Dark"))],
    )
    text_size = models.PositiveSmallIntegerField(
        _("text size"), default=100, choices=[(100, "100 %"), (125, "125 %"), (150, "150 %")]
    )
    language = models.CharField(
        _("language"), max_length=5, default="en", choices=[("en", "English"), ("es", "Español")]
    )
    shortcuts = models.BooleanField(_("single-letter shortcuts"), default=True)

    REQUIRED_FIELDS = ["email", "role"]

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="user_has_a_known_role", condition=Q(role__in=[r.value for r in Role])
            ),
        ]

    @property
    def reads(self) -> str:
        """The language of this person's pages: a patient's own choice, English for everybody who works here."""
        known = self.role == Role.PATIENT and self.language in dict(settings.LANGUAGES)
        return self.language if known else "en"

    @property
    def is_office(self) -> bool:
        """Coordinator, clinical lead or administrator: sees everything of the agency."""
        return self.is_active and self.role in STAFF_ROLES
