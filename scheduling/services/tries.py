"""How a try to send ended, written into its row: sent, tried again later, failed, or nobody knows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from scheduling.models import Notice
from scheduling.services import alerts, consents
from scheduling.transports import Doubt, NotSent, Outcome, Sent, TryAgain

MAX_ATTEMPTS = 10  # some two hours: a provider that is down for a while is no hundred alerts
SLOW = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=30)
BACK_OFF = {"email": timedelta(minutes=1), "text": timedelta(seconds=30), "voice": timedelta(minutes=2)}


def settle(outcomes: Sequence[tuple[Notice, Outcome]], *, now: datetime) -> None:
    """Write how each try ended. What the provider said meanwhile, or a person, is not undone; a try that was given
    up as unknown may still say how it ended."""
    _settle_sent([(n, o) for n, o in outcomes if isinstance(o, Sent)], now)
    for notice, outcome in outcomes:
        if isinstance(outcome, Doubt) and outcome.can_ask:
            continue  # still claimed: `recover` asks the provider when its claim is old enough
        if not isinstance(outcome, Sent):
            _settle_other(notice, outcome, now)


def _settle_sent(outcomes: Sequence[tuple[Notice, Sent]], now: datetime) -> None:
    if not outcomes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE scheduling_notice SET state = 'sent', reason = '', settled_at = %s, provider_id = new.provider"
            " FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS new(pk, provider, tried)"
            " WHERE id = new.pk AND attempted_at = new.tried AND state IN ('claimed', 'unknown')",
            [
                now,
                [notice.pk for notice, _ in outcomes],
                [outcome.provider_id[:64] for _, outcome in outcomes],
                [notice.attempted_at for notice, _ in outcomes],
            ],
        )
    late = [notice.pk for notice, _ in outcomes if notice.attempted_at and now - notice.attempted_at > SLOW]
    if late:  # so long that it may have been put before a person meanwhile
        alerts.it_went(late, now=now)


@transaction.atomic
def _settle_other(notice: Notice, outcome: Outcome, now: datetime) -> None:
    mine = Notice.objects.filter(
        pk=notice.pk, attempted_at=notice.attempted_at, state__in=(Notice.State.CLAIMED, Notice.State.UNKNOWN)
    )
    reason = getattr(outcome, "reason", "")[:200]
    if isinstance(outcome, TryAgain):
        _try_again(notice, mine, outcome, now)
    elif isinstance(outcome, Doubt):
        if mine.update(state=Notice.State.UNKNOWN, reason=reason, settled_at=now):
            tell(notice, "Nobody knows whether this message went out.", now)
    elif isinstance(outcome, NotSent) and outcome.opted_out and notice.patient:
        # The contact first, then the row: the order in which a lot is prepared.
        consents.opt_out(notice.patient, notice.channel, source="provider", now=now)
        mine.update(state=Notice.State.SUPPRESSED, reason=reason, settled_at=now)
    else:
        if isinstance(outcome, NotSent) and outcome.bad_address and notice.patient:
            consents.mark_failed(notice.patient, notice.channel, value=notice.sent_to, now=now)
        if mine.update(state=Notice.State.FAILED, reason=reason, settled_at=now):
            tell(notice, "A message could not be sent.", now)


def _try_again(notice: Notice, mine, outcome: TryAgain, now: datetime) -> None:  # type: ignore[no-untyped-def]
    pause = pause_after(notice, outcome)
    if notice.attempts >= MAX_ATTEMPTS:
        if mine.update(state=Notice.State.FAILED, reason=outcome.reason[:200], settled_at=now):
            tell(notice, "A message could not be sent.", now)
    elif now + pause >= notice.expires_at:
        mine.update(state=Notice.State.EXPIRED, reason=outcome.reason[:200], settled_at=now)
    else:
        mine.update(
            state=Notice.State.PLANNED,
            due_at=now + pause,
            reason=outcome.reason[:200],
            claimed_at=None,
            attempted_at=None,
            settled_at=None,
        )


def pause_after(notice: Notice, outcome: TryAgain) -> timedelta:
    """Doubling with each try up to LONGEST_PAUSE, by up to a quarter more so that many do not come back at once."""
    pause = min(BACK_OFF[notice.channel] * 2 ** (notice.attempts - 1), LONGEST_PAUSE)
    wait = timedelta(seconds=outcome.after_seconds or 0)
    return max(pause, wait) * (1 + random.random() / 4)  # noqa: S311  no secret


def tell(notice: Notice, sentence: str, now: datetime) -> None:
    """Put it before a person, once a row."""
    if notice.patient is None:
        if notice.kind == Notice.Kind.ALARM:
            alerts.pass_on(notice, now=now)
        return
    alerts.raise_alert(
        "notice",
        patient=notice.patient,
        about=f"notice {notice.pk}",
        sentence=sentence,
        visit=notice.visit,
        notice=notice,
        now=now,
    )
