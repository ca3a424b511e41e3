"""How fast the ten best slots are found, beside a bare API view on the same server and data.

The search is timed by itself (arrays in, slots out), with the arrays made from plain facts, and over HTTP with
everything: sign-in, reading the database, the search, the words. Then with twice the nurses, and twice the days.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from scheduling.planning.facts import NurseFacts, Wanted
from scheduling.planning.slots import search, starts_of
from scheduling.planning.team import Team, team
from scheduling.rules.eligibility import CompetencyFact, LicenceFact, ShiftFact, Span, Stop

TITLE = "The ten best slots"
NURSES, DAYS, VISITS = 200, 14, 1_500
MONDAY = date(2027, 3, 1)
NOW = datetime(2027, 2, 1, 15, tzinfo=UTC)
ZONE = ZoneInfo("America/Chicago")
LONG_AGO, LATER = date(2020, 1, 1), date(2099, 1, 1)
NEEDS = ("iv", "ocrelizumab")
SHIFT = (clock(7), clock(18))


def run(seconds: float) -> list[dict[str, object]]:
    """Rows of p50 and p95 in milliseconds."""
    share = seconds / 10
    sizes = [(NURSES, DAYS, VISITS), (NURSES * 2, DAYS, VISITS * 2), (NURSES, DAYS * 2, VISITS * 2)]
    rows = [row for size in sizes for row in pure(*size, share)]
    return rows + over_http(share)


def timed(what: str, job: Callable[[], Any], seconds: float, **more: object) -> dict[str, object]:
    """As many calls as fit, after two that warm up."""
    took = []
    job(), job()
    gc.collect()
    until = time.perf_counter() + seconds
    while not took or time.perf_counter() < until:
        began = time.perf_counter()
        job()
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    p50, p95 = took[len(took) // 2], took[min(len(took) - 1, len(took) * 95 // 100)]
    return {"what": what, "p50 ms": p50, "p95 ms": p95, "calls": len(took), **more}


def places(dice: random.Random) -> tuple[float, float]:
    """Somewhere in Dallas and Fort Worth."""
    return dice.uniform(32.5, 33.2), dice.uniform(-97.5, -96.5)


def booked(nurses: int, days: int, visits: int) -> list[list[tuple[datetime, datetime]]]:
    """For each nurse the spans of her visits: spread evenly, two hours each, at most three a day."""
    spans: list[list[tuple[datetime, datetime]]] = [[] for _n in range(nurses)]
    for number in range(visits):
        turn, nurse = divmod(number, nurses)
        hour, day = divmod(turn * 5 + nurse * 3, days)[0] % 3, (turn * 5 + nurse * 3) % days
        starts_at = datetime.combine(MONDAY + timedelta(days=day), clock(8 + 3 * hour), ZONE).astimezone(UTC)
        if all(starts_at != other for other, _end in spans[nurse]):
            spans[nurse].append((starts_at, starts_at + timedelta(hours=2)))
    return spans


def world(nurses: int, days: int, visits: int) -> tuple[list[NurseFacts], Wanted, list[date]]:
    dice = random.Random(7)
    facts = [
        NurseFacts(
            key=key,
            home=places(dice),
            zone=ZONE,
            day_limit_minutes=600,
            licences=(LicenceFact("TX", True, LONG_AGO, LATER),),
            competencies=tuple(CompetencyFact(code, LONG_AGO, None) for code in NEEDS),
            shifts=tuple(ShiftFact((key + n) % 7, *SHIFT, LONG_AGO, None) for n in range(5)),
            time_off=(),
            stops=tuple(Stop(Span(*span), places(dice)) for span in spans),
        )
        for key, spans in enumerate(booked(nurses, days, visits))
    ]
    due_on = MONDAY + timedelta(days=days // 2)
    wanted = Wanted((32.8, -96.8), "TX", ZONE, timedelta(hours=4), NEEDS, (), due_on, "morning")
    return facts, wanted, [MONDAY + timedelta(days=n) for n in range(days)]


def pure(nurses: int, days: int, visits: int, seconds: float) -> list[dict[str, object]]:
    facts, wanted, asked = world(nurses, days, visits)
    starts = starts_of(asked, wanted, after=NOW)

    def arrays() -> Team:
        return team(facts, asked, wanted.state, wanted.needs)

    ready = arrays()
    size = {
        "nurses": nurses, "days": days, "visits": sum(len(one.stops) for one in facts),
        "nurse-days": len(ready.window_nurse), "queries": 0,
    }  # fmt: skip
    assert len(search(ready, wanted, starts).slots) == 10
    return [
        timed("search", lambda: search(ready, wanted, starts), seconds, **size),
        timed("arrays from facts", arrays, seconds, **size),
    ]


def over_http(seconds: float) -> list[dict[str, object]]:
    """On a database made for this and removed afterwards."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "infusion_home.settings")
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        from tests import makers

        with override_settings(ROOT_URLCONF="benchmarks._slots_urls"), makers.clock_stands_at(NOW):
            return _requests(seconds)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


def _requests(seconds: float) -> list[dict[str, object]]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from knox.models import AuthToken

    from scheduling.models import Visit
    from tests import makers

    user = makers.make_user()
    dose = makers.make_dose(
        makers.make_prescription(by=user, now=NOW, start_on=MONDAY + timedelta(days=DAYS // 2)),
        by=user,
        now=NOW,
    )
    _fill(user)
    client = Client(headers={"Authorization": f"Token {AuthToken.objects.create(user)[1]}"})
    first = Visit.objects.earliest("pk").pk
    query = {"from": MONDAY.isoformat(), "to": (MONDAY + timedelta(days=DAYS - 1)).isoformat()}

    def slots() -> int:
        answer = client.get(f"/api/v1/doses/{dose.pk}/slots/", query)
        assert answer.status_code == 200 and answer.json()["slots"], answer.content
        return len(answer.json()["slots"])

    def bare() -> None:
        assert client.get(f"/bare/{first}/").status_code == 200

    with CaptureQueriesContext(connection) as asked:
        slots()
    with CaptureQueriesContext(connection) as asked_bare:
        bare()
    size = {"nurses": NURSES, "days": DAYS, "visits": Visit.objects.count(), "nurse-days": ""}
    return [
        timed("over HTTP", slots, seconds, **size, queries=len(asked)),
        timed("a bare view", bare, seconds, **size, queries=len(asked_bare)),
    ]


def _fill(user: Any) -> None:
    """The nurses and their visits, as rows."""
    from scheduling.models import Visit
    from tests import makers

    dice = random.Random(7)
    homes = [makers.make_patient(by=user, place=places(dice)) for _n in range(NURSES)]
    rows = []
    for number, spans in enumerate(booked(NURSES, DAYS, VISITS)):
        nurse = makers.make_nurse(user=False, hours=SHIFT, weekdays=[(number + n) % 7 for n in range(5)],
                                  place=places(dice))  # fmt: skip
        rows += [
            Visit(patient=homes[number], nurse=nurse, kind="lab_draw", starts_at=starts_at, ends_at=ends_at,
                  time_zone=ZONE.key)
            for starts_at, ends_at in spans
        ]  # fmt: skip
    Visit.objects.bulk_create(rows)
