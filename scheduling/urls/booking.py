"""The coordinator's places: queue, find, booking, visits, board, nurses, notices."""

from django.urls import path

from scheduling.views import board, booking, find, notices, nurses, queue, visits

urlpatterns = [
    path("queue/", queue.needs_booking, name="queue"),
    path("find/", find.find, name="find"),
    path("doses/<int:dose_id>/book/", booking.book, name="dose-book"),
    path("doses/<int:dose_id>/slots/", booking.slot_page, name="dose-slots"),
    path("visits/<int:visit_id>/", visits.visit_page, name="visit"),
    path("visits/<int:visit_id>/move/", visits.move, name="visit-move"),
    path("visits/<int:visit_id>/cancel/", visits.cancel, name="visit-cancel"),
    path("board/", board.board_page, name="board"),
    path("nurses/", nurses.nurse_list, name="nurses"),
    path("nurses/<int:nurse_id>/", nurses.nurse_page, name="nurse"),
    path("notices/", notices.outbox, name="notices"),
]
