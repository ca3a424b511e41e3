"""Times for a dose: found, kept for some minutes, booked for a whole course, and others when one is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from scheduling import clock, selectors
from scheduling.api import bodies
from scheduling.api.common import ID, Signed
from scheduling.api.fields import Input, Moment, Row
from scheduling.api.idempotency import PARAMETER, idempotent
from scheduling.api.serializers import SlotsOut, VisitOut
from scheduling.models import PlannedDose, SlotHold, Visit
from scheduling.readings import queue, slots
from scheduling.rules import states
from scheduling.rules.errors import SlotTaken
from scheduling.services import courses, slot_holds, travel

ALTERNATIVES = 3
BEST = 10


class HoldSlotIn(Input):
    nurse = Row(selectors.nurses_for)
    starts_at = Moment()


class SlotHoldOut(serializers.ModelSerializer):
    """Kept for `held_by` until `expires_at`; then it ends by itself."""

    starts_at = Moment()
    ends_at = Moment()
    expires_at = Moment()
    held_by = serializers.CharField(source="held_by.username")

    class Meta:
        model = SlotHold
        fields = ["id", "dose", "nurse", "starts_at", "ends_at", "held_by", "expires_at"]


class CourseDayIn(Input):
    dose = Row(selectors.doses_for)
    nurse = Row(selectors.nurses_for)
    starts_at = Moment()


class CourseIn(Input):
    """Every day of the course; one `override` speaks for all the days that need a reason."""

    days = CourseDayIn(many=True, allow_empty=False, max_length=courses.MOST_DAYS)
    override = bodies.free_text(500)


class DoseTimes(Signed):
    """What a dose can be asked about its times."""

    @extend_schema(parameters=[bodies.SlotFilters], responses=SlotsOut)
    @action(detail=True, methods=["get"])
    def slots(self, request: Request, pk: str) -> Response:
        """The best times and nurses for the dose, each with its reasons; who was ruled out, and why.

        With `near` the times nearest to one that was lost, or where the dose could be moved when it has a visit.
        `course` has the ways to book all its days together, when this dose begins a course.
        """
        dose = get_object_or_404(selectors.doses_for(request.user), pk=pk)
        self.check_office()
        asked = bodies.SlotFilters(data=request.query_params, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        said, days = asked.validated_data, asked.days()
        moving = self._moving(dose, said.get("moving"))
        self.wrote_read(dose.prescription.patient, "slots")
        _warm(dose, days)
        lost = slots.Lost(said["near"], said.get("nurse")) if "near" in said else None
        limit = said.get("limit", ALTERNATIVES if lost else BEST)
        finding = slots.find(request.user, dose, days, moving=moving, lost=lost, limit=limit)
        course: list[dict[str, Any]] = []
        if lost is None and moving is None and len(run := queue.run_of(request.user, dose)) > 1:
            course = slots.course_shown(slots.find_course(request.user, run, days, limit=limit))["course"]
        return Response({**slots.shown(finding), "course": course})

    @extend_schema(request=HoldSlotIn, responses={201: SlotHoldOut}, parameters=[PARAMETER])
    @action(detail=True, methods=["post"])
    @idempotent
    def holds(self, request: Request, pk: str) -> Response:
        """Keep the nurse and the patient free for a few minutes, while the patient is on the phone."""
        dose: PlannedDose = self.get_object()
        self.check_office()
        said = self.read_input(HoldSlotIn)
        with alternatives(dose, said["starts_at"], said["nurse"].pk):
            hold = slot_holds.hold_slot(
                dose_id=dose.pk, nurse_id=said["nurse"].pk, starts_at=said["starts_at"], by=request.user
            )
        return Response(SlotHoldOut(hold).data, status=201)

    @extend_schema(
        responses={204: None},
        parameters=[OpenApiParameter("hold_id", OpenApiTypes.INT64, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["delete"], url_path=f"holds/(?P<hold_id>{ID})", url_name="hold")
    def release(self, request: Request, pk: str, hold_id: str) -> Response:
        """Give the time free before the hold ends; only who holds it may."""
        dose: PlannedDose = self.get_object()
        self.check_office()
        hold = get_object_or_404(SlotHold.objects.filter(dose=dose), pk=hold_id)
        slot_holds.release_slot(hold_id=hold.pk, by=request.user)
        return Response(status=204)

    def _moving(self, dose: PlannedDose, visit_id: int | None) -> Visit | None:
        if visit_id is None:
            return None
        own = selectors.visits_for(self.request.user).filter(dose=dose, state__in=states.HOLDING)
        if (visit := own.filter(pk=visit_id).first()) is None:
            raise ValidationError({"moving": [_("This is not the visit of this dose.")]})
        return visit


class CourseBooking(Signed):
    """The days of a course, booked together."""

    @extend_schema(request=CourseIn, responses={201: VisitOut(many=True)}, parameters=[PARAMETER])
    @action(detail=False, methods=["post"])
    @idempotent
    def course(self, request: Request) -> Response:
        """All of the days or none; a refusal names the day."""
        said = self.read_input(CourseIn)
        days = [courses.Day(day["dose"].pk, day["nurse"].pk, day["starts_at"]) for day in said["days"]]
        first = min(said["days"], key=lambda day: day["starts_at"])
        with alternatives(first["dose"]):
            booked = courses.book_course(days=days, by=request.user, override=said.get("override", ""))
        return Response(self.get_serializer(booked, many=True).data, status=201)


@contextmanager
def alternatives(
    dose: PlannedDose | None,
    near: datetime | None = None,
    nurse_id: int | None = None,
    moving: Visit | None = None,
) -> Iterator[None]:
    """A lost race names the address that answers other times, worked out only when it is asked."""
    try:
        yield
    except SlotTaken as lost:
        if dose is not None:
            asked = {
                "near": slots.moment_shown(near) if near else None,
                "nurse": nurse_id,
                "moving": moving.pk if moving else None,
                "limit": ALTERNATIVES,
            }
            query = urlencode({name: value for name, value in asked.items() if value is not None})
            lost.alternatives = f"{reverse('api-dose-slots', args=[dose.pk])}?{query}"
        raise


def _warm(dose: PlannedDose, days: Sequence[date] | None) -> None:
    """Ask a travel service, where there is one, for the roads the search will want; outside any transaction."""
    if travel.on():
        patient = dose.prescription.patient
        asked = days or slots.days_of(dose, clock.today_in(patient.time_zone))
        travel.warm_search(patient, min(asked), max(asked))
