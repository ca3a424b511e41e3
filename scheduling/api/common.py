"""What every resource shares: who may write, filters, lists, and the trail of what was read."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from patients.models import Patient
from scheduling import selectors
from scheduling.api.auth import Token
from scheduling.api.fields import Input
from scheduling.services import events

ID = "[0-9]{1,18}"  # any longer is no id of ours
PAGING = {"page", "page_size"}


class Signed(GenericViewSet):
    """Signed in by token, or by the session of a page. Answers are nobody else's to keep."""

    authentication_classes = [Token, SessionAuthentication]
    metadata_class = None  # OPTIONS is a 405: the schema tells more
    lookup_value_regex = ID
    filters: type[Input] | None = None
    office_actions: frozenset[str] = frozenset()  # 403 for others before anything is looked at

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if self.action in self.office_actions:
            self.check_office()

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "private, no-store"
        return answer

    def check_office(self) -> None:
        """Raises PermissionDenied (403) for who may read and not write. After `get_object`, so that 404 comes first."""
        if not selectors.may_write(self.request.user):
            raise PermissionDenied(_("Only the office may do this."))

    def read_input(self, kind: type[Serializer], **kwargs: Any) -> dict[str, Any]:
        """The body, checked. Raises ValidationError with every field that is wrong."""
        wish = kind(data=self.request.data, context=self.get_serializer_context(), **kwargs)
        wish.is_valid(raise_exception=True)
        return dict(wish.validated_data)

    def read_filters(self) -> dict[str, Any]:
        """The query, checked: a filter that is not known is refused rather than ignored."""
        if self.filters is None:
            return {}
        asked = {key: value for key, value in self.request.query_params.items() if key not in PAGING}
        wish = self.filters(data=asked, context=self.get_serializer_context())
        wish.is_valid(raise_exception=True)
        return dict(wish.validated_data)

    def paged(self, rows: QuerySet) -> Response:
        """One page of the rows as the resource's list shows them."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def wrote_read(self, patient: Patient, what: str) -> None:
        """A chart was looked at."""
        events.chart_read(patient, by=self.request.user, what=what)


class Readable(ListModelMixin, RetrieveModelMixin, Signed):
    """A list and its members. Reads come from the selectors; a subclass cuts them down by its filters."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.paged(self.filtered(self.get_queryset()))

    def filtered(self, rows: QuerySet) -> QuerySet:
        self.read_filters()
        return rows
