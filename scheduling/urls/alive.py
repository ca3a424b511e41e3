"""Is it alive: for people and for programs."""

from django.urls import path

from scheduling.views import alive

urlpatterns = [
    path("staff/alive/", alive.page, name="alive"),
    path("metrics", alive.scraped, name="metrics"),
]
