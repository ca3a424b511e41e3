"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from infusion_home import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]
