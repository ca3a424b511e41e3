from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class SchedulingConfig(AppConfig):
    name = "scheduling"
    verbose_name = _("Scheduling")

    def ready(self) -> None:
        from scheduling import receivers  # noqa: F401  (connects sign-in to the audit trail)
        from scheduling.regimens import catalogue, products

        if settings.MODE == "offline":
            return  # the command reads the facts itself and reports in its own way
        try:
            catalogue.all_current()
            products.all_products()
        except catalogue.FactFileError as wrong:
            raise ImproperlyConfigured(str(wrong)) from wrong
