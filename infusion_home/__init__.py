"""Infusion Home: dose calendars, visit booking and reminders for home-infusion agencies."""

from infusion_home.celery import app as celery_app

__all__ = ["celery_app"]
