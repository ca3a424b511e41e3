"""Routes of a day, for the office: all nurses, one nurse, another order. All below /staff/."""

from django.urls import path

from scheduling.urls.nurse import DayConverter as DayConverter  # registers `day`
from scheduling.views import routes

urlpatterns = [
    path("routes/", routes.route_list, name="routes"),
    path("routes/publish/<day:on>/", routes.publish_all, name="routes-publish"),
    path("routes/<int:nurse_id>/<day:on>/", routes.route_day, name="route-day"),
    path("routes/<int:nurse_id>/<day:on>/publish/", routes.publish, name="route-publish"),
    path("routes/<int:nurse_id>/<day:on>/order/", routes.order, name="route-order"),
]
