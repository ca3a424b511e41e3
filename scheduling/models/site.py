"""A place with an authorization to infuse under a REMS."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Site(models.Model):
    """A certified place. `code` names the drug its authorization is for (`natalizumab`)."""

    name = models.CharField(_("name"), max_length=120)
    code = models.CharField(_("drug"), max_length=60)
    authorization_number = models.CharField(_("authorization number"), max_length=60)
    expires_on = models.DateField(_("last valid day"))
    covers_homes = models.BooleanField(_("covers visits at patients' homes"), default=False)
    address = models.CharField(_("address"), max_length=200, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    time_zone = models.CharField(max_length=40, default="America/Chicago")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["code", "authorization_number"], name="site_authorization_once"),
        ]

    def __str__(self) -> str:
        return self.name
