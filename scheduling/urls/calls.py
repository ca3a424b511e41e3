"""Follow-up calls and alerts. All below /staff/."""

from django.urls import path

from scheduling.views import alerts, calls

urlpatterns = [
    path("calls/", calls.calls_page, name="calls"),
    path("calls/<int:call_id>/", calls.call_page, name="call"),
    path("alerts/", alerts.alerts_page, name="alerts"),
    path("alerts/<int:alert_id>/handled/", alerts.alert_handle, name="alert-handle"),
]
