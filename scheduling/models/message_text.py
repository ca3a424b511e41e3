"""What messages say and when they go: settings people edit, each change a new version."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class MessageText(models.Model):
    """One wording of a kind on a channel in a language. Append-only: the highest version is in force.

    Without a row the wording shipped with the product is in force (scheduling/services/wording.py).
    """

    kind = models.CharField(_("kind"), max_length=20)
    channel = models.CharField(_("channel"), max_length=8)
    language = models.CharField(_("language"), max_length=5)
    version = models.PositiveIntegerField()
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    body = models.TextField(_("text"))
    why = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["kind", "channel", "language", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "channel", "language", "version"], name="message_text_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.channel} {self.language} v{self.version}"


class NoticePolicy(models.Model):
    """When messages go, the quiet hours, the caps, the sender's name, and whether sending is paused.

    Append-only: the highest version is in force; `data` is read by scheduling/services/policy.py.
    """

    version = models.PositiveIntegerField(unique=True)
    data = models.JSONField(default=dict)
    why = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"notice policy v{self.version}"
