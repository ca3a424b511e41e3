"""The style guide with every place its frames lead to, so that these tests wait for no page."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from scheduling.styleguide import style_guide


def nowhere(request: HttpRequest) -> HttpResponse:
    """A place to lead to."""
    return HttpResponse()


PLACES = "home sign-in sign-out settings help set_language find queue board patients nurses notices"
urlpatterns = [
    path("staff/styleguide/", style_guide, name="styleguide"),
    *(path(f"{name}/", nowhere, name=name) for name in PLACES.split()),
]
