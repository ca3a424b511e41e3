"""Patients, nurses, papers and visits. Reads come from the selectors, writes go to the services the pages use."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import DateField, F, Func, QuerySet
from django.db.models.functions import Cast
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nurses.models import Nurse
from patients.models import Patient
from scheduling import selectors
from scheduling.api import bodies
from scheduling.api import serializers as shapes
from scheduling.api.common import Readable, Signed
from scheduling.api.gates import VisitStart
from scheduling.api.idempotency import PARAMETER, idempotent
from scheduling.api.outcomes import VisitOutcomes
from scheduling.api.routes import NurseRoutes
from scheduling.api.times import CourseBooking, alternatives
from scheduling.models import Visit
from scheduling.readings.search import find_patients
from scheduling.services import booking, duplicates, travel
from scheduling.services import patients as patient_services


class PatientViewSet(Readable):
    """The patients this user may see."""

    serializer_class = shapes.PatientOut
    filters = bodies.PatientFilters
    office_actions = frozenset({"create"})

    def get_queryset(self) -> QuerySet[Patient]:
        return selectors.patients_for(self.request.user)

    def filtered(self, rows: QuerySet[Patient]) -> QuerySet[Patient]:
        return rows.filter(**self.read_filters())

    @extend_schema(parameters=[bodies.PatientFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=shapes.ChartOut)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        patient = self.get_object()
        self.wrote_read(patient, "patient")
        return Response(shapes.ChartOut(patient, context=self.get_serializer_context()).data)

    @extend_schema(request=bodies.PatientIn, responses={201: shapes.ChartOut}, parameters=[PARAMETER])
    @idempotent
    def create(self, request: Request) -> Response:
        """Somebody who may be on file already answers LIKELY_DUPLICATE; `different` says why it is another person."""
        patient = duplicates.add_patient(by=request.user, **self.read_input(bodies.PatientIn))
        return Response(shapes.ChartOut(patient, context=self.get_serializer_context()).data, status=201)

    @extend_schema(request=bodies.SearchIn, responses=shapes.PatientOut(many=True))
    @action(detail=False, methods=["post"])
    def search(self, request: Request) -> Response:
        """By what the search of the pages reads: names, an MRN, digits of a phone number, a date of birth."""
        q = self.read_input(bodies.SearchIn)["q"]
        return self.paged(find_patients(request.user, q))


class NurseViewSet(NurseRoutes, Readable):
    """The nurses: all for the office, a nurse herself."""

    serializer_class = shapes.NurseOut

    def get_queryset(self) -> QuerySet[Nurse]:
        return selectors.nurses_for(self.request.user).prefetch_related("licences", "competencies")


class EvidenceViewSet(Signed):
    """Papers on file: lab results, vaccinations, authorizations."""

    serializer_class = shapes.EvidenceOut
    office_actions = frozenset({"create"})

    @extend_schema(request=bodies.EvidenceIn, responses={201: shapes.EvidenceOut}, parameters=[PARAMETER])
    @idempotent
    def create(self, request: Request) -> Response:
        said = self.read_input(bodies.EvidenceIn)
        patient, prescription = said.pop("patient"), said.pop("prescription", None)
        paper = patient_services.record_evidence(
            patient_id=patient.pk, prescription_id=prescription and prescription.pk, by=request.user, **said
        )
        return Response(shapes.EvidenceOut(paper).data, status=201)


class VisitViewSet(VisitStart, VisitOutcomes, CourseBooking, Readable):
    """Visits: the office sees all, nurses and patients their own."""

    serializer_class = shapes.VisitOut
    filters = bodies.VisitFilters
    office_actions = frozenset({"create", "course"})

    def get_queryset(self) -> QuerySet[Visit]:
        return selectors.visits_for(self.request.user)

    def filtered(self, rows: QuerySet[Visit]) -> QuerySet[Visit]:
        asked = self.read_filters()
        if "nurse" in asked:
            rows = rows.filter(nurse_id=asked["nurse"])
        on = Cast(Func(F("time_zone"), F("starts_at"), function="timezone"), DateField())
        rows = rows.alias(on=on)
        # The wide limits are for the index; the day itself is that of each home.
        if "from" in asked:
            rows = rows.filter(starts_at__gte=_midnight(asked["from"], -1), on__gte=asked["from"])
        if "to" in asked:
            rows = rows.filter(starts_at__lt=_midnight(asked["to"], 2), on__lte=asked["to"])
        return rows.order_by("starts_at", "pk")

    @extend_schema(parameters=[bodies.VisitFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        visit = self.get_object()
        self.wrote_read(visit.patient, "visit")
        return Response(self.get_serializer(visit).data)

    @extend_schema(request=bodies.BookIn, responses={201: shapes.VisitOut}, parameters=[PARAMETER])
    def create(self, request: Request) -> Response:
        if travel.on():  # before the key's transaction begins: nobody waits for a network inside one
            said = self.read_input(bodies.BookIn)
            home = said["dose"].prescription.patient.place
            travel.warm_visit(home, [said["nurse"].pk], said["starts_at"])
        return self._create(request)

    @idempotent
    def _create(self, request: Request) -> Response:
        said = self.read_input(bodies.BookIn)
        dose, nurse = said.pop("dose"), said.pop("nurse")
        with alternatives(dose, said["starts_at"], nurse.pk):
            visit = booking.book_visit(dose_id=dose.pk, nurse_id=nurse.pk, by=request.user, **said)
        return Response(self.get_serializer(visit).data, status=201)

    @extend_schema(request=bodies.MoveIn, responses={201: shapes.VisitOut})
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: str) -> Response:
        """Another nurse or time. The old visit becomes `moved`; the answer is the new one."""
        old: Visit = self.get_object()
        self.check_office()
        said = self.read_input(bodies.MoveIn)
        nurse = said.pop("nurse", None)
        nurse_id = nurse.pk if nurse else old.nurse_id
        starts_at = said.pop("starts_at", old.starts_at)
        travel.warm_visit(old.patient.place, [nurse_id], starts_at)
        with alternatives(old.dose, starts_at, nurse_id, moving=old):
            visit = booking.move_visit(
                visit_id=old.pk, nurse_id=nurse_id, starts_at=starts_at, by=request.user, **said
            )
        return Response(self.get_serializer(visit).data, status=201)

    @extend_schema(request=bodies.CancelIn, responses=shapes.VisitOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """The dose needs booking again."""
        old: Visit = self.get_object()
        self.check_office()
        visit = booking.cancel_visit(visit_id=old.pk, by=request.user, **self.read_input(bodies.CancelIn))
        return Response(self.get_serializer(visit).data)


def _midnight(day: Any, days_later: int) -> datetime:
    return datetime.combine(day + timedelta(days=days_later), time(0), UTC)
