"""Every address of the product."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from infusion_home import api_errors, health

handler400 = api_errors.bad_request
handler500 = api_errors.server_error

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("scheduling.urls.alive")),
    path("", include("accounts.urls")),
    path("staff/", include("scheduling.urls.board")),
    path("staff/", include("scheduling.urls.routes")),
    path("staff/", include("scheduling.urls.queue")),
    path("staff/", include("scheduling.urls.booking")),
    path("staff/", include("scheduling.urls.notices")),
    path("staff/", include("scheduling.urls.texts")),
    path("staff/", include("scheduling.urls.calls")),
    path("staff/", include("scheduling.urls.away")),
    path("staff/", include("scheduling.urls.patients")),
    path("staff/", include("scheduling.urls.plans")),
    path("staff/", include("scheduling.urls.screens")),
    path("n/", include("scheduling.urls.nurse")),
    path("my/", include("scheduling.urls.my")),
    path("my/", include("scheduling.urls.my_answers")),
    path("hooks/", include("scheduling.urls.hooks")),
    path("s/", include("scheduling.urls.answers")),
    path("cal/", include("scheduling.urls.feeds")),
    path("api/v1/", include("scheduling.api.urls")),
    re_path(r"^api/", api_errors.no_such_address),
    path("admin/", admin.site.urls),
]

if settings.DEBUG or settings.MODE in {"demo", "test"}:
    from scheduling.styleguide import style_guide

    urlpatterns.append(path("staff/styleguide/", style_guide, name="styleguide"))
