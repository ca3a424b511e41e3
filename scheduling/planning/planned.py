"""A visit of a nurse's day as it is booked, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from scheduling.planning.travel import Place


@dataclass(frozen=True, slots=True)
class Planned:
    """A visit of a nurse's day as it is booked: where, when, and its parts in minutes.

    `premedication_lead`: minutes before the infusion the first medicine is given; 0: none. `fixed`: its time is
    promised or it is under way, so nobody moves it without saying so. `missed`: it did not take place; she was
    there, and free again at once.
    """

    key: int
    place: Place
    starts_at: datetime
    ends_at: datetime
    zone: ZoneInfo  # the home's
    state: str = ""  # of the home, for the licence
    needs: tuple[str, ...] = ()
    preparation_minutes: int = 0
    infusion_minutes: int = 0
    observation_minutes: int = 0
    wrap_up_minutes: int = 0
    premedication_lead: int = 0
    fixed: bool = False
    missed: bool = False

    @property
    def free_at(self) -> datetime:
        """When the nurse can drive on."""
        return self.starts_at if self.missed else self.ends_at

    @property
    def held_minutes(self) -> int:
        """Minutes of the nurse's time it takes."""
        return int((self.free_at - self.starts_at).total_seconds() // 60)
