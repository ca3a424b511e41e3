"""How fast the dose calendar is, beside a plain `dateutil.rrule` loop that yields as many dates.

A dose of ours comes with its floor, window, amount, minutes, gates, flags and reasons; the reasons are kept as
values and become sentences when read, so each calendar is timed both ways. The rule of `rrule` is the fastest
that yields the regimen's dates (weekly for weeks, daily for courses, monthly for months); it knows no window.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule

from scheduling.regimens import catalogue
from scheduling.rules.calendar import Calendar, Given, Order, plan
from scheduling.rules.regimen import Regimen

TITLE = "Dose calendar beside dateutil.rrule"
PATIENTS, FEWER = 100_000, 10_000
FIRST_DAY = date(2026, 1, 1)
HEIGHT_CM, WEIGHT_KG = Decimal(170), Decimal(70)

Job = Callable[[], int]


def run(seconds: float) -> list[dict[str, object]]:
    """One row a comparison: the best of as many rounds as fit into about `seconds`."""
    share = seconds / 4
    return [
        compare("ten years of natalizumab", ten_years(rendered=False), ten_years_rrule, share),
        compare("the same, reasons as sentences", ten_years(rendered=True), ten_years_rrule, share),
        compare(f"{PATIENTS:,} patients, two years", *mixed(PATIENTS, rendered=False), share),
        compare(f"{FEWER:,} of them, reasons as sentences", *mixed(FEWER, rendered=True), share),
    ]


def compare(name: str, ours: Job, theirs: Job, seconds: float) -> dict[str, object]:
    """Rounds of both, one after the other, so that a busy moment of the machine meets both."""
    best_ours = best_theirs = float("inf")
    doses = dates = 0
    until = time.perf_counter() + seconds
    while True:
        doses, took = timed(ours)
        best_ours = min(best_ours, took / doses)
        dates, took = timed(theirs)
        best_theirs = min(best_theirs, took / dates)
        if time.perf_counter() > until:
            break
    assert doses == dates, f"{name}: {doses} doses and {dates} dates"
    return {
        "what": name,
        "doses": doses,
        "doses/s": 1 / best_ours,
        "us/dose": best_ours * 1e6,
        "rrule us/date": best_theirs * 1e6,
        "ratio": best_ours / best_theirs,
    }


def timed(job: Job) -> tuple[int, float]:
    gc.collect()
    started = time.perf_counter()
    made = job()
    return made, time.perf_counter() - started


def read(made: Calendar, rendered: bool) -> int:
    if rendered:
        for dose in made.planned:
            assert dose.reasons
    return len(made.planned)


def ten_years(*, rendered: bool) -> Job:
    regimen = catalogue.get("natalizumab_q4w")
    order, until = Order(FIRST_DAY), date(2036, 1, 1)

    def job() -> int:
        return sum(read(plan(regimen, order, (), FIRST_DAY, until=until), rendered) for _ in range(50))

    return job


def ten_years_rrule() -> int:
    start, until = midnight(FIRST_DAY), midnight(date(2036, 1, 1))
    return sum(len(list(rrule(WEEKLY, interval=4, dtstart=start, until=until))) for _ in range(50))


def patients(count: int) -> Iterator[tuple[Regimen, Order, tuple[Given, ...]]]:
    """The regimens in turn, starts spread over four weeks, a history for two in three."""
    regimens = list(catalogue.all_current().values())
    for number in range(count):
        regimen = regimens[number % len(regimens)]
        start_on = FIRST_DAY - timedelta(days=number % 29)
        history: tuple[Given, ...] = ()
        if number % 3:
            history = (Given(1, start_on, "mild" if number % 7 == 0 else "none"),)
        yield regimen, Order(start_on, height_cm=HEIGHT_CM, weight_kg=WEIGHT_KG), history


def mixed(count: int, *, rendered: bool) -> tuple[Job, Job]:
    """Our calendars, and for every patient the nearest plain rule with as many dates."""
    people = list(patients(count))
    until = FIRST_DAY + timedelta(days=731)
    rules = [
        (*nearest_rule(regimen, order), len(plan(regimen, order, history, FIRST_DAY, until=until).planned))
        for regimen, order, history in people
    ]

    def ours() -> int:
        return sum(
            read(plan(regimen, order, history, FIRST_DAY, until=until), rendered)
            for regimen, order, history in people
        )

    def theirs() -> int:
        return sum(
            len(list(rrule(frequency, interval=interval, dtstart=start, count=dates)))
            for frequency, interval, start, dates in rules
        )

    return ours, theirs


def nearest_rule(regimen: Regimen, order: Order) -> tuple[int, int, datetime]:
    interval = regimen.steps[-1].interval
    if interval.months:  # a plain monthly rule skips a month that lacks the day
        return MONTHLY, interval.months, midnight(order.start_on.replace(day=min(order.start_on.day, 28)))
    days = interval.length_days or 28
    frequency, length = (WEEKLY, days // 7) if days % 7 == 0 else (DAILY, days)
    return frequency, length, midnight(order.start_on)


def midnight(on: date) -> datetime:
    return datetime.combine(on, clock.min)


if __name__ == "__main__":
    for row in run(float(sys.argv[1]) if len(sys.argv) > 1 else 40):
        print(
            f"{row['what']}: {row['doses']:,} doses, {row['doses/s']:,.0f} doses/s, {row['us/dose']:.1f} us a dose, "
            f"rrule {row['rrule us/date']:.1f} us a date, {row['ratio']:.2f} times rrule"
        )
