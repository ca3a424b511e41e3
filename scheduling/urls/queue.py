"""The coordinator's queue: what needs booking, the times for it, several lines at once, and what was left open."""

from django.urls import path

from scheduling.views import booking, bulk, checks, find, queue, slots, visits

urlpatterns = [
    path("queue/", queue.needs_booking, name="queue"),
    path("queue/csv/", queue.as_csv, name="queue-csv"),
    path("queue/print/", queue.printed, name="queue-print"),
    path("queue/selected/", bulk.selected, name="queue-selected"),
    path("queue/times/", bulk.times, name="queue-times"),
    path("unresolved/", queue.worklist, name="unresolved"),
    path("find/", find.find, name="find"),
    path("doses/<int:dose_id>/book/", booking.book, name="dose-book"),
    path("doses/<int:dose_id>/slots/", slots.dose_slots, name="dose-slots"),
    path("checks/new/", checks.check_ask, name="check-new"),
    path("patients/<int:patient_id>/checks/new/", checks.check_ask, name="check-ask"),
    path("checks/<int:check_id>/", checks.check_settle, name="check"),
    path("checks/<int:check_id>/book/", booking.check_book, name="check-book"),
    path("checks/<int:check_id>/slots/", slots.check_slots, name="check-slots"),
    path("visits/<int:visit_id>/", visits.visit_page, name="visit"),
    path("visits/<int:visit_id>/cancel/", visits.cancel, name="visit-cancel"),
    path("visits/<int:visit_id>/confirm/", visits.confirm, name="visit-confirm"),
    path("visits/<int:visit_id>/missed/", visits.missed, name="visit-missed"),
    path("visits/<int:visit_id>/undo/", slots.visit_undo, name="visit-undo"),
]
