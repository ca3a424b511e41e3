"""What every page knows about the agency, and what the office must know wherever it is."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string


def agency(request: HttpRequest) -> dict[str, object]:
    """The agency's display name and telephone, for headers and help."""
    return {"agency_name": settings.AGENCY_NAME, "agency_phone": settings.AGENCY_PHONE}


def late(request: HttpRequest) -> dict[str, object]:
    """`late_messages`: what stands above every office page while messages do not go as they should.

    Looked up only where a template asks for it.
    """

    def look() -> object:
        user = getattr(request, "user", None)
        if not settings.LATE_BANNER or user is None or not user.is_authenticated or not user.is_office:
            return None
        # By name: this package imports nothing of the apps.
        return import_string("scheduling.readings.alive_page.banner")()

    return {"late_messages": look}
