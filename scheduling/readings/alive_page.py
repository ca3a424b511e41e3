"""What runs, what waits and what failed, in words: the page /staff/alive/ and the banner. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.models.heartbeat import BEAT, WORKER
from scheduling.readings import alive, words
from scheduling.transports import transport_for

CHANNELS = ("email", "text", "voice")


@dataclass(frozen=True)
class Line:
    """A row of the page: what, how it is (status and word of a tag), and something more."""

    what: str
    status: str
    word: str
    more: str = ""


@dataclass(frozen=True)
class Page:
    banner: Line
    programs: list[Line]
    waiting: list[Line]
    channels: list[Line]
    counted: list[Line]
    failures: list[Line]
    failed_url: str


def read(now: datetime) -> Page:
    """Everything the page says. A fixed number of queries, and one question to the broker."""
    return Page(
        banner=_banner(alive.late(now)),
        programs=_programs(now),
        waiting=_waiting(now),
        channels=[_channel(name) for name in CHANNELS],
        counted=_counted(now),
        failures=[
            Line(one.reason, "stop", str(one.count), channel_words(one.channel))
            for one in alive.failures(now)
        ],
        failed_url=f"{reverse('notices')}?show=failed",
    )


def sentence(late: alive.Late) -> str:
    """What is wrong, in one sentence for everybody in the office."""
    since = words.at_words(late.since, settings.AGENCY_TIME_ZONE) if late.since else ""
    if late.why == "paused" and not late.count:
        return _("Sending is paused.")
    if late.why == "paused":
        return ngettext(
            "Sending is paused: %(n)s message waits.", "Sending is paused: %(n)s messages wait.", late.count
        ) % {"n": f"{late.count:,}"}
    if late.count and late.since:
        return ngettext(
            "Messages are late: %(n)s waiting since %(since)s.",
            "Messages are late: %(n)s waiting since %(since)s.",
            late.count,
        ) % {"n": f"{late.count:,}", "since": since}
    if since:
        return _("Messages do not go out: what sends them has been silent since %(since)s.") % {
            "since": since
        }
    return _("Messages do not go out: what sends them has not started yet.")


def banner() -> Line | None:
    """What stands above every office page; None while messages go as they should."""
    late = alive.late_kept()
    return _banner(late) if late else None


def _banner(late: alive.Late | None) -> Line:
    if late is None:
        return Line(_("Messages go out as they should."), "ok", "")
    return Line(sentence(late), "wait" if late.why == "paused" else "stop", "")


def _programs(now: datetime) -> list[Line]:
    """The clock, then each worker. Who takes no ticks cannot say whether the clock still gives them."""
    found = alive.hearts(now)
    workers = [heart for heart in found if heart.name.startswith(f"{WORKER} ")]
    lines = [_program(heart, now) for heart in found]
    if not workers:
        lines.append(Line(_("Worker"), "stop", _("None has been seen"), _("It sends the messages.")))
    if not any(heart.state == "ok" for heart in workers) and lines[0].status != "ok":
        clock = lines[0]
        lines[0] = Line(
            clock.what, "wait", _("Cannot be told"), _("Nobody takes its ticks while no worker runs.")
        )
    return lines


def _program(heart: alive.Heart, now: datetime) -> Line:
    what = (
        _("Clock (beat)")
        if heart.name == BEAT
        else _("Worker %(name)s") % {"name": heart.name.partition(" ")[2]}
    )
    if heart.at is None:
        return Line(what, "stop", _("Not seen yet"))
    ago = _("last sign %(ago)s ago") % {"ago": span_words(now - heart.at)}
    if heart.state == "ok":
        return Line(what, "ok", _("Alive"), ago)
    return Line(what, "stop", _("Silent"), ago)


def _waiting(now: datetime) -> list[Line]:
    counts, queue = alive.counts(), alive.queue()
    oldest = alive.oldest_due(now)
    lines = [
        _oldest(now, oldest),
        Line(_("Being sent now"), "info", f"{counts['claimed']:,}"),
        Line(_("Planned for later or due"), "info", f"{counts['planned']:,}"),
        _count(_("Unknown: a person must look"), counts["unknown"]),
        _count(_("Failed"), counts["failed"]),
    ]
    if queue is None:
        lines.append(Line(_("Queue"), "stop", _("The broker does not answer")))
    else:
        more = "" if queue.taken is None else _("%(n)s being worked on") % {"n": f"{queue.taken:,}"}
        lines.append(Line(_("Queue"), "wait" if queue.waiting > 100 else "ok", f"{queue.waiting:,}", more))
    return lines


def _oldest(now: datetime, oldest: datetime | None) -> Line:
    what = _("Oldest unsent message")
    if oldest is None:
        return Line(what, "ok", _("None is due"))
    since = words.at_words(oldest, settings.AGENCY_TIME_ZONE)
    status = "stop" if now - oldest > alive.LATE_AFTER else "ok"
    return Line(what, status, span_words(now - oldest), _("due since %(since)s") % {"since": since})


def _count(what: str, n: int) -> Line:
    return Line(what, "stop" if n else "ok", f"{n:,}")


def _channel(name: str) -> Line:
    if transport_for(name) is None:
        return Line(channel_words(name), "hold", _("Not set up"), _("Nothing is sent this way."))
    return Line(channel_words(name), "ok", _("Set up"))


def _counted(now: datetime) -> list[Line]:
    """Receipts of the providers, and counts that only grow."""
    last = alive.last_receipt()
    when = words.at_words(last, settings.AGENCY_TIME_ZONE) if last else ""
    lines = [Line(_("Last delivery receipt"), "info", when or _("None yet"))]
    for tally in alive.tallies():
        at = words.at_words(tally.last_at, settings.AGENCY_TIME_ZONE)
        lines.append(Line(tally.name.capitalize(), "info", f"{tally.count:,}", _("last %(at)s") % {"at": at}))
    return lines


def channel_words(name: str) -> str:
    """The channel as pages call it."""
    return {
        "email": _("E-mail"),
        "text": _("Text messages"),
        "voice": _("Automatic calls"),
        "all": _("All channels"),
    }.get(name, name)


def span_words(span: timedelta) -> str:
    """`20 s`, `5 min`, `3 h`, `2 days`: the largest that fits, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return _("%(n)d s") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)d min") % {"n": seconds // 60}
    if seconds < 48 * 3600:
        return _("%(n)d h") % {"n": seconds // 3600}
    return _("%(n)d days") % {"n": seconds // 86400}
