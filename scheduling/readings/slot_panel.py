"""The panel beside the queue: the times for one dose, course or check, who keeps one just now, and by whom it was lost.

Reads only, in a constant number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from patients.models import Patient
from scheduling import clock
from scheduling.models import PlannedCheck, PlannedDose, SlotHold, Visit
from scheduling.readings import checks, queue, rivals, slots, words
from scheduling.services import bookable, doses, slot_holds
from scheduling.services.bookable import Bookable

BEST = 3  # shown before "More times"


@dataclass
class Panel:
    """What is to be booked, with its times. `run` is the days of a course that are booked together, else one dose."""

    user: User
    wanted: Bookable
    run: tuple[PlannedDose, ...] = ()
    now: datetime = field(default_factory=lambda: timezone.now())

    @classmethod
    def of_dose(cls, user: User, dose: PlannedDose) -> Panel:
        """For a dose with `prescription.patient` loaded."""
        return cls(user, bookable.of_dose(dose), queue.run_of(user, dose))

    @classmethod
    def of_check(cls, user: User, check: PlannedCheck) -> Panel:
        """For a check with `patient` loaded."""
        return cls(user, bookable.of_check(check))

    @property
    def patient(self) -> Patient:
        return self.wanted.patient

    @property
    def dose(self) -> PlannedDose | None:
        return self.wanted.dose

    @property
    def key(self) -> str:
        """The line of the queue this belongs to."""
        return f"dose-{self.dose.pk}" if self.dose else f"check-{self.wanted.check.pk}"

    @property
    def is_course(self) -> bool:
        return len(self.run) > 1

    @property
    def may_hold(self) -> bool:
        """One time of one dose can be kept for a few minutes; a course and a check cannot."""
        return self.dose is not None and not self.is_course

    @property
    def title(self) -> str:
        """What is given or drawn."""
        if self.dose is None:
            return checks.title_of(self.wanted.check)
        name = doses.regimen_of(self.dose.prescription).display_name
        if self.is_course:
            numbers = {"drug": name, "first": self.run[0].number, "last": self.run[-1].number}
            return _("%(drug)s, doses %(first)d to %(last)d") % numbers
        return _("%(drug)s, dose %(number)d") % {"drug": name, "number": self.dose.number}

    @property
    def due_on(self) -> Any:
        return self.dose.due_on if self.dose else self.wanted.check.due_on

    @property
    def latest_on(self) -> Any:
        return self.dose.window_end_on if self.dose else self.wanted.check.window_end_on

    @property
    def window(self) -> tuple[date | None, date | None]:
        """First and last day it is meant for."""
        subject = self.dose or self.wanted.check
        return subject.window_start_on, subject.window_end_on

    @property
    def minutes(self) -> int:
        return int(self.wanted.length.total_seconds() // 60)

    @cached_property
    def live(self) -> Visit | None:
        """The visit it has already."""
        return rivals.live_visit_of(self.wanted)

    @cached_property
    def finding(self) -> slots.Finding | slots.CourseFinding:
        """The times of a course all together, or of the one visit."""
        if self.is_course:
            return slots.find_course(self.user, self.run, now=self.now)
        if self.dose is None:
            return slots.find_for_check(self.user, self.wanted.check, now=self.now)
        return slots.find(self.user, self.dose, now=self.now)

    def cards(self) -> list[dict[str, Any]]:
        """The times as booking/_time.html shows them, the best first; the one this person keeps stands apart."""
        found = self._cards()
        if self.mine is None:
            return found
        return [card | {"best": False} for card in found if card["value"] != self.mine["value"]]

    def _cards(self) -> list[dict[str, Any]]:
        if self.is_course:
            return slots.course_cards(self.finding, "")
        return slots.cards(self.finding, "")

    @property
    def refused(self) -> list[str]:
        """Why no time, or why not one day, is possible: each sentence once."""
        found = self.finding
        return sorted({problem.text for problem in (*found.blocked, *found.refused.values())})

    @cached_property
    def _standing(self) -> list[SlotHold]:
        mine = {"dose__in": [dose.pk for dose in self.run]} if self.run else {"patient": self.patient}
        near = Q(**mine)
        if days := self.finding.days:
            zone = self.patient.time_zone
            near |= Q(
                starts_at__gte=clock.day_bounds(min(days), zone)[0],
                starts_at__lt=clock.day_bounds(max(days), zone)[1],
            )
        kept = slot_holds.standing(self.now).filter(near)
        return list(kept.select_related("held_by", "nurse").order_by("starts_at", "pk"))

    @cached_property
    def mine(self) -> dict[str, Any] | None:
        """The time this person keeps for it, and how long still."""
        ids = {dose.pk for dose in self.run}
        for hold in self._standing:
            if hold.held_by_id == self.user.pk and hold.dose_id in ids:
                return self._told(hold)
        return None

    @cached_property
    def others(self) -> list[dict[str, Any]]:
        """What colleagues keep on these days: when, with whom, until when; never for whom."""
        return [self._told(hold) for hold in self._standing if hold.held_by_id != self.user.pk]

    def _told(self, hold: SlotHold) -> dict[str, Any]:
        zone = self.patient.time_zone
        start = hold.starts_at.astimezone(ZoneInfo(zone))
        return {
            "hold": hold,
            "who": hold.held_by.get_full_name() or hold.held_by.get_username(),
            "when": words.at_words(hold.starts_at, zone),
            "nurse": hold.nurse.listed_name,
            "until": words.clock_words(hold.expires_at.astimezone(ZoneInfo(zone))),
            "left": max(int((hold.expires_at - self.now).total_seconds()), 0),
            "value": f"{hold.nurse_id}|{start:%Y-%m-%d|%H:%M}",
        }
