"""Planning the days ahead: asking, watching, booking what was proposed. All below /staff/."""

from django.urls import path

from scheduling.views import plans

urlpatterns = [
    path("plan/", plans.ask, name="plan-week"),
    path("plans/<int:plan_id>/", plans.page, name="plan"),
    path("plans/<int:plan_id>/stop/", plans.stop, name="plan-stop"),
    path("plans/<int:plan_id>/again/", plans.again, name="plan-again"),
    path("plans/<int:plan_id>/book/", plans.book, name="plan-book"),
    path("plans/<int:plan_id>/result/", plans.result, name="plan-result"),
]
