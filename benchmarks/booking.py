"""What a coordinator waits for, beside a bare signed-in view on the same server, at 20,000 and at 200,000 visits.

Everything goes over HTTP through gunicorn with threads, on kept connections, one request at a time; a bare request
is made between any two of ours, so that both see the same machine. Ratios are of medians.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any

from benchmarks import _live
from benchmarks.world import ZONE, World, build

TITLE = "Reading a day, finding a slot, booking"
NURSES, VISITS, WEEKS = 200, 20_000, 7
TIMES = 10  # the second size
BRANCH_NURSES, BRANCH_VISITS = 40, 800
BOOKINGS = 40  # distinct slots booked at each size

COPY = """
INSERT INTO scheduling_visit (patient_id, kind, nurse_id, starts_at, ends_at, time_zone, preparation_minutes,
    infusion_minutes, observation_minutes, wrap_up_minutes, state, version, attention_code, attention,
    override_reason, override_codes, cancel_class, cancel_note, created_at, changed_at)
SELECT patient_id, 'lab_draw', nurse_id, starts_at - %(days)s * interval '1 day', ends_at - %(days)s * interval '1 day',
    time_zone, 30, 0, 0, 0, 'completed', 1, '', '', '', '[]', '', '', created_at, changed_at
FROM scheduling_visit WHERE starts_at >= %(first)s AND starts_at < %(last)s
"""


@dataclass(frozen=True)
class Scene:
    """What is asked for: a nurse's full day, the branch's fullest day, a dose due in a full week, doses to book."""

    world: World
    token: str
    nurse: int
    on: date
    branch_on: date
    dose: int
    to_book: tuple[tuple[int, int, datetime], ...]  # dose, nurse, start


def run(seconds: float) -> list[dict[str, object]]:
    """Rows for both sizes; `growth` is the median at the larger size over that at the smaller."""
    _live.setup()
    with _live.database() as name:
        from django.test.utils import override_settings

        scene = make_scene()
        with _live.server(name, "threads") as port, override_settings(ROOT_URLCONF="benchmarks._bare_urls"):
            client = _live.Client(port, scene.token)
            small = measured(scene, client, seconds / 6, scene.to_book[:BOOKINGS])
            grow(scene.world)
            large = measured(scene, client, seconds / 6, scene.to_book[BOOKINGS:])
    before = {row["what"]: row["p50 ms"] for row in small}
    for row in small:
        row["growth"] = ""
    for row in large:
        row["growth"] = row["p50 ms"] / before[row["what"]]  # type: ignore[operator]
    return small + large


def make_scene() -> Scene:
    from knox.models import AuthToken

    from tests import makers

    now = datetime.now(tz=ZONE)
    first = now.date() + timedelta(days=35 - now.weekday())
    world = build(NURSES, VISITS, WEEKS * 7, first=first, now=now)
    on = first + timedelta(days=WEEKS * 7 // 2)
    branch_on = first + timedelta(days=WEEKS * 7 + 30)
    fill_branch(world, branch_on)
    orders = [makers.make_prescription(by=world.user, now=now, start_on=on) for _n in range(2 * BOOKINGS + 1)]
    doses = [makers.make_dose(order, by=world.user, now=now).pk for order in orders]
    later = branch_on + timedelta(days=30)
    free = [
        (nurse, datetime.combine(later + timedelta(days=day), clock(9), ZONE))
        for nurse in world.nurses[:40:2]
        for day in range(0, 28, 7)
    ]
    return Scene(
        world=world, token=AuthToken.objects.create(world.user)[1], nurse=world.nurses[3], on=on,
        branch_on=branch_on, dose=doses[0],
        to_book=tuple((dose, *slot) for dose, slot in zip(doses[1:], free, strict=True)),
    )  # fmt: skip


def fill_branch(world: World, on: date) -> None:
    """One day with twenty short visits for each of forty nurses."""
    from scheduling.models import Visit

    rows = []
    for number in range(BRANCH_VISITS):
        turn, nurse = divmod(number, BRANCH_NURSES)
        starts_at = datetime.combine(on, clock(6), ZONE) + timedelta(minutes=45 * turn)
        rows.append(
            Visit(
                patient_id=world.patients[number % len(world.patients)], nurse_id=world.nurses[nurse],
                kind="lab_draw", starts_at=starts_at, ends_at=starts_at + timedelta(minutes=20),
                time_zone=ZONE.key, preparation_minutes=20,
            )
        )  # fmt: skip
    Visit.objects.bulk_create(rows)


def grow(world: World) -> None:
    """Nine times the same weeks, before the first: the past a branch has behind it."""
    from django.db import connection

    days = WEEKS * 7
    first = datetime.combine(world.days[0], clock(0), ZONE)
    last = datetime.combine(world.days[-1] + timedelta(days=1), clock(0), ZONE)
    with connection.cursor() as cursor:
        for turn in range(1, TIMES):
            cursor.execute(COPY, {"days": days * turn, "first": first, "last": last})
        cursor.execute("ANALYZE")


def measured(
    scene: Scene, client: _live.Client, seconds: float, bookings: Sequence[tuple[int, int, datetime]]
) -> list[dict[str, object]]:
    from scheduling.models import Visit

    on, week = scene.on.isoformat(), scene.on + timedelta(days=6)
    gets = {
        "a nurse's day": f"/api/v1/days/?on={on}&nurse={scene.nurse}",
        "the branch's day": f"/api/v1/days/?on={scene.branch_on.isoformat()}",
        "a week's ten best slots": f"/api/v1/doses/{scene.dose}/slots/?from={on}&to={week.isoformat()}",
    }
    bare = f"/bare/{Visit.objects.earliest('pk').pk}/"
    count = Visit.objects.count()
    rows = []
    for what, path in gets.items():
        found = paired(lambda path=path: client.get(path), lambda: client.get(bare), seconds / 4)  # type: ignore[misc]
        rows.append({"what": what, "visits": count, "queries": queries(scene, path), **found})
    wishes = iter(bookings)

    def book() -> None:
        dose, nurse, starts_at = next(wishes)
        body = {"dose": dose, "nurse": nurse, "starts_at": starts_at.isoformat(), "override": "Measured."}
        client.post("/api/v1/visits/", body, 201)

    found = paired(book, lambda: client.get(bare), seconds / 4, most=len(bookings))
    return [*rows, {"what": "booking distinct slots", "visits": count, "queries": "", **found}]


def paired(
    ours: Callable[[], Any], bare: Callable[[], Any], seconds: float, most: int = 100_000
) -> dict[str, object]:
    """Medians of both, taken in turn; the first two of each warm up and do not count, unless they are few."""
    warm = 2 if most > 1_000 else 1
    took: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    until = time.perf_counter() + seconds
    turns = 0
    while turns < most and (turns < 10 or time.perf_counter() < until):
        for job, times in zip((ours, bare), took, strict=True):
            began = time.perf_counter()
            job()
            if turns >= warm:
                times.append((time.perf_counter() - began) * 1000)
        turns += 1
    for times in took:
        times.sort()
    mine, least = took
    p50, bare50 = mine[len(mine) // 2], least[len(least) // 2]
    return {
        "p50 ms": p50, "p95 ms": mine[min(len(mine) - 1, len(mine) * 95 // 100)], "bare p50 ms": bare50,
        "ratio": p50 / bare50, "calls": len(mine),
    }  # fmt: skip


def queries(scene: Scene, path: str) -> int:
    """How many a request asks of the database, signing in included."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"Authorization": f"Token {scene.token}"})
    client.get(path)  # what is kept between requests is there now
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path)
    assert answer.status_code == 200, answer.content
    assert json.loads(answer.content)
    return len(asked)
