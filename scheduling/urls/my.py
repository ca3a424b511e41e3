"""The patient's pages."""

from django.urls import path

from scheduling.views import my, my_notices

urlpatterns = [
    path("", my.home, name="my-home"),
    path("visits/<int:visit_id>/", my.visit, name="my-visit"),
    path("therapy/", my.therapy, name="my-therapy"),
    path("notices/", my_notices.page, name="my-notices"),
]
