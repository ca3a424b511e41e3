"""What the page of one visit shows. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scheduling import clock
from scheduling.models import HealthScreen, Visit
from scheduling.readings import notices, replies, screen_words, words
from scheduling.rules import states
from scheduling.services import doses, outcomes, readiness, screens


def file_of(visit: Visit, *, by: User, now: datetime | None = None) -> dict[str, Any]:
    """Status, order, gates, moves, messages and what may be done of a visit loaded with what it hangs on."""
    now = now or timezone.now()
    status, word = words.visit_status(visit)
    others = _kin(visit)
    allowed = states.MOVES[visit.state]
    over = visit.ends_at <= now
    found: dict[str, Any] = {
        "status": status,
        "word": word,
        "open": visit.state in states.OPEN,
        "unresolved": over and bool(allowed),
        "may_cancel": "cancelled" in allowed,
        "may_confirm": visit.state == "booked" and not over,
        "may_miss": "missed" in allowed and visit.starts_at <= now,
        "may_undo": _may_undo(visit, by, now),
        "lines": notices.of_visit(visit.pk),
        "asked": replies.asked_of(visit),
        "worry": _worry(visit, now),
        "chain": [_link(other, visit) for other in _chain(visit, others)],
    }
    linked = {link["visit"].pk for link in found["chain"]}
    found["moves"] = [_link(other, visit) for other in others if other.pk not in linked and other != visit]
    dose = visit.dose
    if dose is None:
        return found
    day = clock.local_day(visit.starts_at, visit.time_zone)
    found["regimen"] = doses.regimen_of(dose.prescription)
    found["gates"] = [
        {
            "word": gate.title,
            "status": "ok" if gate.met else "stop" if gate.bites_at_booking else "wait",
            "text": gate.sentence.removeprefix(f"{gate.title}:").strip(),
        }
        for gate in readiness.gates(dose, day)
    ]
    return found


def _worry(visit: Visit, now: datetime) -> str:
    """What keeps the gate of the health questions closed, in words; "" while nothing does."""
    if screens.standing(visit, now=now) != screens.FLAGGED:
        return ""
    last = visit.health_screens.filter(state=HealthScreen.State.FLAGGED).first()
    return (screen_words.in_short(last) if last else "") or _("not clear")


def _kin(visit: Visit) -> list[Visit]:
    """This visit and the others it can be linked with, oldest first: of its dose, its check, or its kind."""
    if visit.dose_id is not None:
        same: dict[str, Any] = {"dose": visit.dose_id}
    elif visit.planned_check_id is not None:
        same = {"planned_check": visit.planned_check_id}
    else:
        same = {"patient": visit.patient_id, "kind": visit.kind, "planned_check": None}
    return list(Visit.objects.filter(**same).select_related("nurse").order_by("pk"))


def _chain(visit: Visit, kin: list[Visit]) -> list[Visit]:
    """The times this visit had before and after it was moved, in order, itself included; [] when it never moved."""
    by_key = {other.pk: other for other in kin}
    follows = {other.moved_from_id: other for other in kin if other.moved_from_id}
    before, at = [], visit.moved_from_id
    while at in by_key:
        before.insert(0, by_key[at])
        at = by_key[at].moved_from_id
    after, last = [], visit.pk
    while last in follows:
        after.append(follows[last])
        last = follows[last].pk
    return [*before, visit, *after] if before or after else []


def _link(other: Visit, here: Visit) -> dict[str, Any]:
    status, word = words.visit_status(other)
    return {"visit": other, "status": status, "word": word, "here": other == here}


def _may_undo(visit: Visit, by: User, now: datetime) -> bool:
    """Whether this person booked or moved it so lately that services.outcomes.undo takes it back."""
    fresh = visit.created_at > now - outcomes.UNDO_FOR
    return visit.state in states.OPEN and visit.booked_by_id == by.pk and fresh
