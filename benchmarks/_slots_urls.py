"""The product's addresses and one more: the least a signed-in API view can do, one row by its key."""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infusion_home.urls import urlpatterns as product
from scheduling.api.auth import Token
from scheduling.models import Visit


class Bare(APIView):
    """Token sign-in and one query on an index."""

    authentication_classes = [Token]

    def get(self, request: Request, visit_id: int) -> Response:
        return Response(Visit.objects.values("id", "starts_at", "ends_at").get(pk=visit_id))


urlpatterns = [path("bare/<int:visit_id>/", Bare.as_view()), *product]
