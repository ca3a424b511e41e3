"""Every address under /api/v1/."""

from django.urls import path
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from scheduling.api import auth, days, orders, outcomes, plans, viewsets

router = SimpleRouter()
router.register("patients", viewsets.PatientViewSet, basename="api-patient")
router.register("prescriptions", orders.PrescriptionViewSet, basename="api-prescription")
router.register("doses", orders.DoseViewSet, basename="api-dose")
router.register("visits", viewsets.VisitViewSet, basename="api-visit")
router.register("checks", outcomes.CheckViewSet, basename="api-check")
router.register("nurses", viewsets.NurseViewSet, basename="api-nurse")
router.register("evidence", viewsets.EvidenceViewSet, basename="api-evidence")
router.register("plans", plans.PlanViewSet, basename="api-plan")
router.register("dosing", orders.DosingViewSet, basename="api-dosing")

schema = SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer2, OpenApiJsonRenderer])

urlpatterns = [
    path("auth/token/", auth.SignIn.as_view(), name="api-sign-in"),
    path("auth/sign-out/", auth.SignOut.as_view(), name="api-sign-out"),
    path("schema/", schema, name="api-schema"),
    path("days/", days.DayViewSet.as_view({"get": "day"}), name="api-day"),
    *router.urls,
]
