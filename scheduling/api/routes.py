"""A nurse's route of a day as programs read it: every time in UTC, what was published of it, and what differs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from nurses.models import Nurse
from scheduling.api.common import Signed
from scheduling.api.fields import Day, Moment
from scheduling.readings import route as reading

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


class CautionOut(serializers.Serializer):
    """What to know before driving. `serious`: it does not fit as it stands."""

    code = serializers.CharField()
    text = serializers.CharField()
    serious = serializers.BooleanField()


class ChangeOut(serializers.Serializer):
    """What the nurse has not seen: `new`, `moved`, `leave` (another time to leave) or `gone`, and what it was."""

    kind = serializers.CharField()
    visit = serializers.IntegerField()
    was_at = Moment(allow_null=True)


class RouteStopOut(serializers.Serializer):
    """One visit in its place. `slack_minutes`: before the drive to it does not fit any more; null at the first stop."""

    number = serializers.IntegerField(source="times.number")
    visit = serializers.IntegerField(source="visit.pk")
    patient = serializers.IntegerField(source="visit.patient_id")
    version = serializers.IntegerField(source="visit.version")
    state = serializers.CharField(source="visit.state")
    leave_by = Moment(source="times.leave_by")
    drive_minutes = serializers.IntegerField(source="times.drive.minutes")
    metres = serializers.IntegerField(source="times.drive.metres")
    slack_minutes = serializers.IntegerField(source="times.slack_minutes", allow_null=True)
    arrive_at = Moment(source="times.arrive_at")
    premedication_at = Moment(source="times.premedication_at", allow_null=True)
    infusion_at = Moment(source="times.infusion_at", allow_null=True)
    observation_at = Moment(source="times.observation_at", allow_null=True)
    wrap_up_at = Moment(source="times.wrap_up_at", allow_null=True)
    ends_at = Moment(source="times.ends_at")
    cautions = CautionOut(source="times.cautions", many=True)
    change = ChangeOut(allow_null=True)


class PublishedOut(serializers.Serializer):
    """The newest version the nurse was told."""

    version = serializers.IntegerField()
    made_at = Moment()
    seen_at = Moment(allow_null=True)


class RouteOut(serializers.Serializer):
    """The day in order. `up_to_date`: the newest version says what stands now."""

    nurse = serializers.IntegerField(source="nurse.pk")
    on = Day()
    time_zone = serializers.CharField(source="nurse.time_zone")
    published = PublishedOut(allow_null=True)
    up_to_date = serializers.BooleanField()
    leave_home_at = Moment(source="timetable.leave_home_at", allow_null=True)
    home_at = Moment(source="timetable.home_at", allow_null=True)
    drive_minutes = serializers.IntegerField(source="timetable.drive_minutes")
    metres = serializers.IntegerField(source="timetable.metres")
    drives_told = serializers.BooleanField(source="timetable.told")
    stops = RouteStopOut(many=True)
    gone = ChangeOut(many=True)
    cautions = CautionOut(source="timetable.cautions", many=True)


class NurseRoutes(Signed):
    """A nurse reads her own days, the office anybody's."""

    @extend_schema(
        responses=RouteOut, parameters=[OpenApiParameter("on", OpenApiTypes.DATE, OpenApiParameter.PATH)]
    )
    @action(detail=True, methods=["get"], url_path=f"routes/(?P<on>{DAY})", url_name="route")
    def route(self, request: Request, pk: str, on: str) -> Response:
        """The day of the nurse's own zone, to the minute: ids and times, nothing of a chart."""
        nurse: Nurse = self.get_object()
        try:
            day = Day().run_validation(on)
        except ValidationError as wrong:
            raise ValidationError({"on": wrong.detail}) from None
        shown: dict[str, Any] = RouteOut(reading.day_route(request.user, nurse, day)).data
        return Response(shown)
