"""What became of a booked visit, and checks that are owed without a dose."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from scheduling import selectors
from scheduling.api.bodies import free_text
from scheduling.api.common import Readable, Signed
from scheduling.api.fields import Day, Input, Moment, Row
from scheduling.api.idempotency import PARAMETER, idempotent
from scheduling.api.serializers import VisitOut
from scheduling.models import PlannedCheck, Visit
from scheduling.services import booking, checks, outcomes
from scheduling.services.booking import REASON_CLASSES

VERSION = {"min_value": 1, "max_value": 2**31 - 1, "required": False}


class SeenIn(Input):
    """`version` is that of the visit as it was seen."""

    version = serializers.IntegerField(**VERSION)


class MissedIn(Input):
    reason_class = serializers.ChoiceField(sorted(REASON_CLASSES))
    note = free_text(500)


class VisitOutcomes(Signed):
    """Said by somebody of the office, never guessed."""

    @extend_schema(request=SeenIn, responses=VisitOut)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """The patient said yes."""
        return self._told(outcomes.confirm_visit, SeenIn)

    @extend_schema(request=MissedIn, responses=VisitOut)
    @action(detail=True, methods=["post"])
    def missed(self, request: Request, pk: str) -> Response:
        """It did not take place; only after its start."""
        return self._told(outcomes.record_missed, MissedIn)

    @extend_schema(request=SeenIn, responses=VisitOut)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take back what you did to this visit in the last ten minutes; the answer is the visit as it is now."""
        return self._told(outcomes.undo, SeenIn)

    def _told(self, service: Any, body: type[Input]) -> Response:
        seen: Visit = self.get_object()
        self.check_office()
        visit = service(visit_id=seen.pk, by=self.request.user, **self.read_input(body))
        return Response(self.get_serializer(visit).data)


class PlannedCheckOut(serializers.ModelSerializer):
    due_on = Day()
    window_start_on = Day()
    window_end_on = Day()
    done_on = Day(allow_null=True)

    class Meta:
        model = PlannedCheck
        fields = [
            "id", "patient", "prescription", "kind", "what", "due_on", "window_start_on", "window_end_on", "minutes",
            "reason", "source", "state", "done_on",
        ]  # fmt: skip


class CheckFilters(Input):
    patient = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    state = serializers.ChoiceField(PlannedCheck.State.choices, required=False)


class CheckIn(Input):
    patient = Row(selectors.patients_for)
    kind = serializers.ChoiceField(PlannedCheck.Kind.choices)
    due_on = Day()
    minutes = serializers.IntegerField(min_value=1, max_value=checks.LONGEST_MINUTES, required=False)
    reason = serializers.CharField(max_length=500)


class CheckBookIn(Input):
    nurse = Row(selectors.nurses_for)
    starts_at = Moment()
    override = free_text(500)


class DoneIn(Input):
    done_on = Day()


class CheckViewSet(Readable):
    """Lab draws an order owes, and lab draws and wellness checks somebody asked for. The office's."""

    serializer_class = PlannedCheckOut
    filters = CheckFilters

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.check_office()

    def get_queryset(self) -> QuerySet[PlannedCheck]:
        return selectors.checks_for(self.request.user).order_by("due_on", "pk")

    def filtered(self, rows: QuerySet[PlannedCheck]) -> QuerySet[PlannedCheck]:
        return rows.filter(**self.read_filters())

    @extend_schema(parameters=[CheckFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=CheckIn, responses={201: PlannedCheckOut}, parameters=[PARAMETER])
    @idempotent
    def create(self, request: Request) -> Response:
        said = self.read_input(CheckIn)
        check = checks.ask_check(patient_id=said.pop("patient").pk, by=request.user, **said)
        return Response(PlannedCheckOut(check).data, status=201)

    @extend_schema(request=CheckBookIn, responses={201: VisitOut})
    @action(detail=True, methods=["post"])
    def book(self, request: Request, pk: str) -> Response:
        """A nurse and a time for it; the answer is the visit."""
        check: PlannedCheck = self.get_object()
        said = self.read_input(CheckBookIn)
        visit = booking.book_check(check_id=check.pk, nurse_id=said.pop("nurse").pk, by=request.user, **said)
        return Response(VisitOut(visit, context=self.get_serializer_context()).data, status=201)

    @extend_schema(request=DoneIn, responses=PlannedCheckOut)
    @action(detail=True, methods=["post"])
    def done(self, request: Request, pk: str) -> Response:
        """It was done on a day of the home."""
        check: PlannedCheck = self.get_object()
        said = self.read_input(DoneIn)
        return Response(PlannedCheckOut(checks.record_done(check_id=check.pk, by=request.user, **said)).data)
