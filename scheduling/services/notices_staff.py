"""What the people of the agency must hear in time: visits nobody has confirmed, papers that run out."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import Role, User
from nurses.models import Licence
from patients.models import Evidence, Patient
from scheduling import clock
from scheduling.models import Alert, Notice, Visit
from scheduling.rules import cadence
from scheduling.services import alerts, notices, policy
from scheduling.services.gate_files import AUTHORIZATION

AHEAD = (60, 30)  # days before a paper runs out
LONGEST_LEAD = timedelta(days=14)


def keep_up(now: datetime | None = None) -> int:
    """Owe what has become due since; running it again owes nothing twice. Returns how many new rows."""
    now = now or timezone.now()
    before = Notice.objects.filter(user__isnull=False).count()
    escalate_unconfirmed(now)
    warn_of_papers(now)
    return Notice.objects.filter(user__isnull=False).count() - before


def escalate_unconfirmed(now: datetime) -> int:
    """Put booked visits nobody has confirmed before the office, from the set time of the set day before on.

    Whoever booked the visit hears of it while they are a coordinator here, else all coordinators do.
    Returns how many visits.
    """
    timing = policy.current().timings["unconfirmed"]
    if not timing.on:
        return 0
    visits = Visit.objects.filter(
        state="booked",
        starts_at__gt=now,
        starts_at__lt=now + LONGEST_LEAD,
        patient__status=Patient.Status.ACTIVE,
    )
    known = Alert.objects.filter(kind=Alert.Kind.UNCONFIRMED, visit=OuterRef("pk"))
    found = 0
    for visit in visits.filter(~Exists(known)).select_related("patient", "booked_by"):
        day = clock.local_day(visit.starts_at, visit.time_zone) - timedelta(days=timing.days)
        if cadence.wall(day, timing.at, ZoneInfo(visit.time_zone)) > now:
            continue
        about = notices.about_visit(visit)
        alerts.raise_alert(
            "unconfirmed",
            patient=visit.patient,
            about=about,
            sentence="Nobody has said yes to this visit yet.",
            visit=visit,
            now=now,
        )
        notices.tell_staff(
            "unconfirmed",
            users=_who_booked(visit),
            about=about,
            visit=visit,
            now=now,
            expires_at=visit.starts_at,
        )
        found += 1
    return found


def settled(visit: Visit, why: str, now: datetime) -> int:
    """The visit is confirmed, moved or over: nobody need ask for a yes any more. Returns how many alerts closed."""
    open_ones = Alert.objects.filter(kind=Alert.Kind.UNCONFIRMED, visit=visit, handled_at__isnull=True)
    return open_ones.update(handled_at=now, handled_note=why[:500])


def _who_booked(visit: Visit) -> list[User]:
    booked = visit.booked_by
    if booked is not None and booked.is_active and booked.role == Role.COORDINATOR:
        return [booked]
    return list(User.objects.filter(role=Role.COORDINATOR, is_active=True).order_by("pk"))


def warn_of_papers(now: datetime) -> int:
    """Tell coordinators and the administrator of licences and authorizations that run out. Returns how many papers."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    papers = [*_licences(today), *_authorizations(today)]
    if not papers:
        return 0
    people = list(User.objects.filter(role__in=(Role.COORDINATOR, Role.ADMIN), is_active=True).order_by("pk"))
    for name, ends_on in papers:
        ahead = min(days for days in AHEAD if ends_on <= today + timedelta(days=days))
        notices.tell_staff(
            "paper_expiry",
            users=people,
            about=f"{name} {ends_on.isoformat()} at {ahead} days",
            now=now,
            expires_at=datetime.combine(ends_on, time(), ZoneInfo(settings.AGENCY_TIME_ZONE))
            + timedelta(days=1),
        )
    return len(papers)


def _licences(today: date) -> list[tuple[str, date]]:
    """Licences of working nurses that end within the longest lead and have no successor in the same state."""
    later = Licence.objects.filter(
        nurse=OuterRef("nurse"), state=OuterRef("state"), expires_on__gt=OuterRef("expires_on")
    )
    rows = Licence.objects.filter(
        nurse__active=True, expires_on__gte=today, expires_on__lte=today + timedelta(days=max(AHEAD))
    ).filter(~Exists(later))
    return [(f"licence {key}", on) for key, on in rows.values_list("pk", "expires_on")]


def _authorizations(today: date) -> list[tuple[str, date]]:
    """Payers' authorizations that end within the longest lead and have no newer one for the same order."""
    later = Evidence.objects.filter(
        Q(prescription=OuterRef("prescription")) | Q(prescription__isnull=True),
        patient=OuterRef("patient"),
        kind=AUTHORIZATION,
        withdrawn_at__isnull=True,
        valid_until_on__gt=OuterRef("valid_until_on"),
    )
    rows = Evidence.objects.filter(
        kind=AUTHORIZATION,
        withdrawn_at__isnull=True,
        clear=True,
        patient__status=Patient.Status.ACTIVE,
        valid_until_on__gte=today,
        valid_until_on__lte=today + timedelta(days=max(AHEAD)),
    ).filter(~Exists(later))
    return [(f"authorization {key}", on) for key, on in rows.values_list("pk", "valid_until_on") if on]
