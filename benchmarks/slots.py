"""How fast the ten best slots are found, beside a bare API view on the same server and data.

The search is timed by itself (arrays in, slots out), with the arrays made from what was read, and over HTTP with
everything: sign-in, reading the database, the rules of every day, the search, the words. Then with twice the
nurses, and with twice the days. Ratios are to a view that signs in by token and reads one row by its key.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from statistics import median
from typing import Any

from benchmarks import world
from benchmarks.world import FIRST, NOW, ZONE
from scheduling.planning.crew import crew
from scheduling.planning.facts import NurseFacts, Wanted
from scheduling.planning.slots import search, starts_of
from scheduling.planning.team import Team, assemble, busy
from scheduling.rules.eligibility import CompetencyFact, LicenceFact, ShiftFact, Span, Stop

TITLE = "The ten best slots"
NURSES, DAYS, VISITS = 200, 14, 1_500
SIZES = ((NURSES, DAYS, VISITS), (NURSES * 2, DAYS, VISITS * 2), (NURSES, DAYS * 2, VISITS * 2))
NEEDS = ("iv", "ocrelizumab")


def run(seconds: float) -> list[dict[str, object]]:
    """Rows of p50 and p95 in milliseconds; `ratio` is of the p50 to that of the bare view, called in turns with it."""
    share = seconds / (len(SIZES) * 5)
    rows = [row for size in SIZES for row in pure(*size, share)]
    return rows + [row for size in SIZES for row in over_http(*size, share)]


def timed(jobs: dict[str, Callable[[], Any]], seconds: float) -> list[dict[str, object]]:
    """As many rounds of all the jobs as fit, after some that warm up: in turns, so that whatever else the machine
    does meets them alike. `ratio` is of the p50 to the first one's."""
    took: dict[str, list[float]] = {what: [] for what in jobs}
    for _n in range(5):
        for job in jobs.values():
            job()
    gc.collect()
    until = time.perf_counter() + seconds
    first = next(iter(took.values()))
    while not first or time.perf_counter() < until:
        for what, job in jobs.items():
            began = time.perf_counter()
            job()
            took[what].append((time.perf_counter() - began) * 1000)
    rows: list[dict[str, object]] = []
    base = median(first)
    for what, each in took.items():
        each.sort()
        p95 = each[min(len(each) - 1, len(each) * 95 // 100)]
        ratio = median(each) / base if len(jobs) > 1 else ""
        rows.append({"what": what, "p50 ms": median(each), "p95 ms": p95, "ratio": ratio, "calls": len(each)})
    return rows


def nurse_facts(nurses: int, days: int, visits: int) -> tuple[list[NurseFacts], Wanted, list[date]]:
    """The world of world.build as plain values, all nurses signed off: the most a search can have to do."""
    dice = random.Random(7)
    asked = [FIRST + timedelta(days=n) for n in range(days)]
    facts = [
        NurseFacts(
            key=key,
            home=world.place(dice),
            zone=ZONE,
            day_limit_minutes=600,
            licences=(LicenceFact("TX", True, world.LONG_AGO, world.LATER),),
            competencies=tuple(CompetencyFact(code, world.LONG_AGO, None) for code in NEEDS),
            shifts=tuple(
                ShiftFact(weekday, *world.SHIFT, world.LONG_AGO, None) for weekday in world.weekdays(key)
            ),
            time_off=(),
            stops=tuple(Stop(Span(at, at + world.LENGTH), world.place(dice)) for at in starts),
        )
        for key, starts in enumerate(world.starts_of_all(nurses, visits, tuple(asked)))
    ]
    due_on = FIRST + timedelta(days=days // 2)
    return facts, Wanted((32.8, -96.8), "TX", ZONE, timedelta(hours=4), NEEDS, (), due_on, "morning"), asked


def pure(nurses: int, days: int, visits: int, seconds: float) -> list[dict[str, object]]:
    """No database: of half the nurses, as the drug needs them, and of all."""
    facts, wanted, asked = nurse_facts(nurses, days, visits)
    starts = starts_of(asked, wanted, after=NOW)
    rows = []
    for some in (facts[::2], facts):
        known, changing = crew(some), busy(some)

        def arrays(known: Any = known, changing: Any = changing) -> Team:
            return assemble(known, changing, asked, wanted.state, wanted.needs)

        team = arrays()
        assert len(search(team, wanted, starts).slots) == 10
        on = team.window_day - FIRST.toordinal()
        size = {
            "days": days, "nurses": len(some), "visits": sum(len(one.stops) for one in some),
            "nurse-days": int(((on >= 0) & (on < days)).sum()), "queries": 0,
        }  # fmt: skip
        for what, job in (("search", partial(search, team, wanted, starts)), ("arrays", arrays)):
            rows += [{**row, **size} for row in timed({what: job}, seconds)]
    return rows


def over_http(nurses: int, days: int, visits: int, seconds: float) -> list[dict[str, object]]:
    """On a database made for this and removed afterwards."""
    with database():
        return _requests(nurses, days, visits, seconds)


@contextmanager
def database() -> Iterator[None]:
    """An empty, migrated database of its own; the clock stands at NOW, and bare/<id>/ is an address too."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

    setup_test_environment()
    name, own = connection.settings_dict["NAME"], None
    try:
        own = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        from tests import makers

        with override_settings(ROOT_URLCONF="benchmarks._slots_urls"), makers.clock_stands_at(NOW):
            yield
    finally:
        if own:
            connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


def _requests(nurses: int, days: int, visits: int, seconds: float) -> list[dict[str, object]]:
    from django.db import connection

    from scheduling.models import Visit
    from tests import makers

    made = world.build(nurses, visits, days)
    order = makers.make_prescription(by=made.user, now=NOW, start_on=FIRST + timedelta(days=days // 2))
    dose = makers.make_dose(order, by=made.user, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client, first = made.client(), Visit.objects.earliest("pk").pk
    middle = days // 2  # the due date

    def slots(many: int) -> None:
        first = middle - many // 2
        query = {"from": made.days[first].isoformat(), "to": made.days[first + many - 1].isoformat()}
        answer = client.get(f"/api/v1/doses/{dose.pk}/slots/", query)
        assert answer.status_code == 200 and len(answer.json()["slots"]) == 10, answer.content

    def bare() -> None:
        assert client.get(f"/bare/{first}/").status_code == 200

    jobs = {"a bare view": bare, "slots over HTTP": partial(slots, days), "of one week": partial(slots, 7)}
    queries = {what: _queries(job) for what, job in jobs.items()}
    size = {"nurses": nurses, "visits": made.visits, "nurse-days": ""}
    rows = timed(jobs, seconds)
    return [
        {**row, "days": many, **size, "queries": queries[str(row["what"])]}
        for row, many in zip(rows, (0, days, 7), strict=True)
    ]


def _queries(job: Callable[[], Any]) -> int:
    """Of the second call: the first reads the nurses."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    job()
    with CaptureQueriesContext(connection) as asked:
        job()
        return len(asked)
