"""Links in messages: signed, for one purpose and one person, with an end. Reading one writes nothing.

An address says neither who nor what. Whether a link still opens is asked of its row, of the visit as it is now
and of the clock; a forged one and one that has run out get the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from patients.models import Patient
from scheduling import clock
from scheduling.models import MessageLink, Notice, Visit
from scheduling.rules import cadence, states, tokens
from scheduling.services import events
from scheduling.services.guard import writes

SALT = "scheduling.links"
FEEL_FOR = timedelta(days=3)
Purpose = MessageLink.Purpose
# Which kind of message leads where. "Visit cancelled" and the office's own have no link.
LEADS_TO = {
    Notice.Kind.BOOKED: Purpose.CONFIRM,
    Notice.Kind.MOVED: Purpose.CONFIRM,
    Notice.Kind.CONFIRM: Purpose.CONFIRM,
    Notice.Kind.HEALTH_SCREEN: Purpose.SCREEN,
    Notice.Kind.NEXT_DAY: Purpose.FEEL,
}


def for_notices(notices: Sequence[Notice], *, now: datetime | None = None) -> dict[int, str]:
    """Notice key -> the whole address that goes into it; those without a link are left out.

    Two queries for any number. A message that is tried again keeps its link, also when two workers ask at once.
    Each notice comes with `visit` loaded.
    """
    now = now or timezone.now()
    wanted = [link for link in (_link(notice, now) for notice in notices) if link is not None]
    if not wanted:
        return {}
    MessageLink.objects.bulk_create(wanted, ignore_conflicts=True)
    kept = MessageLink.objects.filter(notice_id__in=[link.notice_id for link in wanted])
    purposes = {link.notice_id: link.purpose for link in wanted}
    return {
        link.notice_id: address(link)
        for link in kept
        if link.notice_id is not None and purposes[link.notice_id] == link.purpose
    }


def _link(notice: Notice, now: datetime) -> MessageLink | None:
    purpose = LEADS_TO.get(Notice.Kind(notice.kind))
    if purpose is None or notice.patient_id is None:
        return None
    if purpose == Purpose.FEEL:
        ends_at = now + FEEL_FOR
    elif notice.visit is None:
        return None
    else:
        ends_at = notice.visit.starts_at
    return MessageLink(
        purpose=purpose,
        patient_id=notice.patient_id,
        visit_id=notice.visit_id,
        visit_version=notice.visit_version,
        call_id=notice.call_id,
        notice=notice,
        expires_at=ends_at,
    )


def address(link: MessageLink) -> str:
    """The whole address of a saved link."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/s/{token_of(link)}/"


def token_of(link: MessageLink) -> str:
    """What the address of a saved link carries."""
    return tokens.write(link.pk, link.purpose, next(_seals()))


def _seals() -> Iterator[tokens.Seal]:
    """The seal of today's secret key, then those of earlier ones that still count."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield partial(_seal, secret)


def _seal(secret: str, front: str) -> bytes:
    return salted_hmac(SALT, front, secret=secret, algorithm="sha256").digest()


def find(token: str) -> MessageLink | None:
    """The row the token names, whatever became of it; None for one that is not ours. No query for a forged one."""
    opened = tokens.read(token, *_seals())
    if opened is None:
        return None
    found = MessageLink.objects.filter(pk=opened.key, purpose=opened.purpose)
    return found.select_related("patient", "visit__nurse", "visit__dose", "call", "notice").first()


def read(token: str, *, now: datetime | None = None) -> MessageLink | None:
    """The link while it opens, with patient, visit, nurse and call; else None."""
    link = find(token)
    return link if link is not None and opens(link, now=now) else None


def opens(link: MessageLink, *, now: datetime | None = None) -> bool:
    """Whether it still does: its end is not reached, and the visit it was sent for stands as it was; nobody says yes
    for a patient who is not at home. How somebody feels may be said from anywhere."""
    if (now or timezone.now()) >= link.expires_at:
        return False
    if link.purpose == Purpose.FEEL:
        return True
    visit = link.visit
    if visit is None or link.patient.status != Patient.Status.ACTIVE:
        return False
    return visit.version == link.visit_version and visit.state in states.OPEN


@writes
def lead_on(link: MessageLink, purpose: str) -> MessageLink:
    """The link for the next step of the same visit, for the person who holds this one; asked for twice it is one."""
    visit = link.visit
    assert visit is not None, "only a link about a visit leads on"
    about = {"visit": visit, "visit_version": link.visit_version, "purpose": purpose}
    rest = {"patient_id": link.patient_id, "expires_at": visit.starts_at}
    if link.notice_id is not None:
        return MessageLink.objects.get_or_create(
            notice_id=link.notice_id, purpose=purpose, defaults=about | rest
        )[0]
    kept = MessageLink.objects.filter(notice=None, patient_id=link.patient_id, **about).first()
    return kept or MessageLink.objects.create(**about, **rest)


@writes
def renew(link: MessageLink, *, now: datetime | None = None) -> Notice | None:
    """Owe the same person a fresh message about their next visit, the way the old one came; None when there is none.

    Once a day, however often it is asked for; consent, quiet hours and caps are checked when it goes.
    """
    now = now or timezone.now()
    if link.notice is None:
        return None
    coming = Visit.objects.filter(patient_id=link.patient_id, state__in=states.OPEN, starts_at__gt=now)
    visit = coming.order_by("starts_at", "pk").first()
    if visit is None:
        return None
    kind = Notice.Kind.CONFIRM if visit.state == "booked" else Notice.Kind.BOOKED
    if kind == Notice.Kind.BOOKED and link.purpose == Purpose.SCREEN:
        kind = Notice.Kind.HEALTH_SCREEN
    today = clock.today_in(visit.time_zone, now)
    notice, new = Notice.objects.get_or_create(
        patient_id=link.patient_id,
        user=None,
        about=f"visit {visit.pk} v{visit.version} again by link {today.isoformat()}",
        kind=kind,
        channel=link.notice.channel,
        defaults={
            "visit": visit,
            "visit_version": visit.version,
            "priority": cadence.PRIORITY[kind],
            "due_at": now,
            "expires_at": visit.starts_at,
        },
    )
    if new:
        events.write("link_renewed", by=None, role="patient", patient=link.patient_id, subject=notice)
    return notice


def used(link: MessageLink, *, now: datetime | None = None) -> bool:
    """Remember when it was pressed first, and say whether this was it. It keeps opening, and shows what was said."""
    fresh = MessageLink.objects.filter(pk=link.pk, used_at__isnull=True)
    return bool(fresh.update(used_at=now or timezone.now()))
