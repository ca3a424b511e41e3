"""Reads: querysets already cut down to what this user may see. The one place that decides it.

Office roles (coordinator, clinical lead, administrator) see everything of the agency; a nurse the
patients they visit, from 14 days before a visit to 14 days after it; a patient their own data. What
is not in a queryset does not exist for that user: views answer 404, never 403, so that ids tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Role, User
from nurses.models import Nurse
from patients.models import Evidence, Hold, Patient, Prescription
from scheduling.models import (
    Alert,
    CalendarFeed,
    Call,
    DoseRecord,
    Event,
    Notice,
    PinnedPair,
    PlannedCheck,
    PlannedDose,
    Reply,
    RouteVersion,
    Visit,
    WeekPlan,
)
from scheduling.rules import states

NURSE_SEES = timedelta(days=14)  # product invariant 8
NURSE_STATES = sorted(states.HOLDING | {"missed"})

Viewer = User | AnonymousUser


def patients_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[Patient]:
    """Patients the user may read."""
    found = Patient.objects.filter(_whose(user, "", now))
    # Only a nurse's way leads over visits, which repeat a patient.
    return found.distinct() if user.is_authenticated and user.role == Role.NURSE else found


def prescriptions_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[Prescription]:
    """Prescriptions of patients the user may read."""
    return Prescription.objects.filter(_of_patient(user, "patient", now)).select_related("patient")


def doses_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[PlannedDose]:
    """Doses of patients the user may read."""
    return PlannedDose.objects.filter(_of_patient(user, "prescription__patient", now)).select_related(
        "prescription__patient"
    )


def evidence_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[Evidence]:
    """Papers of patients the user may read."""
    return Evidence.objects.filter(_of_patient(user, "patient", now)).select_related("patient")


def holds_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[Hold]:
    """Holds on prescriptions the user may read."""
    return Hold.objects.filter(_of_patient(user, "prescription__patient", now)).select_related(
        "prescription__patient"
    )


def records_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[DoseRecord]:
    """Dose records of patients the user may read."""
    return DoseRecord.objects.filter(_of_patient(user, "dose__prescription__patient", now))


def checks_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[PlannedCheck]:
    """Lab draws and wellness checks that fall due, of patients the user may read."""
    return PlannedCheck.objects.filter(_of_patient(user, "patient", now)).select_related("patient")


def visits_for(user: Viewer, *, now: datetime | None = None) -> QuerySet[Visit]:
    """Visits the user may read: the office all, a patient their own, a nurse their own 14 days around now
    while they hold or held a time (one that was cancelled or moved away is not theirs any more)."""
    visits = Visit.objects.select_related("patient", "nurse", "dose__prescription")
    if not user.is_authenticated or not user.is_active:
        return visits.none()
    if user.is_office:
        return visits
    if user.role == Role.NURSE:
        now = now or timezone.now()
        return visits.filter(
            nurse__user=user,
            state__in=NURSE_STATES,
            starts_at__gte=now - NURSE_SEES,
            starts_at__lte=now + NURSE_SEES,
        )
    return visits.filter(patient__user=user) if user.role == Role.PATIENT else visits.none()


def nurses_for(user: Viewer) -> QuerySet[Nurse]:
    """Nurses the user may read: the office all, a nurse themselves; patients see first names on visits only."""
    if not user.is_authenticated or not user.is_active:
        return Nurse.objects.none()
    if user.is_office:
        return Nurse.objects.all()
    return Nurse.objects.filter(user=user) if user.role == Role.NURSE else Nurse.objects.none()


def notices_for(user: Viewer) -> QuerySet[Notice]:
    """Messages: the office all, a patient their own."""
    notices = Notice.objects.select_related("patient", "visit")
    if not user.is_authenticated or not user.is_active:
        return notices.none()
    if user.is_office:
        return notices
    return notices.filter(patient__user=user) if user.role == Role.PATIENT else notices.none()


def replies_for(user: Viewer) -> QuerySet[Reply]:
    """Answers that came in, those of unknown senders too: the office all, a patient their own."""
    replies = Reply.objects.select_related("patient", "visit", "notice")
    if not user.is_authenticated or not user.is_active:
        return replies.none()
    if user.is_office:
        return replies
    return replies.filter(patient__user=user) if user.role == Role.PATIENT else replies.none()


def calls_for(user: Viewer) -> QuerySet[Call]:
    """Follow-up calls: the office alone."""
    return Call.objects.all() if may_write(user) else Call.objects.none()


def alerts_for(user: Viewer) -> QuerySet[Alert]:
    """What a person must look at now: the office alone."""
    return Alert.objects.select_related("patient") if may_write(user) else Alert.objects.none()


def plans_for(user: Viewer) -> QuerySet[WeekPlan]:
    """Plans somebody asked for: the office alone."""
    return WeekPlan.objects.select_related("requested_by") if may_write(user) else WeekPlan.objects.none()


def routes_for(user: Viewer) -> QuerySet[RouteVersion]:
    """Published routes: the office all, a nurse their own."""
    return RouteVersion.objects.filter(nurse__in=nurses_for(user))


def feeds_for(user: Viewer) -> QuerySet[CalendarFeed]:
    """Calendar feeds: the nurse's own alone; nobody else is to know that there is one."""
    if user.is_authenticated and user.role == Role.NURSE:
        return CalendarFeed.objects.filter(nurse__in=nurses_for(user))
    return CalendarFeed.objects.none()


def events_for(user: Viewer) -> QuerySet[Event]:
    """The audit trail: clinical lead and administrator only."""
    if user.is_authenticated and user.is_active and user.role in {Role.LEAD, Role.ADMIN}:
        return Event.objects.select_related("actor", "patient")
    return Event.objects.none()


def pairs_for(user: Viewer) -> QuerySet[PinnedPair]:
    """Nurses a patient always or never has, also those taken back: the office alone."""
    pairs = PinnedPair.objects.select_related("patient", "nurse", "set_by")
    return pairs if may_write(user) else pairs.none()


def may_write(user: Viewer) -> bool:
    """Whether the user may prescribe, book, move, cancel and record for any patient."""
    return bool(user.is_authenticated and user.is_office)


def may_record(user: Viewer, dose: PlannedDose) -> bool:
    """The office, or the nurse who has a visit for this dose."""
    if may_write(user):
        return True
    return bool(
        user.is_authenticated
        and user.role == Role.NURSE
        and dose.visits.filter(nurse__user=user, state__in=states.HOLDING).exists()
    )


def may_start(user: Viewer, visit: Visit) -> bool:
    """The office, or the nurse whose visit it is."""
    if may_write(user):
        return True
    return bool(user.is_authenticated and user.role == Role.NURSE and visit.nurse.user_id == user.pk)


def may_override(user: Viewer) -> bool:
    """Whether the user may let a dose start although a gate is not met: the clinical lead alone."""
    return bool(user.is_authenticated and user.is_active and user.role == Role.LEAD)


View = Callable[..., HttpResponse]


def only(*roles: str) -> Callable[[View], View]:
    """A page for some roles: others get "not found", people who are not signed in get the sign-in page."""

    def decorate(view: View) -> View:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if request.user.role not in roles:
                raise Http404
            return view(request, *args, **kwargs)

        guarded.roles = frozenset(roles)  # type: ignore[attr-defined]  # read by the stranger tests
        return guarded

    return decorate


OFFICE = (Role.COORDINATOR, Role.LEAD, Role.ADMIN)
office_only = only(*OFFICE)
nurse_only = only(Role.NURSE)
patient_only = only(Role.PATIENT)
anyone_signed_in = only(*Role.values)


def _whose(user: Viewer, prefix: str, now: datetime | None) -> Q:
    """Which patients, as a condition on a query over Patient (`prefix` "") or something that has one."""
    if not user.is_authenticated or not user.is_active:
        return Q(pk__in=[])
    if user.is_office:
        return Q()
    if user.role == Role.PATIENT:
        return Q(**{f"{prefix}user": user})
    if user.role == Role.NURSE:
        now = now or timezone.now()
        return Q(
            **{
                f"{prefix}visits__nurse__user": user,
                f"{prefix}visits__state__in": NURSE_STATES,
                f"{prefix}visits__starts_at__gte": now - NURSE_SEES,
                f"{prefix}visits__starts_at__lte": now + NURSE_SEES,
            }
        )
    return Q(pk__in=[])


def _of_patient(user: Viewer, path: str, now: datetime | None) -> Q:
    """The same for rows that belong to a patient; a subquery keeps joins from repeating rows."""
    if user.is_authenticated and user.is_active and user.is_office:
        return Q()
    return Q(**{f"{path}__in": patients_for(user, now=now)})
