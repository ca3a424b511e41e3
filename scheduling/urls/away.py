"""When the day breaks: absences, uncovered visits, freed time. All below /staff/."""

from django.urls import path

from scheduling.views import away

urlpatterns = [
    path("nurses/<int:nurse_id>/away/", away.nurse_away, name="nurse-away"),
    path("away/<int:time_off_id>/withdraw/", away.away_withdraw, name="away-withdraw"),
    path("uncovered/", away.uncovered_list, name="uncovered"),
    path("uncovered/settle/", away.settle_all, name="uncovered-settle"),
    path("freed/", away.freed_list, name="freed"),
]
