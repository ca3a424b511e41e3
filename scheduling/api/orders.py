"""Prescriptions, their doses, and the rules by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from patients.models import Patient, Prescription
from scheduling import selectors
from scheduling.api import bodies, calendars
from scheduling.api import serializers as shapes
from scheduling.api.common import Readable, Signed
from scheduling.api.effects import EffectsOut, apart, or_effects, settle
from scheduling.api.gates import DoseGates
from scheduling.api.idempotency import PARAMETER, idempotent
from scheduling.api.times import DoseTimes
from scheduling.models import PlannedDose, Visit
from scheduling.regimens import catalogue
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Refused
from scheduling.services import doses, prescribing, records

MOST_CASES = 200
RUNNING = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)


class PrescriptionViewSet(Readable):
    """The orders of the patients this user may see."""

    serializer_class = shapes.PrescriptionOut
    filters = bodies.PrescriptionFilters
    office_actions = frozenset({"create", "preview"})

    def get_queryset(self) -> QuerySet[Prescription]:
        return selectors.prescriptions_for(self.request.user)

    def filtered(self, rows: QuerySet[Prescription]) -> QuerySet[Prescription]:
        asked = self.read_filters()
        if "patient" not in asked:
            return rows
        if patient := selectors.patients_for(self.request.user).filter(pk=asked["patient"]).first():
            self.wrote_read(patient, "prescriptions")  # one patient's orders are their chart
        return rows.filter(patient_id=asked["patient"])

    @extend_schema(parameters=[bodies.PrescriptionFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=shapes.PrescriptionInFullOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        prescription = self.get_object()
        self.wrote_read(prescription.patient, "prescription")
        return self._in_full(prescription)

    @extend_schema(
        request=bodies.PrescriptionIn, responses={201: shapes.PrescriptionInFullOut}, parameters=[PARAMETER]
    )
    @idempotent
    def create(self, request: Request) -> Response:
        asked = self._asked()
        wish = asked.wish()
        with _fields_as_sent([dose.number for dose in wish.given]):
            prescription = prescribing.prescribe(
                patient_id=asked.validated_data["patient"].pk, wish=wish, by=request.user
            )
        return self._in_full(prescription, status=201)

    @extend_schema(request=bodies.PrescriptionIn, responses=shapes.CalendarOut)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """The calendar such an order would have; nothing is written."""
        asked = self._asked()
        wish = asked.wish()
        with _fields_as_sent([dose.number for dose in wish.given]):
            calendar = prescribing.preview(asked.validated_data["patient"], wish)
        return Response(shapes.CalendarOut(calendars.of_preview(calendar)).data)

    @extend_schema(request=bodies.AmendIn, responses=or_effects(shapes.PrescriptionInFullOut))
    @action(detail=True, methods=["post"])
    def amend(self, request: Request, pk: str) -> Response:
        """Change terms of a running order; the old terms stay on file."""
        order, said, asked = self._to_change(bodies.AmendIn)
        about = {name: said.pop(name) for name in ("why", "version") if name in said}
        change = partial(prescribing.amend, prescription_id=order.pk, changes=said, by=request.user, **about)
        return self._settled(order, change, asked)

    @extend_schema(request=bodies.HoldIn, responses=or_effects(shapes.PrescriptionInFullOut))
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """No dosing from a day on, until another day or until somebody knows."""
        order, said, asked = self._to_change(bodies.HoldIn)
        said = {"clears_on": None, **said}
        return self._settled(
            order, partial(prescribing.hold, prescription_id=order.pk, by=request.user, **said), asked
        )

    @extend_schema(request=bodies.ClearHoldIn, responses=or_effects(shapes.PrescriptionInFullOut))
    @action(detail=True, methods=["post"], url_path="clear-hold")
    def clear_hold(self, request: Request, pk: str) -> Response:
        """Enter the day dosing is allowed again."""
        order, said, asked = self._to_change(bodies.ClearHoldIn)
        hold = said.pop("hold")
        if hold.prescription_id != order.pk:
            raise BadInput("This hold is on another order.", field="hold")
        return self._settled(
            order, partial(prescribing.clear_hold, hold_id=hold.pk, by=request.user, **said), asked
        )

    @extend_schema(request=bodies.StopIn, responses=or_effects(shapes.PrescriptionInFullOut))
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Discontinue the drug. Booked visits are flagged, not cancelled."""
        order, said, asked = self._to_change(bodies.StopIn)
        return self._settled(
            order, partial(prescribing.stop, prescription_id=order.pk, by=request.user, **said), asked
        )

    def _settled(self, order: Prescription, change: Callable[[], Any], asked: dict[str, Any]) -> Response:
        """The order in full once it is changed, or what the change would do."""
        if asked.get("rehearse"):
            self.wrote_read(order.patient, "before and after")
        with _fields_as_sent():
            return settle(
                change,
                patient_id=order.patient_id,
                asked=asked,
                answer=lambda _done: self._in_full(self.get_object()),
            )

    def _asked(self) -> bodies.PrescriptionIn:
        asked = bodies.PrescriptionIn(data=self.request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        return asked

    def _to_change(
        self, kind: type[bodies.Rehearsable]
    ) -> tuple[Prescription, dict[str, Any], dict[str, Any]]:
        """404 for what may not be seen, then 403, then 400. Besides the order: what is said, and what is asked."""
        prescription: Prescription = self.get_object()
        self.check_office()
        return prescription, *apart(self.read_input(kind))

    def _in_full(self, prescription: Prescription, status: int = 200) -> Response:
        regimen = doses.regimen_of(prescription)
        prescription.regimen_name = regimen.display_name
        prescription.regimen_verified = (
            {"by": regimen.verified_by, "on": regimen.verified_on} if regimen.verified_by else None
        )
        prescription.standing_holds = prescription.holds.filter(withdrawn_at__isnull=True)
        prescription.calendar = calendars.of_prescription(prescription)
        return Response(shapes.PrescriptionInFullOut(prescription).data, status=status)


class DoseViewSet(DoseGates, DoseTimes, Readable):
    """The doses of the patients this user may see; those that fell away are not listed."""

    serializer_class = shapes.DoseOut
    filters = bodies.DoseFilters

    def get_queryset(self) -> QuerySet[PlannedDose]:
        live = Visit.objects.filter(
            state__in=states.HOLDING, pk__in=selectors.visits_for(self.request.user).values("pk")
        )
        rows = selectors.doses_for(self.request.user)
        return rows.prefetch_related(Prefetch("visits", queryset=live, to_attr="live_visits"))

    def filtered(self, rows: QuerySet[PlannedDose]) -> QuerySet[PlannedDose]:
        asked = self.read_filters()
        rows = rows.exclude(state=PlannedDose.State.CANCELLED)
        if "prescription" in asked:
            rows = rows.filter(prescription_id=asked["prescription"])
            if (
                order := selectors.prescriptions_for(self.request.user)
                .filter(pk=asked["prescription"])
                .first()
            ):
                self.wrote_read(order.patient, "doses")
        if "due_before" in asked:
            rows = rows.filter(due_on__lt=asked["due_before"])
        if "needs_booking" in asked:
            rows = rows.alias(waiting=Exists(_waiting())).filter(waiting=asked["needs_booking"])
        return rows.order_by("due_on", "pk")

    @extend_schema(parameters=[bodies.DoseFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=shapes.DoseInFullOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        dose = self.get_object()
        self.wrote_read(dose.prescription.patient, "dose")
        shown = shapes.DoseInFullOut(calendars.dose_today(dose), context=self.get_serializer_context())
        return Response(shown.data)

    @extend_schema(
        request=bodies.RecordIn,
        responses={201: shapes.RecordOut, 200: EffectsOut},
        parameters=[PARAMETER],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def record(self, request: Request, pk: str) -> Response:
        """The dose was given. The rest of the calendar moves by what really happened."""
        dose: PlannedDose = self.get_object()
        if not selectors.may_record(request.user, dose):
            raise PermissionDenied(
                _("Only the office, or the nurse who has the visit, may record this dose.")
            )
        said, asked = apart(self.read_input(bodies.RecordIn))
        if asked.get("rehearse"):
            self.wrote_read(dose.prescription.patient, "before and after")
        with _history_beside("given_on"):
            return settle(
                partial(records.record_given, dose_id=dose.pk, by=request.user, **said),
                patient_id=dose.prescription.patient_id,
                asked=asked,
                answer=lambda record: Response(shapes.RecordOut(record).data, status=201),
            )


class DosingViewSet(Signed):
    """The rules by themselves: no patient, nothing stored."""

    takes_lists = True

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.user.role == Role.PATIENT:
            raise PermissionDenied(_("Only the office and nurses may do this."))

    @extend_schema(request=OpenApiTypes.ANY, responses=OpenApiTypes.ANY)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """One case, or a list of cases, as `manage.py plan_doses` reads them; the answer as it writes them."""
        if not isinstance(request.data, list):
            return Response(catalogue.run_case(request.data))
        if len(request.data) > MOST_CASES:
            raise ParseError(_("Send at most 200 cases at a time."))
        return Response([_case(case, index) for index, case in enumerate(request.data)])


def _case(case: object, index: int) -> dict[str, Any]:
    try:
        return catalogue.run_case(case)
    except BadInput as bad:
        bad.field = f"[{index}].{bad.field}" if bad.field else f"[{index}]"
        raise


def _waiting() -> QuerySet[PlannedDose]:
    """Doses that want a visit: planned, of a running order of a patient at home, none booked, and a drug for homes."""
    never_home = [
        regimen.id
        for regimen in catalogue.all_current().values()
        if "SITE_NOT_HOME" in regimen.site_of_care.flags
    ]
    booked = Visit.objects.filter(dose=OuterRef("pk"), state__in=states.HOLDING)
    return (
        PlannedDose.objects.filter(pk=OuterRef("pk"), state=PlannedDose.State.PLANNED)
        .filter(prescription__status__in=RUNNING, prescription__patient__status=Patient.Status.ACTIVE)
        .exclude(prescription__regimen_id__in=never_home)
        .exclude(Exists(booked))
    )


OWN_NAMES = {"start_date": "start_on", "date": "on", "dose_number": "number"}


@contextmanager
def _fields_as_sent(numbers: Sequence[int] = ()) -> Iterator[None]:
    """Name the field of a refusal as the body does: the rules sort the doses given and have names of their own."""
    try:
        yield
    except Refused as no:
        no.field = _as_sent(no.field, numbers)
        raise


def _as_sent(field: str, numbers: Sequence[int]) -> str:
    if found := re.fullmatch(r"given-(\d+)-(\w+)", field):
        return f"given[{found[1]}].{found[2]}"
    if found := re.fullmatch(r"history\[(\d+)\]\.(\w+)", field):
        by_number = sorted(range(len(numbers)), key=lambda index: numbers[index])
        index = int(found[1])
        sent = by_number[index] if index < len(by_number) else index
        return f"given[{sent}].{OWN_NAMES.get(found[2], found[2])}"
    if field.startswith("holds["):
        return "clears_on" if field.endswith("clear_date") else "starts_on"
    return OWN_NAMES.get(field, field)


@contextmanager
def _history_beside(name: str) -> Iterator[None]:
    try:
        yield
    except Refused as no:
        if no.field.startswith("history["):
            no.field = name
        raise
