"""Messages and the answers to them. All below /staff/."""

from django.urls import path

from scheduling.views import contacts, notices, replies

urlpatterns = [
    path("notices/", notices.outbox, name="notices"),
    path("notices/sent/", notices.went_out, name="notices-sent"),
    path("notices/pause/", notices.pause, name="notices-pause"),
    path("notices/<int:notice_id>/", notices.notice_page, name="notice"),
    path("notices/answers/", replies.inbox, name="replies"),
    path("notices/answers/<int:reply_id>/", replies.reply_page, name="reply"),
    path("patients/<int:patient_id>/reach/<slug:channel>/", contacts.reach, name="contact"),
]
