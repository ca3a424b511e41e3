"""Sign-in, settings, help."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
