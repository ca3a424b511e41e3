"""The best times for several lines of the queue that fit together. Reads only: a search a line, and the nurses once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from scheduling import clock
from scheduling.planning.assignment import Option, Room, Wish, assign, urgency
from scheduling.planning.travel import Roads
from scheduling.readings import roster, slots
from scheduling.readings.slot_panel import Panel
from scheduling.services import travel

WHY_LEFT = {
    "NO_OPTION": gettext_lazy("No nurse has a time for it."),
    "NO_ROOM": gettext_lazy("Its times have been taken meanwhile."),
    "TIMES_GIVEN": gettext_lazy("Every time that fits is needed for the other lines."),
}


@dataclass(frozen=True)
class Proposal:
    """One line with the time proposed for it, or why there is none. `reason`: somebody must say why it is booked."""

    panel: Panel
    card: dict[str, Any] | None
    why_not: str = ""
    reason: bool = False


def propose(user: User, panels: Sequence[Panel]) -> list[Proposal]:
    """A time for as many of the lines as possible, the urgent first, then with the least driving; in their order."""
    apart = {place: why for place, panel in enumerate(panels) if (why := _not_here(panel))}
    found = {
        place: list(zip(panel.finding.slots, slots.cards(panel.finding, ""), strict=True))
        for place, panel in enumerate(panels)
        if place not in apart
    }
    wishes = [_wish(place, panels[place], [slot for slot, _card in pairs]) for place, pairs in found.items()]
    rooms = _rooms(user, [panels[place] for place in found])
    plan = assign(wishes, rooms, _roads(wishes, rooms))
    proposals = []
    for place, panel in enumerate(panels):
        if place in plan.chosen:
            slot, card = _pair_of(plan.chosen[place], found[place])
            proposals.append(Proposal(panel, card, reason=bool(panel.finding.warnings.get(slot.on))))
        else:
            why = apart.get(place) or str(WHY_LEFT[plan.left[place]])
            proposals.append(Proposal(panel, None, why))
    return proposals


def _not_here(panel: Panel) -> str:
    """Why the line is left to a page of its own."""
    if panel.live is not None:
        return _("It has a visit already.")
    if panel.is_course:
        return _("A course is booked day by day, all or none: find its times by itself.")
    return " ".join(panel.refused) if not panel.finding.slots else ""


def _wish(place: int, panel: Panel, found: Sequence[Any]) -> Wish:
    today = clock.today_in(panel.patient.time_zone, panel.now)
    left = ((panel.latest_on or panel.due_on) - today).days
    return Wish(
        key=place,
        patient=panel.patient.pk,
        place=panel.patient.place,
        length=panel.wanted.length,
        options=tuple(Option(slot.nurse, slot.starts_at, slot.cost) for slot in found),
        weight=urgency(left),
    )


def _rooms(user: User, panels: Sequence[Panel]) -> dict[int, Room]:
    """The nurses with their visits around every time found."""
    starts = [slot.starts_at for panel in panels for slot in panel.finding.slots]
    if not starts:
        return {}
    day = timedelta(days=1)
    members = roster.roster(user, min(starts) - day, max(starts) + 2 * day)
    return {
        member.nurse.pk: Room(member.facts.zone, member.facts.day_limit_minutes, member.facts.stops)
        for member in members
    }


def _roads(wishes: Sequence[Wish], rooms: Mapping[int, Room]) -> Roads:
    """Between the homes of the wishes, and to and from every stop there is already."""
    homes = {wish.place for wish in wishes}
    ends = homes | {stop.place for room in rooms.values() for stop in room.stops}
    return travel.drives(pair for home in homes for pair in travel.both_ways(home, ends))


def _pair_of(option: Option, pairs: Sequence[tuple[Any, dict[str, Any]]]) -> tuple[Any, dict[str, Any]]:
    """The slot and its card that the plan chose."""
    wanted = (option.nurse, option.starts_at)
    return next(pair for pair in pairs if (pair[0].nurse, pair[0].starts_at) == wanted)
