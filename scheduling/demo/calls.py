"""The call list of an ordinary day: most calls made, some due, one late, a worrying answer, a patient not reached."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from accounts.models import User
from scheduling.demo.diary import at
from scheduling.models import Alert, Call
from scheduling.services import alerts, calls, calls_due

DAY = timedelta(days=1)
CLOCK = ((10, 5), (10, 20), (10, 45), (11, 10), (11, 35), (13, 15), (14, 0), (15, 25))
NOTES = (
    "Slept well. No fever.",
    "Tired on the first evening, fine since.",
    "",
    "Asked when the next visit is; told her.",
    "",
    "Headache on the first day, gone with rest.",
)
SHIPPED_NOTES = ("Same address. Husband receives it.", "Neighbor takes the parcel. Needs gloves.", "")
LEFT_OPEN = 3  # of the checks that are due today
ASKED_LATE = 2  # shipments nobody asked about yet


def tell(users: dict[str, User], now: datetime, today: date) -> None:
    """Owe what the last ten days owed, and write down what became of it. The same day gives the same calls."""
    for days in range(10, 0, -1):
        calls_due.owe_shipments(now - days * DAY)
    calls.keep_up(now)
    by = users["coordinator"]
    _tell_shipments(by, now, today)
    _tell_checks(by, now, today)
    _tell_worry(by, now)
    _tell_silence(by, now, today)


def _owed(kind: str, today: date) -> list[Call]:
    """Calls of a kind due by today, the oldest first."""
    found = Call.objects.filter(kind=kind, state=Call.State.OWED, due_on__lte=today)
    return list(found.select_related("patient").order_by("due_on", "patient__mrn", "about"))


def _moment(call: Call, place: int, now: datetime) -> datetime:
    """A time of its day when somebody may have called; never after `now`."""
    hour, minute = CLOCK[place % len(CLOCK)]
    return min(at(call.due_on, time(hour, minute)), now - (place + 1) * timedelta(minutes=2))


def _tell_shipments(by: User, now: datetime, today: date) -> None:
    for place, call in enumerate(_owed(Call.Kind.SHIPMENT, today)[:-ASKED_LATE]):
        note = SHIPPED_NOTES[place % len(SHIPPED_NOTES)]
        calls.record_attempt(call_id=call.pk, outcome="well", by=by, note=note, now=_moment(call, place, now))


def _tell_checks(by: User, now: datetime, today: date) -> None:
    """Checks of the days before were made; of today's the first are, then two that nobody answered."""
    found = _owed(Call.Kind.REACTION_CHECK, today)
    before = [call for call in found if call.due_on < today]
    for place, call in enumerate(before[2:]):  # the first two: one not reached, one late
        note = NOTES[place % len(NOTES)]
        calls.record_attempt(call_id=call.pk, outcome="well", by=by, note=note, now=_moment(call, place, now))
    for kind in (Call.Kind.TWO_WEEK, Call.Kind.NAVIGATOR):
        for place, call in enumerate(_owed(kind, today - DAY)):
            calls.record_attempt(call_id=call.pk, outcome="well", by=by, now=_moment(call, place, now))
    due = [call for call in found if call.due_on == today]
    for place, call in enumerate(due[:-LEFT_OPEN] if len(due) > LEFT_OPEN else []):
        outcome = ("well", "no_answer", "voicemail")[place % 3]
        calls.record_attempt(
            call_id=call.pk, outcome=outcome, by=by, now=now - (place + 1) * timedelta(minutes=11)
        )


def _tell_worry(by: User, now: datetime) -> None:
    """Somebody with a rash after the visit: an alarm nobody has looked at yet."""
    call = (
        Call.objects.filter(state=Call.State.DONE, kind=Call.Kind.REACTION_CHECK)
        .order_by("-due_on", "pk")
        .first()
    )
    if call is not None:
        calls.record_attempt(
            call_id=call.pk,
            outcome="symptoms",
            symptoms=["rash", "fever"],
            by=by,
            note="Called back: rash on both arms since noon, 101 °F.",
            now=now,
        )


def _tell_silence(by: User, now: datetime, today: date) -> None:
    """One check was given up after two days; an older alert was seen to."""
    late = [call for call in _owed(Call.Kind.REACTION_CHECK, today - DAY) if not call.tries]
    if not late:
        return
    for days in (1, 0):
        calls.record_attempt(
            call_id=late[0].pk,
            outcome="voicemail",
            by=by,
            now=now - days * DAY,
        )
    asked = Call.objects.filter(state=Call.State.DONE, kind=Call.Kind.SHIPMENT).order_by("pk").first()
    if asked is None:
        return
    alert = alerts.raise_alert(
        Alert.Kind.NUMBER,
        patient=asked.patient,
        about=f"call {asked.pk}",
        sentence="Before the shipment: the phone number is wrong. Find out how to reach them.",
        call=asked,
        now=now - 3 * DAY,
    )
    alerts.handle(alert.pk, by=by, note="Daughter gave the new number; changed it.", now=now - 2 * DAY)
