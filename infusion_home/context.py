"""What every page knows about the agency."""

from django.conf import settings
from django.http import HttpRequest


def agency(request: HttpRequest) -> dict[str, object]:
    """The agency's display name and telephone, for headers and help."""
    return {"agency_name": settings.AGENCY_NAME, "agency_phone": settings.AGENCY_PHONE}
