"""Addresses: see the brief of each page in its view."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
