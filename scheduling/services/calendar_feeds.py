"""A nurse's own calendar feed: its secret address, made once and shown once, and what is read there."""

from __future__ import annotations

import hashlib
import logging
import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from scheduling.models import CalendarFeed, Visit
from scheduling.rules import calendar_feed
from scheduling.rules.calendar_feed import Event
from scheduling.services import chains, events
from scheduling.services.guard import writes
from scheduling.services.routes import ON_THE_ROUTE

TOKEN_BYTES = 24  # 192 bits
LONGEST = 64  # characters of a token; more is none of ours
SHOWN = timedelta(days=14)  # a nurse sees visits from 14 days before to 14 days after
KEPT = timedelta(days=14)  # so long a cancelled visit stays in the feed, that every calendar hears of it
READ_EVERY = timedelta(minutes=15)  # how exact `read_at` is
MOST_READS, FORGOTTEN_AFTER = 30, 10 * 60  # of one feed, in so many seconds

log = logging.getLogger(__name__)


@writes
def make(*, by: User, now: datetime | None = None) -> str:
    """A new address for the signed-in nurse; returns its token, which is nowhere else. The one before ends.

    Locks the nurse. Raises Nurse.DoesNotExist for a sign-in without a nurse.
    """
    now = now or timezone.now()
    nurse = Nurse.objects.select_for_update(no_key=True).get(user=by)
    _end(nurse, by, now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    feed = CalendarFeed.objects.create(nurse=nurse, digest=_digest(token), made_at=now, made_by=by)
    events.write("calendar_feed_made", by=by, subject=feed, nurse=nurse.pk)
    return token


@writes
def revoke(*, by: User, now: datetime | None = None) -> bool:
    """The address of the signed-in nurse opens nothing any more; whether there was one. Twice changes nothing."""
    nurse = Nurse.objects.select_for_update(no_key=True).get(user=by)
    return _end(nurse, by, now or timezone.now())


def _end(nurse: Nurse, by: User, now: datetime) -> bool:
    standing = CalendarFeed.objects.filter(nurse=nurse, revoked_at__isnull=True)
    feed = standing.first()
    if feed is None:
        return False
    standing.update(revoked_at=now)
    events.write("calendar_feed_revoked", by=by, subject=feed, nurse=nurse.pk)
    return True


def find(token: str, *, now: datetime | None = None) -> CalendarFeed | None:
    """The feed behind the address; None for one that is unknown, taken back, or of somebody who left."""
    if not token.isascii() or len(token) > LONGEST:
        return None
    feed = (
        CalendarFeed.objects.select_related("nurse")
        .filter(
            digest=_digest(token), revoked_at__isnull=True, nurse__active=True, nurse__user__is_active=True
        )
        .first()
    )
    if feed is None:
        return None
    now = now or timezone.now()
    if feed.read_at is None or now - feed.read_at >= READ_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(read_at=now)
    return feed


def too_many(feed: CalendarFeed) -> bool:
    """Counts one read; whether there were too many of late. False when the cache is out of reach."""
    key = f"calendar-feed:{feed.pk}"
    try:
        cache.add(key, 0, timeout=FORGOTTEN_AFTER)
        with suppress(ValueError):  # it ran out between the two: the next read starts a new count
            return int(cache.incr(key)) > MOST_READS
    except Exception as error:  # each kind of cache has errors of its own
        log.error("reads of calendar feeds cannot be counted: %s", type(error).__name__)
    return False


def text_of(feed: CalendarFeed, *, now: datetime | None = None) -> bytes:
    """The nurse's visits as a calendar: those she may see, and for a while those that were taken off. Two queries.

    A visit that moved is one event under one UID. What was cancelled, given to another nurse or moved out of sight
    is CANCELLED at the time it had.
    """
    now = now or timezone.now()
    rows = Visit.objects.filter(
        Q(state__in=ON_THE_ROUTE) | Q(state__in=("cancelled", "moved"), cancelled_at__gte=now - KEPT),
        nurse=feed.nurse_id,
        starts_at__gte=now - SHOWN,
        starts_at__lte=now + SHOWN,
    ).order_by("starts_at", "pk")
    visits = list(rows)
    links = chains.of(visit.pk for visit in visits)
    newest: dict[int, Visit] = {}
    for visit in visits:
        link = links[visit.pk]
        known = newest.get(link.root)
        if known is None or links[known.pk].depth < link.depth:
            newest[link.root] = visit
    return calendar_feed.write(_event(visit, links[visit.pk]) for visit in newest.values())


def _event(visit: Visit, link: chains.Link) -> Event:
    return Event(
        uid=f"{link.root}-{int(link.first_at.timestamp() * 1000)}@visits.infusion-home",
        # The version grows with each move and cancellation; a visit that is put back has a row more, not a version.
        sequence=visit.version + link.depth,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        changed_at=visit.changed_at,
        cancelled=visit.state in {"cancelled", "moved"},
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
