"""The ledger of messages as it would stand today: what went out for each visit, what was left out and why, what is
still to go, and what patients answered. Times come from the rules that plan messages; nothing is due when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from itertools import pairwise

from patients.models import Contact
from scheduling import clock
from scheduling.demo import diary
from scheduling.demo.batch import Batch
from scheduling.demo.charts import Chart
from scheduling.models import Event, MessageLink, Notice, Reply, Visit
from scheduling.rules import cadence, states
from scheduling.services import links, notices, policy, sendable, texts, wording

KEPT = timedelta(days=14)  # older visits have the message about their booking alone
DELAY = timedelta(minutes=5)
ARRIVED = timedelta(seconds=9)
ANSWERED = timedelta(minutes=37)
CONFIRMED_ALREADY = "the patient has confirmed already"
FOLLOWS = "said with the first day of the course"
SAID_WITH = "said in the message “Please confirm”"
STRANGER = "+12145550199"
WORDS = (
    ("other", "Is it OK if my sister is there too? She drives me."),
    ("other", "Thank you! Which door will the nurse come to?"),
)
State = Notice.State


def store_messages(charts: list[Chart], batch: Batch) -> None:
    """Notices of every visit, their words and links where somebody may still read them, and the answers."""
    rules = policy.current()
    rows: list[Notice] = []
    for index, chart in enumerate(charts):
        mine = [visit for (of, _number), visit in batch.visits.items() if of == index]
        ways = {contact.channel: contact for contact in chart.contacts}
        owed: list[Notice] = []
        for visit in mine:
            owed += _about(visit, batch.earlier.get((index, visit.dose.number)), ways, rules, batch.now)  # type: ignore[union-attr]
        _settle(owed, mine, rules, batch.now)
        rows += owed
    _two_that_went_wrong(rows, batch.now)
    Notice.objects.bulk_create(rows, batch_size=500)
    _write(rows, rules, batch.now)
    _answers(rows, batch)


# --- What is owed --------------------------------------------------------------------------------


def _about(
    visit: Visit, old: Visit | None, ways: dict[str, Contact], rules: cadence.Policy, now: datetime
) -> Iterable[Notice]:
    """The messages about one visit, and about the one it replaced."""
    if old is not None:
        yield from _change(old, Notice.Kind.BOOKED, 1, old.created_at, ways)
        if old.state == "cancelled":
            yield from _change(old, Notice.Kind.CANCELLED, 2, visit.created_at, ways)
    kind = Notice.Kind.MOVED if visit.moved_from_id else Notice.Kind.BOOKED
    yield from _change(visit, kind, visit.version, visit.created_at, ways)
    if visit.starts_at > now - KEPT:
        yield from _series(visit, ways, rules)


def _change(
    visit: Visit, kind: str, version: int, at: datetime, ways: dict[str, Contact]
) -> Iterable[Notice]:
    due = cadence.Due(at + DELAY, max(visit.starts_at, at + timedelta(days=1)))
    for channel in _channels(ways):
        yield _owed(visit, kind, version, channel, due, at, ways)


def _series(visit: Visit, ways: dict[str, Contact], rules: cadence.Policy) -> Iterable[Notice]:
    planned_at = visit.created_at + DELAY
    for kind in cadence.BEFORE:
        due = cadence.due(kind, visit.starts_at, visit.time_zone, rules, planned_at=planned_at)
        for channel in _channels(ways):
            yield _owed(visit, kind, visit.version, channel, due, visit.created_at, ways)


def _channels(ways: dict[str, Contact]) -> list[str]:
    return [channel for channel in notices.CHANNELS if channel in ways] or [Contact.Channel.EMAIL]


def _owed(
    visit: Visit,
    kind: str,
    version: int,
    channel: str,
    due: cadence.Due,
    at: datetime,
    ways: dict[str, Contact],
) -> Notice:
    reason = due.skip or sendable.unreachable(ways.get(channel))
    way = ways.get(channel)
    return Notice(
        patient=visit.patient,
        visit=visit,
        visit_version=version,
        about=f"visit {visit.pk} v{version}",
        kind=kind,
        channel=channel,
        state=State.SUPPRESSED if reason else State.PLANNED,
        reason=reason,
        due_at=due.at,
        expires_at=due.until,
        priority=cadence.PRIORITY[kind],
        settled_at=at if reason else None,
        sent_to=way.value if way and not reason else "",
        created_at=at,
    )


# --- What became of it ---------------------------------------------------------------------------


def _settle(owed: list[Notice], visits: list[Visit], rules: cadence.Policy, now: datetime) -> None:
    """Let the messages of one patient happen in the order of their time, up to now."""
    texted: list[datetime] = []
    said: dict[tuple[str, str], bool] = {}
    following = _later_days(visits)
    for notice in sorted(owed, key=lambda row: (row.due_at, row.priority, row.channel)):
        visit = notice.visit
        assert visit is not None
        if notice.state != State.PLANNED:
            continue
        if notice.due_at > now:
            _waits_or_not(notice, visit, now)
        elif visit.pk in following and notice.kind in sendable.ONCE_A_COURSE:
            _left_out(notice, FOLLOWS, notice.due_at)
        elif notice.kind in ("health_screen", "preparation") and said.get((notice.about, notice.channel)):
            _left_out(notice, SAID_WITH, notice.due_at)
        elif notice.channel == cadence.CAPPED and (
            why := cadence.over_cap(
                notice.priority, notice.due_at, visit.time_zone, policy=rules, sent=texted
            )
        ):
            _left_out(notice, why, notice.due_at)
        else:
            _went(notice)
            said[notice.about, notice.channel] = notice.kind == "confirm" or said.get(
                (notice.about, notice.channel), False
            )
            texted += [notice.due_at] if notice.channel == cadence.CAPPED else []


def _waits_or_not(notice: Notice, visit: Visit, now: datetime) -> None:
    """Not what is to come of a visit that is on already, nor the question once somebody said yes on the phone."""
    if visit.state == "confirmed" and notice.kind == "confirm":
        visit.confirmed_at = visit.confirmed_at or min(now, visit.created_at + ANSWERED)
        _left_out(notice, CONFIRMED_ALREADY, visit.confirmed_at)
    elif visit.state not in states.OPEN or visit.starts_at <= now:
        _left_out(notice, f"the visit is {visit.get_state_display().lower()}", now)


def _later_days(visits: list[Visit]) -> set[int]:
    """Visits that follow another one of the same course by a day."""
    days = sorted(visits, key=lambda visit: visit.starts_at)
    pairs = pairwise(days)
    return {after.pk for before, after in pairs if after.starts_at - before.starts_at <= sendable.COURSE_GAP}


def _left_out(notice: Notice, why: str, at: datetime) -> None:
    notice.state, notice.reason, notice.settled_at = State.SUPPRESSED, why, at
    notice.sent_to = ""


def _went(notice: Notice) -> None:
    notice.claimed_at = notice.attempted_at = notice.due_at
    notice.attempts, notice.settled_at = 1, notice.due_at + timedelta(seconds=2)
    notice.state = State.SENT
    if notice.channel == Contact.Channel.TEXT:  # mail servers send no receipts
        notice.state, notice.delivered_at = State.DELIVERED, notice.due_at + ARRIVED


def _two_that_went_wrong(rows: list[Notice], now: datetime) -> None:
    """One e-mail that was refused, one text nobody knows of; both about a visit that is still ahead."""

    def last(channel: str) -> Notice | None:
        gone = [
            row
            for row in rows
            if row.channel == channel
            and row.attempted_at
            and row.visit
            and row.visit.starts_at > now + timedelta(hours=20)
            and row.visit.state == "booked"
            and row.patient_id != rows[0].patient_id  # the one who signs in has nothing but good news
        ]
        return max(gone, key=lambda row: (row.due_at, row.visit_id or 0), default=None)

    refused, unknown = last(Contact.Channel.EMAIL), last(Contact.Channel.TEXT)
    if refused:
        refused.state, refused.reason = State.FAILED, "the mail server refused the address"
    if unknown:
        unknown.state, unknown.reason, unknown.delivered_at = (
            State.UNKNOWN,
            "the worker ended while sending",
            None,
        )


# --- The words -----------------------------------------------------------------------------------


def _write(rows: list[Notice], rules: cadence.Policy, now: datetime) -> None:
    """The words of what went out lately, with links that work, as the worker would have written them."""
    spoken = [row for row in rows if row.attempted_at and _still_read(row, now)]
    addresses = links.for_notices(spoken, now=now)
    wordings = texts.current()
    for row in spoken:
        words = wording.compose(
            row, texts=wordings, policy=rules, link=addresses.get(row.pk, ""), now=row.attempted_at or now
        )
        row.subject, row.body, row.text = words.subject, words.body, words.text
    for row in rows:
        row.message_id = f"notice-{row.pk}" if row.attempted_at else ""
    went = [row for row in rows if row.attempted_at]
    Notice.objects.bulk_update(went, ["subject", "body", "text", "message_id"], batch_size=500)


def _still_read(row: Notice, now: datetime) -> bool:
    assert row.visit is not None and row.attempted_at is not None
    return row.visit.starts_at > now or row.attempted_at > now - KEPT


# --- What came back ------------------------------------------------------------------------------


def _answers(rows: list[Notice], batch: Batch) -> None:
    """A yes to most of the messages that asked; three answers that wait for a person, one of them a stranger's."""
    asked = [row for row in rows if row.kind == "confirm" and row.state in (State.SENT, State.DELIVERED)]
    replies = [*_yeses(asked, batch.now), *_open_ones(rows, batch.now)]
    for reply in Reply.objects.bulk_create(replies):
        batch.events.append(
            Event(
                at=reply.received_at,
                role="system",
                action="reply_received",
                patient=reply.patient,
                subject=f"reply {reply.pk}",
                detail={"meaning": reply.meaning, "via": reply.via},
            )
        )
    said_yes = [visit for visit in batch.visits.values() if visit.confirmed_at is not None]
    Visit.objects.bulk_update(said_yes, ["confirmed_at"], batch_size=500)
    used = {
        reply.notice_id: reply.received_at for reply in replies if reply.via == "link" and reply.notice_id
    }
    opened = list(MessageLink.objects.filter(notice_id__in=used))
    for link in opened:
        link.used_at = used[link.notice_id]
    MessageLink.objects.bulk_update(opened, ["used_at"], batch_size=500)


def _yeses(asked: list[Notice], now: datetime) -> Iterable[Reply]:
    first: dict[int, Notice] = {}
    for row in asked:
        if row.visit_id not in first or row.channel == Contact.Channel.TEXT:
            first[row.visit_id or 0] = row
    for row in first.values():
        visit, at = row.visit, row.due_at + ANSWERED
        if visit is None or visit.state in ("booked", "missed") or at > now:
            continue
        visit.confirmed_at = at
        by_text = row.channel == Contact.Channel.TEXT and int(visit.patient.mrn[-1]) % 2
        yield Reply(
            patient=row.patient,
            visit=visit,
            notice=row,
            via="text" if by_text else "link",
            meaning="confirm",
            body="1" if by_text else "",
            sender=row.sent_to if by_text else "",
            received_at=at,
        )


def _open_ones(rows: list[Notice], now: datetime) -> Iterable[Reply]:
    """Of different patients who have a visit to come that nobody confirmed."""
    noon = diary.at(clock.today_in(str(diary.ZONE), now) - timedelta(days=1), time(12))
    ahead: dict[int, Notice] = {}
    for row in rows:
        visit, heard = row.visit, row.state in (State.SENT, State.DELIVERED)
        open_visit = (
            visit is not None and visit.state == "booked" and visit.starts_at > now + timedelta(days=2)
        )
        if heard and open_visit and row.patient_id != rows[0].patient_id:
            ahead.setdefault(row.patient_id or 0, row)
    some = sorted(ahead.values(), key=lambda row: (row.visit.starts_at, row.visit_id))[:3]  # type: ignore[union-attr]
    for n, row in enumerate(some):
        yield _open_one(row, noon + (2 * n + 1) * ANSWERED, move=n != 1)
    yield Reply(
        via="text", meaning="other", body="Who is this?", sender=STRANGER, needs_a_person=True,
        received_at=noon + 4 * ANSWERED,
    )  # fmt: skip


def _open_one(row: Notice, at: datetime, *, move: bool) -> Reply:
    visit = row.visit
    assert visit is not None
    days = [(visit.local_start + timedelta(days=n)).date().isoformat() for n in (1, 2)]
    said = Reply(
        patient=row.patient, visit=visit, notice=row, received_at=at, needs_a_person=True, sender=row.sent_to,
        via="text" if row.channel == Contact.Channel.TEXT else "link",
    )  # fmt: skip
    if move:
        said.via, said.sender, said.meaning = "link", "", "move"
        said.wishes = {"days": days, "part": "afternoon", "why": "I have another doctor that morning."}
    else:
        said.via, (said.meaning, said.body) = "text", WORDS[0]
    return said
