"""The health questions asked by phone."""

from django.urls import path

from scheduling.views import screens

urlpatterns = [path("visits/<int:visit_id>/screen/", screens.by_phone, name="visit-screen")]
