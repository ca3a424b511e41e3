"""Nurses. All below /staff/."""

from django.urls import path

from scheduling.views import nurses

urlpatterns = [
    path("nurses/", nurses.nurse_list, name="nurses"),
    path("nurses/<int:nurse_id>/", nurses.nurse_page, name="nurse"),
]
