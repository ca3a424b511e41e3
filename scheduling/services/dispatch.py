"""Messages go out: claimed in batches, checked again, sent outside any transaction, settled.

Any number of workers may run this at once. At most once: a row is marked as tried, and that is committed, before
the network is used. A claim whose worker is gone goes back when nothing was tried; when it was, the provider is
asked whether the message is there, and where that cannot be told a person is (docs/messages.md).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from scheduling.models import Notice
from scheduling.rules.errors import Refused
from scheduling.services import links, policy, sendable, texts, wording
from scheduling.services.guard import BUSY
from scheduling.services.tries import settle, tell
from scheduling.transports import Doubt, Message, Outcome, Sent, TryAgain, transport_for

CLAIM_IS_STALE = timedelta(seconds=60)  # longer than any time-out of a transport
ASK_FOR = timedelta(hours=1)  # a provider that does not answer
LOOK_SECONDS = 30.0  # of asking, before a worker goes on with what is due
LOT_SECONDS = 1.0  # what was checked longer ago is checked again
GIVEN_UP_SECONDS = 30.0  # well before others take the claim for stale
LOADED = ("patient", "user", "visit__nurse", "visit__dose", "call")
GONE = "the worker ended while sending"
BUSY_FOR = timedelta(seconds=30)  # until a row that somebody holds is tried again
NOT_SET_UP = sendable.NOT_SET_UP

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ready:
    """A row marked as tried, and what goes out for it."""

    notice: Notice
    message: Message


def send_due(*, batch: int = 100, now: datetime | None = None, seconds: float = inf) -> int:
    """Send everything that is due; returns how many rows were worked on. `now` stands still where it is given.

    After `seconds` no further batch is claimed: a worker has other tasks, too, and the next tick goes on. An alarm
    waits neither behind what is due longer nor for the end of a pause: somebody may be ill.
    """
    clock: Callable[[], datetime] = (lambda: now) if now else timezone.now
    until = monotonic() + seconds
    recover(now=clock())
    alarms = claim_due(batch, now=clock(), kind=Notice.Kind.ALARM)
    send_claimed(alarms, clock=clock)
    worked = len(alarms)
    while not policy.current().paused and (claimed := claim_due(batch, now=clock())):
        send_claimed(claimed, clock=clock)
        worked += len(claimed)
        if monotonic() > until:
            break
    return worked


@transaction.atomic
def claim_due(batch: int, *, now: datetime | None = None, kind: str = "") -> list[Notice]:
    """Take up to `batch` due rows (of one `kind`) that nobody else holds, the most important of one time first."""
    now = now or timezone.now()
    due = Notice.objects.filter(state=Notice.State.PLANNED, due_at__lte=now)
    due = (
        (due.filter(kind=kind) if kind else due)
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .order_by("due_at", "priority", "pk")[:batch]
    )
    rows = list(due)
    Notice.objects.filter(pk__in=[row.pk for row in rows]).update(state=Notice.State.CLAIMED, claimed_at=now)
    for row in rows:
        row.state, row.claimed_at = Notice.State.CLAIMED, now
    return rows


def send_claimed(claimed: Iterable[Notice], *, clock: Callable[[], datetime] = timezone.now) -> None:
    """Work through a batch in lots of one channel. A row nobody can read ends as failed; its neighbours go on."""
    waiting = deque(claimed)
    while waiting:
        lot, began = _lot(waiting), monotonic()
        try:
            ready = prepare(lot, now=clock())
        except (DataError, IntegrityError):
            ready = _one_by_one(lot, clock())
        except OperationalError as error:
            if not _busy(error):
                raise
            ready = _one_by_one(lot, clock())
        waiting.extendleft(reversed(_send(ready, clock, began)))


def _lot(waiting: deque[Notice]) -> list[Notice]:
    """The next rows of one channel, no more than may be marked as tried at once."""
    lot = [waiting.popleft()]
    transport = transport_for(lot[0].channel)
    most = transport.lot if transport else len(waiting) + 1
    while waiting and waiting[0].channel == lot[0].channel and len(lot) < most:
        lot.append(waiting.popleft())
    return lot


def _one_by_one(lot: Sequence[Notice], now: datetime) -> list[Ready]:
    """Each alone: what the database refuses fails, and what somebody else holds for long goes back for a while."""
    ready: list[Ready] = []
    for notice in lot:
        try:
            ready += prepare([notice], now=now)
        except (DataError, IntegrityError) as error:
            _fail(notice, error, now)
        except OperationalError as error:
            if not _busy(error):
                raise
            _mine(notice).update(state=Notice.State.PLANNED, claimed_at=None, due_at=now + BUSY_FOR)
    return ready


def _mine(notice: Notice) -> QuerySet[Notice]:
    """The row while it is claimed as it was read, and not tried."""
    return Notice.objects.filter(
        pk=notice.pk, state=Notice.State.CLAIMED, claimed_at=notice.claimed_at, attempted_at__isnull=True
    )


def _busy(error: OperationalError) -> bool:
    """Whether somebody else held a row too long; anything else is a database that is not there."""
    return getattr(error.__cause__, "pgcode", None) in BUSY


def _fail(notice: Notice, error: Exception, now: datetime) -> None:
    log.error("notice %s could not be prepared: %s", notice.pk, type(error).__name__)
    reason = str(error) if isinstance(error, Refused) else type(error).__name__
    if _mine(notice).update(state=Notice.State.FAILED, reason=reason[:200], settled_at=now):
        tell(notice, "A message could not be written.", now)


@transaction.atomic
def prepare(lot: Sequence[Notice], *, now: datetime) -> list[Ready]:
    """Check every row of one channel again, write what becomes of those that do not go, and mark the rest as tried.

    Locks the contacts, then the rows. A row that somebody else has taken since it was claimed is left alone.
    """
    rules = policy.current()
    claims = {notice.pk: notice.claimed_at for notice in lot}
    contacts = sendable.lock_contacts(lot)
    rows = Notice.objects.filter(pk__in=claims, state=Notice.State.CLAIMED, attempted_at__isnull=True)
    held = {
        row.pk: row
        for row in rows.select_for_update(no_key=True, of=("self",)).select_related(*LOADED)
        if row.claimed_at == claims[row.pk]
    }
    context = sendable.context(list(held.values()), rules, contacts, now)
    going: list[Notice] = []
    for notice in (held[pk] for pk in claims if pk in held):
        try:
            verdict = sendable.judge(notice, context, now)
            if verdict.what == sendable.GO and transport_for(notice.channel) is None:
                verdict = sendable.Verdict(sendable.NO, NOT_SET_UP)
        except DatabaseError:
            raise
        except Exception as error:
            _fail(notice, error, now)
            continue
        if verdict.what == sendable.GO:
            context.took(notice, now)
            going.append(notice)
        else:
            context.left(notice, verdict, now)
            _not_now(notice, verdict, now)
    return _mark(_written(going, context, now), now)


def _not_now(notice: Notice, verdict: sendable.Verdict, now: datetime) -> None:
    row = Notice.objects.filter(pk=notice.pk)
    if verdict.what == sendable.WAIT:
        row.update(
            state=Notice.State.PLANNED, due_at=verdict.until, claimed_at=None, reason=verdict.why[:200]
        )
        return
    state = Notice.State.EXPIRED if verdict.what == sendable.OVER else Notice.State.SUPPRESSED
    row.update(state=state, reason=verdict.why[:200], settled_at=now)


def _written(going: Sequence[Notice], context: sendable.Context, now: datetime) -> list[Ready]:
    """What each says, put into the row. One that cannot be written fails alone."""
    addresses, wordings, ready = links.for_notices(going, now=now), texts.current(), []
    for notice in going:
        try:
            days = sendable.days_in_a_row(notice.visit, context) if notice.visit else 1
            words = wording.compose(
                notice,
                texts=wordings,
                policy=context.rules,
                link=addresses.get(notice.pk, ""),
                days=days,
                now=now,
            )
        except DatabaseError:
            raise
        except Exception as error:
            _fail(notice, error, now)
            continue
        notice.message_id = f"notice-{notice.pk}"
        notice.subject, notice.body, notice.text = words.subject, words.body, words.text
        notice.sent_to = sendable.contact_of(notice, context)
        ready.append(Ready(notice, message_of(notice)))
    return ready


def message_of(notice: Notice) -> Message:
    """The row as it goes out: its words and address are in it."""
    base = settings.PUBLIC_URL.rstrip("/")
    return Message(
        id=notice.message_id,
        channel=notice.channel,
        to=notice.sent_to,
        subject=notice.subject,
        body=notice.body,
        language=notice.patient.language if notice.patient else "en",
        status_url=f"{base}/hooks/twilio/status/{notice.message_id}/",
        answer_url=f"{base}/hooks/twilio/voice/{notice.message_id}/",
    )


def _mark(ready: Sequence[Ready], now: datetime) -> list[Ready]:
    """Write words, address and "tried" into all rows in one statement."""
    if not ready:
        return []
    columns: tuple[list[object], ...] = ([], [], [], [], [], [])
    for one in ready:
        notice = one.notice
        notice.attempted_at, notice.attempts = now, notice.attempts + 1
        row = (notice.pk, notice.message_id, notice.sent_to, notice.subject, notice.body, notice.text_id)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE scheduling_notice SET attempted_at = %s, attempts = attempts + 1, message_id = new.id,"
            " sent_to = new.sent_to, subject = new.subject, body = new.body, text_id = new.text_id, reason = ''"
            " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
            " AS new(pk, id, sent_to, subject, body, text_id) WHERE scheduling_notice.id = new.pk",
            [now, *columns],
        )
    return list(ready)


def _send(ready: Sequence[Ready], clock: Callable[[], datetime], began: float) -> list[Notice]:
    """Send and settle. Returns the rows that were checked too long ago to go now, no longer marked as tried."""
    opened, done = monotonic(), []
    for place, one in enumerate(ready):
        if monotonic() - began > GIVEN_UP_SECONDS:
            break  # this process stood still so long that another one settles these rows
        if place and monotonic() - opened > LOT_SECONDS:
            settle(done, now=clock())
            return _unmarked(ready[place:])
        done.append((one.notice, _sent(one)))
    settle(done, now=clock())
    return []


def _sent(one: Ready) -> Outcome:
    transport = transport_for(one.notice.channel)
    assert transport is not None
    try:
        return transport.send(one.message)
    except Exception as error:  # a poison row must not stop its neighbours; nobody knows how far it came
        return Doubt(type(error).__name__)


def _unmarked(rest: Sequence[Ready]) -> list[Notice]:
    mine = [one.notice.pk for one in rest]
    tried_at = rest[0].notice.attempted_at
    Notice.objects.filter(pk__in=mine, state=Notice.State.CLAIMED, attempted_at=tried_at).update(
        attempted_at=None, attempts=F("attempts") - 1
    )
    for one in rest:
        one.notice.attempted_at, one.notice.attempts = None, one.notice.attempts - 1
    return [one.notice for one in rest]


def recover(*, now: datetime | None = None, most: int = 200) -> int:
    """Claims whose worker is gone: back to planned if nothing was tried, else asked of the provider. How many rows."""
    now = now or timezone.now()
    claimed, since = Notice.objects.filter(state=Notice.State.CLAIMED), now - CLAIM_IS_STALE
    freed = claimed.filter(attempted_at__isnull=True, claimed_at__lt=since).update(
        state=Notice.State.PLANNED, claimed_at=None
    )
    doubtful = _take_doubtful(now, since, most)
    outcomes: list[tuple[Notice, Outcome]] = []
    until = monotonic() + LOOK_SECONDS
    for notice in doubtful:
        if outcomes and monotonic() > until:
            break  # the rest is asked for when this claim is old
        outcomes.append((notice, _looked_up(notice, now)))
    settle(outcomes, now=now)
    never = [notice.pk for notice, outcome in outcomes if isinstance(outcome, TryAgain)]
    # Nobody turned these away, and they have waited a minute: no pause.
    Notice.objects.filter(pk__in=never, state=Notice.State.PLANNED, due_at__gt=now).update(due_at=now)
    return freed + len(outcomes)


@transaction.atomic
def _take_doubtful(now: datetime, since: datetime, most: int) -> list[Notice]:
    """Rows that were tried and never settled, for this worker alone: the new claim keeps others away."""
    rows = Notice.objects.filter(state=Notice.State.CLAIMED, attempted_at__lt=since, claimed_at__lt=since)
    taken = list(
        rows.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("patient", "visit")
        .order_by("pk")[:most]
    )
    Notice.objects.filter(pk__in=[row.pk for row in taken]).update(claimed_at=now)
    return taken


def _looked_up(notice: Notice, now: datetime) -> Outcome:
    """What the provider shows. One that does not answer is asked again each minute, for ASK_FOR."""
    transport = transport_for(notice.channel)
    if transport is None or notice.attempted_at is None:
        return Doubt(GONE)
    try:
        found = transport.look_up(message_of(notice), notice.attempted_at)
    except Exception as error:
        log.warning("notice %s could not be looked up: %s", notice.pk, type(error).__name__)
        return Doubt(GONE)
    if isinstance(found, Sent) and _anothers(found, notice):
        return Doubt("another message with the same words went to the same number")
    if not isinstance(found, Doubt) or (found.can_ask and now - notice.attempted_at < ASK_FOR):
        return found
    return Doubt(GONE)


def _anothers(found: Sent, notice: Notice) -> bool:
    """Whether what the provider has is another row's message: the same words to a number two patients share."""
    if not found.provider_id:
        return False
    return Notice.objects.filter(provider_id=found.provider_id).exclude(pk=notice.pk).exists()


def preview(notice: Notice, *, now: datetime | None = None) -> tuple[str, str]:
    """Subject and body as they went out, or as they would now; reads patient, user, visit with its nurse and dose."""
    if notice.body:
        return notice.subject, notice.body
    try:
        words = wording.compose(
            notice,
            texts=texts.current(),
            policy=policy.current(),
            link=f"{settings.PUBLIC_URL.rstrip('/')}/s/..." if notice.kind in links.LEADS_TO else "",
            days=1,
            now=now or timezone.now(),
        )
    except Refused as no:
        return "", str(no)
    return words.subject, words.body
