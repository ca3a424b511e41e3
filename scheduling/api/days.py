"""A day as programs read it: a nurse's stops, or the branch's."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from nurses.models import Nurse
from scheduling import selectors
from scheduling.api.common import Signed
from scheduling.api.fields import Day, Input, Moment
from scheduling.readings import day_rows

written = Moment().to_representation


class DayFilters(Input):
    """Which day, and whose; the office may leave the nurse out for the whole branch."""

    on = Day()
    nurse = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class StopOut(serializers.Serializer):
    """One visit of the day: ids and times, nothing of a chart."""

    id = serializers.IntegerField()
    nurse = serializers.IntegerField()
    patient = serializers.IntegerField()
    kind = serializers.CharField()
    dose = serializers.IntegerField(allow_null=True)
    dose_number = serializers.IntegerField(allow_null=True)
    planned_check = serializers.IntegerField(allow_null=True)
    starts_at = Moment()
    ends_at = Moment()
    time_zone = serializers.CharField()
    preparation_minutes = serializers.IntegerField()
    infusion_minutes = serializers.IntegerField()
    observation_minutes = serializers.IntegerField()
    wrap_up_minutes = serializers.IntegerField()
    state = serializers.CharField()
    version = serializers.IntegerField()
    attention_code = serializers.CharField()


class DayOut(serializers.Serializer):
    """A day in order: by nurse, then by start."""

    on = Day()
    nurse = serializers.IntegerField(allow_null=True)
    visits = StopOut(many=True)


class DayViewSet(Signed):
    """One answer a day, without pages: it is as long as the day is."""

    serializer_class = DayOut
    filters = DayFilters

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.user.role == Role.PATIENT:
            raise PermissionDenied(_("Only the office and nurses may do this."))

    @extend_schema(parameters=[DayFilters], responses=DayOut)
    def day(self, request: Request) -> Response:
        """A nurse reads her own day, the office anybody's; 404 for a nurse one may not see."""
        asked = self.read_filters()
        nurse = self._nurse(asked.get("nurse"))
        rows = day_rows.of_day(request.user, asked["on"], nurse)
        for row in rows:
            row["starts_at"], row["ends_at"] = written(row["starts_at"]), written(row["ends_at"])
        return Response({"on": asked["on"].isoformat(), "nurse": nurse and nurse.pk, "visits": rows})

    def _nurse(self, wanted: int | None) -> Nurse | None:
        if wanted is None and selectors.may_write(self.request.user):
            return None
        team = selectors.nurses_for(self.request.user)
        nurse = team.filter(pk=wanted).first() if wanted is not None else team.first()
        if nurse is None:
            raise Http404(_("There is no such nurse."))
        return nurse
