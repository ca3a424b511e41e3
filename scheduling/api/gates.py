"""What stands in the way of a dose, the drug's way, a lead's permission, and the nurse's go."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from scheduling import selectors
from scheduling.api.bodies import free_text
from scheduling.api.common import Signed
from scheduling.api.fields import Day, Input, Moment
from scheduling.api.idempotency import PARAMETER, idempotent
from scheduling.api.serializers import GateOut, VisitOut
from scheduling.models import GateOverride, PlannedDose, SupplyStep, Visit
from scheduling.services import readiness, starting, supplies


class NextOut(serializers.Serializer):
    """The next step. `verb` is stable, `who` the role that does it."""

    verb = serializers.CharField()
    word = serializers.CharField()
    who = serializers.CharField()


class OverrideOut(serializers.ModelSerializer):
    by = serializers.CharField(source="by.username")
    at = Moment()

    class Meta:
        model = GateOverride
        fields = ["id", "gate", "why", "by", "at"]


class GateInFullOut(GateOut):
    """`bites`: booking, start or never; `power`: absolute, reason, lead or warning; docs/readiness.md tells more."""

    group = serializers.CharField()
    bites = serializers.CharField()
    power = serializers.CharField()
    closed = serializers.BooleanField()
    recorded_by = serializers.CharField()
    recorded_at = Moment(allow_null=True)
    next = NextOut(source="action", allow_null=True)
    override = OverrideOut(allow_null=True)


class GatesOut(serializers.Serializer):
    """Judged for `on`: the day of the visit, else the day the dose is planned for."""

    dose = serializers.IntegerField()
    on = Day()
    gates = GateInFullOut(many=True)


class SupplyIn(Input):
    step = serializers.ChoiceField(SupplyStep.Step.choices)
    on = Day()
    lowest_c = serializers.DecimalField(max_digits=4, decimal_places=1, required=False, allow_null=True)
    highest_c = serializers.DecimalField(max_digits=4, decimal_places=1, required=False, allow_null=True)
    expected_on = Day(required=False, allow_null=True)
    reference = free_text(120)
    note = free_text(500)


class SupplyOut(serializers.ModelSerializer):
    on = Day()
    expected_on = Day(allow_null=True)

    class Meta:
        model = SupplyStep
        fields = ["id", "dose", "step", "on", "lowest_c", "highest_c", "expected_on", "reference", "note"]


class OverrideIn(Input):
    gate = serializers.RegexField(r"^[a-z0-9_]+\Z", max_length=60)
    why = serializers.CharField(max_length=500)


class StartIn(Input):
    """`doorstep` answers the checks of the day by kind: true for all well."""

    identity_checked = serializers.BooleanField()
    doorstep = serializers.DictField(child=serializers.BooleanField(), required=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class DoseGates(Signed):
    """What a dose can be asked about its gates."""

    @extend_schema(responses=GatesOut)
    @action(detail=True, methods=["get"])
    def gates(self, request: Request, pk: str) -> Response:
        """Everything that stands in the way of the dose, met or not."""
        dose: PlannedDose = self.get_object()
        if request.user.role == Role.PATIENT:
            raise PermissionDenied(_("Only the office and nurses may do this."))
        self.wrote_read(dose.prescription.patient, "gates")
        files = readiness.Files.of([dose])
        on = files.day_of(dose)
        shown = {"dose": dose.pk, "on": on, "gates": readiness.gates_for(dose, on, files)}
        return Response(GatesOut(shown).data)

    @extend_schema(request=SupplyIn, responses={201: SupplyOut}, parameters=[PARAMETER])
    @action(detail=True, methods=["post"])
    @idempotent
    def supply(self, request: Request, pk: str) -> Response:
        """One step of the drug's way: ordered, shipped, received, rejected."""
        dose: PlannedDose = self.get_object()
        self.check_office()
        step = supplies.record_step(dose_id=dose.pk, by=request.user, **self.read_input(SupplyIn))
        return Response(SupplyOut(step).data, status=201)

    @extend_schema(request=OverrideIn, responses={201: OverrideOut}, parameters=[PARAMETER])
    @action(detail=True, methods=["post"], url_path="gate-overrides", url_name="gate-overrides")
    @idempotent
    def gate_overrides(self, request: Request, pk: str) -> Response:
        """The clinical lead lets the dose start although this gate is not met."""
        dose: PlannedDose = self.get_object()
        if not selectors.may_override(request.user):
            raise PermissionDenied(_("Only the clinical lead may do this."))
        override = starting.override_gate(dose_id=dose.pk, by=request.user, **self.read_input(OverrideIn))
        return Response(OverrideOut(override).data, status=201)


class VisitStart(Signed):
    """The nurse's go."""

    @extend_schema(request=StartIn, responses=VisitOut)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """The visit is under way; refused with a code for each closed gate. The answers of the day are kept."""
        visit: Visit = self.get_object()
        if not selectors.may_start(request.user, visit):
            raise PermissionDenied(_("Only the office, or the nurse who has the visit, may start it."))
        said: dict[str, Any] = self.read_input(StartIn)
        started = starting.start_visit(visit_id=visit.pk, by=request.user, **said)
        return Response(self.get_serializer(self.get_queryset().get(pk=started.pk)).data)
