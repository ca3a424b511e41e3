"""The nurse's pages, all under /n/, so that a service worker can own that scope alone."""

from datetime import date

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from scheduling.views import nurse_day


class DayConverter(StringConverter):
    """A day of the calendar, 2026-11-23. What is no day (30 February) is no page."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


register_converter(DayConverter, "day")

urlpatterns = [
    path("today/", nurse_day.today, name="nurse-today"),
    path("days/<day:on>/", nurse_day.day, name="nurse-day"),
    path("visits/<int:visit_id>/", nurse_day.visit, name="nurse-visit"),
    path("visits/<int:visit_id>/on-the-way/", nurse_day.on_the_way, name="nurse-on-the-way"),
    path("visits/<int:visit_id>/start/", nurse_day.start, name="nurse-start"),
    path("visits/<int:visit_id>/record/", nurse_day.record, name="nurse-record"),
]
