"""Where the provider of texts and calls answers, below /hooks/."""

from django.urls import path

from scheduling.views import hooks

urlpatterns = [
    path("twilio/status/<slug:message_id>/", hooks.status, name="hook-status"),
    path("twilio/text/", hooks.text, name="hook-text"),
    path("twilio/voice/<slug:message_id>/", hooks.voice, name="hook-voice"),
]
