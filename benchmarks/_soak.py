"""`make soak`: fifty people want one hour, again and again, under both kinds of web worker.

Every burst is 50 requests that start together. One must be booked, 49 told 409 with a link to other times, none
may fail in another way. Beside each burst of ours runs one of the bare advisory-lock view on the same server, so
that the ratio of their p95 says what the rules, the trail and the message cost. Then twenty different hours of one
nurse, asked for at once: all twenty are booked.

    python -m benchmarks._soak --bursts 200
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import _live
from benchmarks.__main__ import table

CLIENTS = 50
ZONE = ZoneInfo("America/Chicago")


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--bursts", type=int, default=200, help="of each kind of worker (default 200)")
    wish = parser.parse_args()
    _live.setup()
    rows = []
    with _live.database() as name:
        scene = Scene()
        for workers in _live.WORKERS:
            with _live.server(name, workers) as port:
                rows.append(soak(scene, port, workers, wish.bursts))
                print(table(rows[-1:]), flush=True)
    print(f"\nBursts of {CLIENTS}\n{table(rows)}")
    return 0 if all(row["odd answers"] == 0 for row in rows) else 1


class Scene:
    """Fifty patients whose dose is due on one day, fifty nurses who may give it, and a token."""

    def __init__(self) -> None:
        from knox.models import AuthToken

        from tests import makers

        self.user = makers.make_user()
        self.token = AuthToken.objects.create(self.user)[1]
        now = datetime.now(tz=ZONE)
        self.day: date = now.date() + timedelta(days=28)
        self.doses = [
            makers.make_dose(
                makers.make_prescription(by=self.user, now=now, start_on=self.day), by=self.user, now=now
            )
            for _n in range(CLIENTS)
        ]
        self.nurses = [makers.make_nurse(user=False) for _n in range(CLIENTS)]
        self.patients = [dose.prescription.patient_id for dose in self.doses]

    def at(self, hour: int, day: int = 0) -> str:
        return datetime.combine(self.day + timedelta(days=day), time(hour), ZONE).isoformat()

    def one_nurse(self, turn: int) -> list[tuple[str, dict[str, Any]]]:
        """Fifty doses for one nurse's hour."""
        nurse = self.nurses[turn % CLIENTS].pk
        return [
            ("/api/v1/visits/", {"dose": dose.pk, "nurse": nurse, "starts_at": self.at(9)})
            for dose in self.doses
        ]

    def one_patient(self, turn: int) -> list[tuple[str, dict[str, Any]]]:
        """Fifty nurses for one patient's dose."""
        dose = self.doses[turn % CLIENTS].pk
        return [
            ("/api/v1/visits/", {"dose": dose, "nurse": nurse.pk, "starts_at": self.at(9)})
            for nurse in self.nurses
        ]

    def bare(self, turn: int) -> list[tuple[str, dict[str, Any]]]:
        nurse = self.nurses[turn % CLIENTS].pk
        return [
            (f"/bare/lock/{nurse}/", {"patient": patient, "starts_at": self.at(9)})
            for patient in self.patients
        ]

    def twenty_hours(self) -> list[tuple[str, dict[str, Any]]]:
        """Twenty doses for twenty days of one nurse, within every dose's window."""
        nurse = self.nurses[0].pk
        return [
            ("/api/v1/visits/", {"dose": dose.pk, "nurse": nurse, "starts_at": self.at(9, day),
                                 "override": "Twenty at once."})
            for day, dose in enumerate(self.doses[:20])
        ]  # fmt: skip

    def clear(self) -> None:
        """Nobody is booked any more."""
        from scheduling.models import Visit

        Visit.objects.update(state="cancelled")


def soak(scene: Scene, port: int, workers: str, bursts: int) -> dict[str, object]:
    ours: list[float] = []
    bare: list[float] = []
    odd: Counter[str] = Counter()
    for wishes in (scene.one_nurse(0), scene.bare(0)):  # what a worker reads once is read, and does not count
        together(port, scene.token, wishes)
        scene.clear()
    for turn in range(bursts):
        for wishes, took in (
            (scene.one_nurse(turn) if turn % 2 else scene.one_patient(turn), ours),
            (scene.bare(turn), bare),
        ):
            answers = together(port, scene.token, wishes)
            took += [ms for _status, _text, ms in answers]
            odd.update(oddities(answers, links=took is ours))
            scene.clear()
    twenty = Counter(status for status, _text, _ms in together(port, scene.token, scene.twenty_hours()))
    scene.clear()
    for what, count in odd.items():
        print(f"  {workers}: {count} times {what}", file=sys.stderr)
    return {
        "workers": workers, "bursts": bursts, "odd answers": sum(odd.values()), "20 hours booked": twenty[201],
        "p50 ms": share(ours, 50), "p95 ms": share(ours, 95), "bare p95 ms": share(bare, 95),
        "p95 ratio": share(ours, 95) / share(bare, 95),
    }  # fmt: skip


def together(
    port: int, token: str, wishes: Sequence[tuple[str, dict[str, Any]]]
) -> list[tuple[int, bytes, float]]:
    """All requests at the same moment, each from a thread of its own."""
    gate = threading.Barrier(len(wishes))

    def ask(path: str, body: dict[str, Any]) -> tuple[int, bytes, float]:
        gate.wait(timeout=30)
        return _live.call(port, "POST", path, token, body)

    with ThreadPoolExecutor(len(wishes)) as pool:
        return list(pool.map(lambda wish: ask(*wish), wishes))


def oddities(answers: Sequence[tuple[int, bytes, float]], *, links: bool) -> Counter[str]:
    """What is not one 201 and otherwise 409 with a link to other times."""
    found: Counter[str] = Counter()
    statuses = Counter(status for status, _text, _ms in answers)
    if statuses[201] != 1:
        found[f"{statuses[201]} were booked"] += 1
    for status, text, _ms in answers:
        if status not in {201, 409}:
            found[f"status {status}: {text[:120]!r}"] += 1
        elif links and status == 409 and "alternatives" not in json.loads(text):
            found["a refusal without a link to other times"] += 1
    return found


def share(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    sys.exit(main())
