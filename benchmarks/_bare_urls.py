"""The product's addresses and the least that could do their work: what ours are measured beside.

GET  /bare/<visit>/       signed in by token, one row by its key
POST /bare/lock/<nurse>/  the same, an advisory lock, one look at the nurse's visits, and a row if none is there
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infusion_home.urls import urlpatterns as product
from scheduling.api.auth import Token
from scheduling.models import Visit
from scheduling.rules import states


class Bare(APIView):
    """Token sign-in and one query on an index."""

    authentication_classes = [Token]

    def get(self, request: Request, visit_id: int) -> Response:
        return Response(Visit.objects.values("id", "starts_at", "ends_at").get(pk=visit_id))


class BareLock(APIView):
    """The least a booking can do and be safe: no rule, no trail, no message."""

    authentication_classes = [Token]

    def post(self, request: Request, nurse_id: int) -> Response:
        starts_at = datetime.fromisoformat(request.data["starts_at"])
        ends_at = starts_at + timedelta(hours=2)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [nurse_id])
            there = Visit.objects.filter(nurse=nurse_id, starts_at__lt=ends_at, ends_at__gt=starts_at)
            if there.filter(state__in=states.HOLDING).exists():
                return Response({"code": "NURSE_TAKEN"}, status=409)
            visit = Visit.objects.create(
                nurse_id=nurse_id, patient_id=request.data["patient"], kind="wellness", starts_at=starts_at,
                ends_at=ends_at, time_zone="America/Chicago",
            )  # fmt: skip
        return Response({"id": visit.pk}, status=201)


urlpatterns = [
    path("bare/<int:visit_id>/", Bare.as_view()),
    path("bare/lock/<int:nurse_id>/", BareLock.as_view()),
    *product,
]
