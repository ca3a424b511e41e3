"""What patients send or press: kept as it came, and before a person where one is needed.

A wish for another time moves nothing: the visit stands until somebody at the agency has talked to the patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from patients.models import Patient
from scheduling import clock
from scheduling.models import Call, Notice, Reply, Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import calls, events, locks
from scheduling.services.guard import fits, writes

NEWER = "They asked again; the newer one counts."
PARTS = ("morning", "afternoon")
MOST_DAYS = 60
Meaning = Reply.Meaning


@writes
def record(
    *,
    patient: Patient | None,
    via: str,
    meaning: str,
    visit: Visit | None = None,
    notice: Notice | None = None,
    body: str = "",
    sender: str = "",
    provider_id: str = "",
    wishes: Mapping[str, Any] | None = None,
    needs_a_person: bool = False,
    by: User | None = None,
    now: datetime | None = None,
) -> Reply:
    """Keep what came. The same message of a provider (`provider_id`) is kept once, however often it is delivered.

    `by`: the signed-in person who pressed or wrote it down; None for a link or a text.
    """
    said: dict[str, Any] = {
        "patient": patient,
        "visit": visit,
        "notice": notice,
        "via": via,
        "meaning": meaning,
        "body": body,
        "sender": sender[:254],
        "wishes": dict(wishes or {}),
        "needs_a_person": needs_a_person,
        "received_at": now or timezone.now(),
    }
    if provider_id:
        reply, new = Reply.objects.get_or_create(provider_id=provider_id, defaults=said)
    else:
        reply, new = Reply.objects.create(**said), True
    if new:
        role = "patient" if patient else ""
        events.write(
            "reply_received", by=by, role=role, patient=patient, subject=reply, meaning=meaning, via=via
        )
    return reply


@writes
def ask_move(
    *,
    visit: Visit,
    via: str,
    wishes: Mapping[str, Any] | None = None,
    notice: Notice | None = None,
    body: str = "",
    sender: str = "",
    provider_id: str = "",
    by: User | None = None,
    now: datetime | None = None,
) -> Reply:
    """The patient asks for another time. Nothing moves; a coordinator sees it until it is handled.

    `wishes`: {"days": ["2026-03-10"], "part": "morning", "why": "..."}, each as far as it was said. One open wish
    a visit: a newer one takes its place, the very same again changes nothing. Raises BadInput for wishes that
    cannot be read, RuleBroken when the visit has begun, is over or was called off. Locks patient and visit.
    """
    now = now or timezone.now()
    asked = _checked(wishes or {})
    patient, _nurses = locks.patient_and_nurses(visit.patient_id, [])
    visit = locks.visit(visit.pk)
    if visit.state not in states.OPEN or visit.starts_at <= now:
        raise RuleBroken("This visit cannot be moved any more. Call us.", code="VISIT_STATE")
    if provider_id and (known := Reply.objects.filter(provider_id=provider_id).first()):
        return known
    waiting = Reply.objects.select_for_update(no_key=True).filter(
        visit=visit, meaning=Meaning.MOVE, needs_a_person=True, handled_at__isnull=True
    )
    for old in waiting:
        if not provider_id and (old.wishes, old.body) == (asked, body):
            return old
    reply = record(
        patient=patient, visit=visit, notice=notice, via=via, meaning=Meaning.MOVE, body=body, sender=sender,
        provider_id=provider_id, wishes=asked, needs_a_person=True, by=by, now=now,
    )  # fmt: skip
    waiting.exclude(pk=reply.pk).update(handled_at=now, handled_note=NEWER)
    return reply


@writes
def call_me(
    *,
    patient: Patient,
    via: str,
    visit: Visit | None = None,
    notice: Notice | None = None,
    body: str = "",
    sender: str = "",
    provider_id: str = "",
    by: User | None = None,
    now: datetime | None = None,
) -> Reply:
    """The patient asks to be called: a call is owed today, once for each time they ask. Locks the patient."""
    now = now or timezone.now()
    patient, _nurses = locks.patient_and_nurses(patient.pk, [])
    reply = record(
        patient=patient, visit=visit, notice=notice, via=via, meaning=Meaning.CALL_ME, body=body, sender=sender,
        provider_id=provider_id, by=by, now=now,
    )  # fmt: skip
    today = clock.today_in(patient.time_zone, now)
    calls.owe(
        patient=patient,
        kind=Call.Kind.CALL_BACK,
        about=f"reply {reply.pk}",
        due_on=today,
        visit=visit,
        now=now,
    )
    return reply


@writes
def handle(reply_id: int, *, by: User, note: str = "", now: datetime | None = None) -> Reply:
    """Somebody has seen to it. Doing so twice changes nothing; after another person it is Conflict."""
    reply = Reply.objects.select_for_update(no_key=True).get(pk=reply_id)
    if reply.handled_at is not None:
        if reply.handled_by_id == by.pk:
            return reply
        raise Conflict("Somebody has handled this already.", code="ALREADY_HANDLED")
    reply.handled_at, reply.handled_by = now or timezone.now(), by
    reply.handled_note = fits(note, "note")
    reply.save(update_fields=["handled_at", "handled_by", "handled_note"])
    events.write("reply_handled", by=by, patient=reply.patient_id, subject=reply, why=note)
    return reply


def open_move(visit: Visit) -> Reply | None:
    """The wish for another time of the visit that nobody has handled yet."""
    asked = Reply.objects.filter(
        visit=visit, meaning=Meaning.MOVE, needs_a_person=True, handled_at__isnull=True
    )
    return asked.first()


def _checked(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The wishes as they are stored: sorted days, a known part of the day, a reason of a sentence or two."""
    days = sorted(set(wishes.get("days") or ()))
    try:
        days = [date.fromisoformat(day).isoformat() for day in days]
    except (TypeError, ValueError) as error:
        raise BadInput("Choose days from the list.", field="days") from error
    part = wishes.get("part") or ""
    if part not in ("", *PARTS):
        raise BadInput("Choose morning or afternoon.", field="part")
    why = fits(str(wishes.get("why") or ""), "why")
    found = {"days": days[:MOST_DAYS], "part": part, "why": why}
    return {name: said for name, said in found.items() if said}
