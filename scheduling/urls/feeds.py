"""Calendar feeds: addresses that open without a sign-in."""

from django.urls import path

from scheduling.views import calendar_feeds

urlpatterns = [path("<str:token>.ics", calendar_feeds.feed, name="calendar-feed")]
