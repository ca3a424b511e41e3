"""The nurse's pages, all under /n/, so that a service worker can own that scope alone."""

from datetime import date

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from scheduling.views import calendar_feeds, nurse_day


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
    path("days/<day:on>/list/", nurse_day.day_list, name="nurse-day-list"),
    path("days/<day:on>/seen/", nurse_day.seen, name="nurse-day-seen"),
    path("calendar/", calendar_feeds.feed_page, name="nurse-feed"),
    path("calendar/stop/", calendar_feeds.feed_revoke, name="nurse-feed-revoke"),
    path("visits/<int:visit_id>/", nurse_day.visit, name="nurse-visit"),
    path("visits/<int:visit_id>/on-the-way/", nurse_day.on_the_way, name="nurse-on-the-way"),
    path("visits/<int:visit_id>/start/", nurse_day.start, name="nurse-start"),
    path("visits/<int:visit_id>/record/", nurse_day.record, name="nurse-record"),
]
