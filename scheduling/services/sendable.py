"""May this message go out now? Asked again for every row at the moment of sending, from what is true then.

`context` reads what a lot of rows needs in a fixed number of queries; `judge` decides one row from it and
writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from patients.models import Contact, Evidence, Patient
from scheduling import clock
from scheduling.models import Call, Notice, Visit
from scheduling.rules import cadence, gate_states, states
from scheduling.services.attention import NURSE_AWAY
from scheduling.services.gate_files import SCREEN

AWAY = "the patient is not with us at the moment"
NO_ADDRESS, OPTED_OUT = "no address on file", "the patient opted out of this channel"
DEAD, NO_CONSENT = "this number or address does not work", "no consent on file for this channel"
NOT_SET_UP = "this channel is not set up here"
UNREACHED = (NO_ADDRESS, OPTED_OUT, DEAD, NO_CONSENT, NOT_SET_UP)
NEVER_TOLD = "the patient had not been told of the visit"
GO, NO, WAIT, OVER = "go", "no", "wait", "over"
HEARD = frozenset({"claimed", "sent", "delivered", "unknown"})
WEEK = timedelta(days=7)
LOOK_AGAIN = timedelta(minutes=30)
SOON = timedelta(minutes=1)
COURSE_GAP = timedelta(hours=36)  # from the start of one day of a course to that of the next
NEW_TO_THEM = ("booked", "moved")
# What says no more than that does, and is left out when it has just been said.
REPEATS = frozenset({"week_before", "day_before"})
LATELY = timedelta(hours=24)
# What the messages of a course's first day say for the days that follow.
ONCE_A_COURSE = frozenset({"booked", "moved", "week_before", "confirm", "preparation", "day_before"})


class Verdict(NamedTuple):
    """`what`: GO, NO (never: `why`), WAIT (not before `until`) or OVER (too late: `why`)."""

    what: str
    why: str = ""
    until: datetime | None = None


@dataclass
class Context:
    """What a lot is judged by. `sent` and `waiting` count texts by patient, and follow what the lot itself sends."""

    rules: cadence.Policy
    contacts: dict[tuple[int, str], Contact] = field(default_factory=dict)
    sent: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[int, list[tuple[Notice, cadence.Waiting]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    kin: dict[tuple[int, str, str], dict[str, tuple[str, datetime]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    days: dict[tuple[int, int | None], dict[int, Visit]] = field(default_factory=lambda: defaultdict(dict))
    screens: dict[int, list[tuple[date, bool]]] = field(default_factory=lambda: defaultdict(list))

    def took(self, notice: Notice, now: datetime) -> None:
        """The row goes: those judged after it in the same lot must know."""
        self.kin[_kin(notice)][notice.kind] = ("claimed", now)
        if notice.channel == cadence.CAPPED and notice.patient_id:
            self.sent[notice.patient_id].append(now)

    def left(self, notice: Notice, verdict: Verdict, now: datetime) -> None:
        """The row does not go: what would wait for it need not."""
        if verdict.what != WAIT:
            self.kin[_kin(notice)][notice.kind] = ("suppressed", now)
            person = notice.patient_id or 0
            self.waiting[person] = [(row, one) for row, one in self.waiting[person] if row.pk != notice.pk]


def unreachable(contact: Contact | None) -> str:
    """Why this way to reach somebody must not be used, or ""."""
    if contact is None or not contact.value:
        return NO_ADDRESS
    if contact.opted_out_at:
        return OPTED_OUT
    if contact.failed_at:
        return DEAD
    return "" if contact.consented_at else NO_CONSENT


def lock_contacts(notices: Iterable[Notice]) -> dict[tuple[int, str], Contact]:
    """The contacts of these rows' patients, locked: an opt-out waits for the lot, or the lot for the opt-out."""
    people = {notice.patient_id for notice in notices if notice.patient_id}
    if not people:
        return {}
    rows = Contact.objects.filter(patient_id__in=people).select_for_update(no_key=True).order_by("pk")
    return {(row.patient_id, row.channel): row for row in rows}


def context(
    notices: Sequence[Notice],
    rules: cadence.Policy,
    contacts: dict[tuple[int, str], Contact],
    now: datetime,
) -> Context:
    """What judging these rows needs; they come with their visit and its dose."""
    found = Context(rules, contacts)
    _texts(found, [n.patient_id for n in notices if n.patient_id and n.channel == cadence.CAPPED], now)
    _same_subject(found, [n for n in notices if n.kind in cadence.BEFORE])
    _courses(found, notices)
    _screens(found, notices)
    return found


def _texts(found: Context, people: Sequence[int], now: datetime) -> None:
    if not people:
        return
    texts = Notice.objects.filter(patient_id__in=people, channel=cadence.CAPPED)
    gone = texts.filter(state__in=HEARD, attempted_at__gt=now - WEEK)
    for patient_id, at in gone.values_list("patient_id", "attempted_at"):
        found.sent[patient_id].append(at)
    to_come = texts.filter(state__in=("planned", "claimed"), attempted_at__isnull=True, due_at__lt=now + WEEK)
    spoken = set()
    for row in to_come.only("patient_id", "about", "kind", "due_at", "priority").order_by("priority", "pk"):
        if row.kind in cadence.ONE_MESSAGE and (row.patient_id, row.about) in spoken:
            continue  # goes with a better one, in one message
        if row.kind in cadence.ONE_MESSAGE:
            spoken.add((row.patient_id, row.about))
        found.waiting[row.patient_id or 0].append((row, cadence.Waiting(max(row.due_at, now), row.priority)))


def _same_subject(found: Context, notices: Iterable[Notice]) -> None:
    """How the others stand that one message says together, by person, subject and channel."""
    abouts = {notice.about for notice in notices}
    if not abouts:
        return
    kinds = (*cadence.ONE_MESSAGE, *NEW_TO_THEM)
    rows = Notice.objects.filter(about__in=abouts, kind__in=kinds, patient__isnull=False)
    for row in rows.only("patient_id", "about", "channel", "kind", "state", "due_at", "attempted_at"):
        in_hand = row.state == Notice.State.CLAIMED and row.attempted_at is None
        state = Notice.State.PLANNED if in_hand else row.state
        found.kin[_kin(row)][row.kind] = (state, row.attempted_at or row.due_at)


def _kin(notice: Notice) -> tuple[int, str, str]:
    return notice.patient_id or 0, notice.about, notice.channel


def _courses(found: Context, notices: Sequence[Notice]) -> None:
    """The open visits of the same orders and courses, by dose number."""
    doses = [n.visit.dose for n in notices if n.visit and n.visit.dose and n.kind in ONCE_A_COURSE]
    if not doses:
        return
    visits = Visit.objects.filter(
        dose__prescription__in={dose.prescription_id for dose in doses}, state__in=states.OPEN
    ).select_related("dose")
    for visit in visits:
        assert visit.dose
        found.days[visit.dose.prescription_id, visit.dose.course][visit.dose.number] = visit


def _screens(found: Context, notices: Sequence[Notice]) -> None:
    people = {n.patient_id for n in notices if n.kind == Notice.Kind.HEALTH_SCREEN}
    if not people:
        return
    papers = Evidence.objects.filter(patient_id__in=people, kind=SCREEN, withdrawn_at__isnull=True)
    oldest_first = papers.order_by("dated_on", "pk")
    for patient_id, on, clear in oldest_first.values_list("patient_id", "dated_on", "clear"):
        found.screens[patient_id].append((on, clear))


def judge(notice: Notice, found: Context, now: datetime) -> Verdict:
    """Whether the row, with its patient, user, visit and call loaded, may go at `now`."""
    if notice.user_id is not None:
        return _for_staff(notice, now)
    contact = found.contacts.get((notice.patient_id or 0, notice.channel))
    if now >= notice.expires_at:
        return Verdict(OVER, "the visit's time had come" if notice.visit_id else "its day had passed")
    if reason := unreachable(contact) or _gone(notice) or _changed(notice, found):
        return Verdict(NO, reason)
    if notice.visit and notice.visit.attention_code == NURSE_AWAY and notice.kind in cadence.BEFORE:
        return _later(
            notice, now + LOOK_AGAIN, "the visit waits for another nurse", "no other nurse was found"
        )
    if verdict := _said_already(notice, found, now):
        return verdict
    zone = notice.visit.time_zone if notice.visit else notice.patient.time_zone  # type: ignore[union-attr]
    if opening := cadence.quiet_until(now, zone, found.rules.hours):
        return _later(notice, opening, "quiet hours", "quiet hours lasted until the visit")
    if notice.channel == cadence.CAPPED and (reason := _capped(notice, zone, found, now)):
        return Verdict(NO, reason)
    return Verdict(GO)


def _for_staff(notice: Notice, now: datetime) -> Verdict:
    user = notice.user
    assert user is not None
    if now >= notice.expires_at:
        return Verdict(OVER, "too late to be of use")
    if not user.is_active or not user.email:
        return Verdict(NO, "this person does not work here" if not user.is_active else "no address on file")
    if notice.kind == Notice.Kind.UNCONFIRMED and notice.visit and notice.visit.state != "booked":
        return Verdict(NO, f"the visit is {notice.visit.get_state_display().lower()}")
    return Verdict(GO)


def _gone(notice: Notice) -> str:
    """The patient's status as it is now: the claim may be older than the news."""
    assert notice.patient is not None
    status = notice.patient.status
    if status == Patient.Status.DIED:
        return AWAY
    return AWAY if status != Patient.Status.ACTIVE and notice.kind != Notice.Kind.CANCELLED else ""


def _changed(notice: Notice, found: Context) -> str:
    """Why what the message would say is not true any more, or is known already."""
    visit = notice.visit
    if notice.call is not None and notice.call.state != Call.State.OWED:
        return "the call it belongs to is settled"
    if visit is None:
        return ""
    if visit.version != notice.visit_version:
        return "the visit changed after this was planned"
    if notice.kind == Notice.Kind.CANCELLED:
        if visit.state != "cancelled":
            return "the visit is not cancelled"
        return "" if visit.confirmed_at or last_told(visit) else NEVER_TOLD
    if notice.kind == Notice.Kind.ON_THE_WAY:
        return "" if visit.state == "en_route" else f"the visit is {visit.get_state_display().lower()}"
    if visit.state not in states.OPEN:
        return f"the visit is {visit.get_state_display().lower()}"
    if notice.kind == Notice.Kind.CONFIRM and visit.state == "confirmed":
        return "the patient has confirmed already"
    if notice.kind == Notice.Kind.HEALTH_SCREEN:
        return _screened(visit, found)
    return ""


def last_told(visit: Visit) -> Notice | None:
    """The last thing the patient may have heard of this visit, or of those it was moved from."""
    chain: list[int] = []
    step: Visit | None = visit
    while step is not None:
        chain.append(step.pk)
        step = step.moved_from
    heard = Notice.objects.filter(visit_id__in=chain, patient=visit.patient_id, state__in=HEARD)
    return (
        heard.exclude(kind=Notice.Kind.CANCELLED, visit=visit)
        .exclude(state=Notice.State.CLAIMED, attempted_at__isnull=True, visit=visit)
        .select_related("visit")
        .order_by("-due_at", "-pk")
        .first()
    )


def _screened(visit: Visit, found: Context) -> str:
    """A clear screen that still counts on the day, or one that waits for a nurse, is not asked again."""
    day = clock.local_day(visit.starts_at, visit.time_zone)
    since = day - timedelta(days=gate_states.SCREEN_DAYS)
    papers = found.screens[visit.patient_id]
    if papers and not papers[-1][1]:  # as the gate has it: however old, until a newer clear one
        return "a nurse is looking at their answers"
    return "the health questions are answered" if papers and since <= papers[-1][0] <= day else ""


def _said_already(notice: Notice, found: Context, now: datetime) -> Verdict | None:
    """One message says what several kinds would: the first that can go speaks for those after it."""
    visit = notice.visit
    if visit is not None and notice.kind in ONCE_A_COURSE and leads(visit, found) is not None:
        return Verdict(NO, "said with the first day of the course")
    kin = found.kin[_kin(notice)]
    if notice.kind in REPEATS:
        for kind in NEW_TO_THEM:
            state, at = kin.get(kind, ("", now))
            if state in HEARD and at > now - LATELY:
                return Verdict(NO, "they were told of the visit within the last day")
    if notice.kind not in cadence.ONE_MESSAGE:
        return None
    for kind in cadence.ONE_MESSAGE[: cadence.ONE_MESSAGE.index(notice.kind)]:
        state, due_at = kin.get(kind, ("", now))
        if state in HEARD:
            return Verdict(NO, f"said in the message “{Notice.Kind(kind).label}”")
        if state == "planned" and due_at < notice.expires_at:
            return _later(
                notice,
                max(due_at, now) + SOON,
                f"waits for the message “{Notice.Kind(kind).label}”",
                "the message it would follow has not gone",
            )
    return None


def leads(visit: Visit, found: Context) -> Visit | None:
    """The day of the course before this one, when it is booked as well."""
    if visit.dose is None:
        return None
    before = found.days[visit.dose.prescription_id, visit.dose.course].get(visit.dose.number - 1)
    if before is None or not timedelta(0) < visit.starts_at - before.starts_at <= COURSE_GAP:
        return None
    return before


def days_in_a_row(visit: Visit, found: Context) -> int:
    """How many days of the course are booked one after the other, this one first."""
    if visit.dose is None:
        return 1
    days = found.days[visit.dose.prescription_id, visit.dose.course]
    number, last = visit.dose.number + 1, visit
    while (row := days.get(number)) and timedelta(0) < row.starts_at - last.starts_at <= COURSE_GAP:
        number, last = number + 1, row
    return number - visit.dose.number


def _later(notice: Notice, until: datetime, why: str, over: str) -> Verdict:
    """Not before `until`, for `why`; what would be too late then is over now."""
    return Verdict(WAIT, why, until) if until < notice.expires_at else Verdict(OVER, over)


def _capped(notice: Notice, zone: str, found: Context, now: datetime) -> str:
    patient_id = notice.patient_id or 0
    others = [one for row, one in found.waiting[patient_id] if not _one_message(row, notice)]
    return cadence.over_cap(
        notice.priority, now, zone, policy=found.rules, sent=found.sent[patient_id], waiting=others
    )


def _one_message(row: Notice, notice: Notice) -> bool:
    """Whether the two take one place: the same row, or kinds that one message says together."""
    if row.pk == notice.pk:
        return True
    together = row.kind in cadence.ONE_MESSAGE and notice.kind in cadence.ONE_MESSAGE
    return together and row.about == notice.about


def contact_of(notice: Notice, found: Context) -> str:
    """The address or number the row goes to."""
    if notice.user is not None:
        return notice.user.email
    contact = found.contacts[notice.patient_id or 0, notice.channel]
    return contact.value
