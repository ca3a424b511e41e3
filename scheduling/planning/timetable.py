"""A nurse's day to the minute: when to leave, arrive and begin each part of a visit, and when she is home. Pure.

Every time is an aware UTC moment and every length elapsed minutes: nothing is added to a wall's clock, so a day on
which the clocks change is as right as any other. Visits keep the times they are booked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduling.planning.busy_hours import Leg, RoadAt
from scheduling.planning.cautions import Caution, of_day, of_drive, of_stop
from scheduling.planning.facts import NurseFacts
from scheduling.planning.planned import Planned
from scheduling.planning.travel import Place

METRES_PER_MILE = 1609.344


@dataclass(frozen=True, slots=True)
class StopTimes:
    """One visit of the day in its place. `leave_by`: from the stop before, or from home.

    `slack_minutes`: how long she can stay at the stop before beyond its end; below 0 the drive does not fit; None at
    the first stop. A part the visit does not have is None.
    """

    number: int  # from 1
    planned: Planned
    drive: Leg
    leave_by: datetime
    slack_minutes: int | None
    cautions: tuple[Caution, ...]

    @property
    def key(self) -> int:
        return self.planned.key

    @property
    def arrive_at(self) -> datetime:
        """When she is awaited at the door: the visit's start."""
        return self.planned.starts_at

    @property
    def premedication_at(self) -> datetime | None:
        """When the first medicine before the infusion is given; never before the visit begins."""
        lead, infusion_at = self.planned.premedication_lead, self.infusion_at
        if not lead or infusion_at is None:
            return None
        return max(self.arrive_at, infusion_at - timedelta(minutes=lead))

    @property
    def infusion_at(self) -> datetime | None:
        if not self.planned.infusion_minutes:
            return None
        return self.arrive_at + timedelta(minutes=self.planned.preparation_minutes)

    @property
    def infusion_ends_at(self) -> datetime | None:
        at = self.infusion_at
        return at + timedelta(minutes=self.planned.infusion_minutes) if at else None

    @property
    def observation_at(self) -> datetime | None:
        """When watching begins: the end of the infusion."""
        return self.infusion_ends_at if self.planned.observation_minutes else None

    @property
    def wrap_up_at(self) -> datetime | None:
        """When the last part begins: after observation, or after the infusion."""
        at = self.infusion_ends_at
        return at + timedelta(minutes=self.planned.observation_minutes) if at else None

    @property
    def ends_at(self) -> datetime:
        return self.planned.ends_at

    @property
    def miles(self) -> float:
        return self.drive.metres / METRES_PER_MILE


@dataclass(frozen=True, slots=True)
class Timetable:
    """The day in order. `home`: the drive back after the last stop; None on a day without visits."""

    nurse: int
    on: date
    zone: ZoneInfo
    stops: tuple[StopTimes, ...]
    home: Leg | None
    home_at: datetime | None
    cautions: tuple[Caution, ...]  # of the day as a whole; those of a stop stand with it

    @property
    def leave_home_at(self) -> datetime | None:
        return self.stops[0].leave_by if self.stops else None

    @property
    def legs(self) -> list[Leg]:
        """Every drive of the day in order, the one home last."""
        return [stop.drive for stop in self.stops] + ([self.home] if self.home else [])

    @property
    def drive_minutes(self) -> int:
        return sum(leg.minutes for leg in self.legs)

    @property
    def metres(self) -> int:
        return sum(leg.metres for leg in self.legs)

    @property
    def miles(self) -> float:
        return self.metres / METRES_PER_MILE

    @property
    def visit_minutes(self) -> int:
        return sum(stop.planned.held_minutes for stop in self.stops)

    @property
    def waiting_minutes(self) -> int:
        """Minutes between visits that are neither driving nor a visit."""
        return sum(max(stop.slack_minutes or 0, 0) for stop in self.stops)

    @property
    def least_slack(self) -> int | None:
        """The tightest of the day; None with fewer than two stops."""
        return min(
            (stop.slack_minutes for stop in self.stops if stop.slack_minutes is not None), default=None
        )

    @property
    def all_cautions(self) -> list[Caution]:
        """Those of the stops in order, then those of the day."""
        return [caution for stop in self.stops for caution in stop.cautions] + list(self.cautions)

    @property
    def told(self) -> bool:
        """Whether a travel service told every drive; else at least one is estimated."""
        return all(leg.told for leg in self.legs)


def timetable(
    nurse: NurseFacts, on: date, stops: Sequence[Planned], road: RoadAt, *, today: date
) -> Timetable:
    """The nurse's visits that start on `on`, the local day of her own zone, in the order of their starts.

    `today` decides which papers run out soon; it is her day, too. No stops: no drive and no home time.
    """
    lines: list[StopTimes] = []
    place: Place = nurse.home
    free_at: datetime | None = None
    for number, planned in enumerate(sorted(stops, key=lambda stop: (stop.starts_at, stop.key)), start=1):
        leg = road(place, planned.place, planned.starts_at, nurse.zone)
        leave_by = planned.starts_at - timedelta(minutes=leg.minutes)
        slack = None if free_at is None else int((leave_by - free_at) // timedelta(minutes=1))
        cautions = (*of_drive(leg, slack), *of_stop(nurse, on, planned))
        lines.append(StopTimes(number, planned, leg, leave_by.astimezone(UTC), slack, cautions))
        place, free_at = planned.place, planned.free_at
    home = road.leaving(place, nurse.home, free_at, nurse.zone) if free_at is not None else None
    home_at = free_at + timedelta(minutes=home.minutes) if free_at is not None and home else None
    return Timetable(
        nurse=nurse.key,
        on=on,
        zone=nurse.zone,
        stops=tuple(lines),
        home=home,
        home_at=home_at.astimezone(UTC) if home_at else None,
        cautions=tuple(of_day(nurse, on, [line.planned for line in lines], home_at, today=today)),
    )
