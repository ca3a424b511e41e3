"""What a signed-in patient answers about a visit."""

from django.urls import path

from scheduling.views import my_answers

urlpatterns = [
    path("visits/<int:visit_id>/confirm/", my_answers.confirm, name="my-confirm"),
    path("visits/<int:visit_id>/reschedule/", my_answers.reschedule, name="my-reschedule"),
    path("visits/<int:visit_id>/health/", my_answers.health, name="my-health"),
    path("visits/<int:visit_id>/health/check/", my_answers.check, name="my-health-check"),
    path("visits/<int:visit_id>/health/<int:number>/", my_answers.question, name="my-health-question"),
]
