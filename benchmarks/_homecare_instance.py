"""The home-care instances, read from their JSON: patients, caregivers, distances with the office first.

Minutes. A service is one caregiver at one patient; a patient of a double service has two of them. Starts before a
window opens are forbidden, starts after it closes cost tardiness.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "benchmarks" / "hhcrsp"
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Instance:
    """Services are numbered; `office` is the number after the last one and stands at both ends of a route.

    Of a service: its row in `patients`, opening and closing of its window, its partner at a double service or NOBODY,
    and `lag`: the partner starts no sooner than so many minutes after it (negative: at most so many before). Between
    two numbers: `drive`, and `leg`, which is the drive and the service before it.
    """

    name: str
    patients: tuple[str, ...]
    kinds: tuple[str, ...]
    caregivers: tuple[str, ...]
    patient: tuple[int, ...]
    opens: tuple[float, ...]
    closes: tuple[float, ...]
    lengths: tuple[float, ...]
    partner: tuple[int, ...]
    lag: tuple[float, ...]
    able: tuple[tuple[int, ...], ...]
    services: tuple[tuple[int, ...], ...]
    drive: tuple[tuple[float, ...], ...]
    leg: tuple[tuple[float, ...], ...]

    @property
    def office(self) -> int:
        return len(self.patient)


def read(path: Path) -> Instance:
    return parse(path.stem, json.loads(path.read_text(encoding="utf-8")))


def parse(name: str, raw: dict) -> Instance:
    """Raises KeyError or ValueError where the file is not of this kind."""
    wants = [
        (row, want)
        for row in range(len(raw["patients"]))
        for want in raw["patients"][row]["required_caregivers"]
    ]
    rows = [raw["patients"][row] for row, _ in wants]
    services = tuple(
        tuple(number for number, (of, _) in enumerate(wants) if of == row)
        for row in range(len(raw["patients"]))
    )
    partner, lag = doubles(raw["patients"], services, len(wants))
    lengths = tuple(float(want["duration"]) for _, want in wants)
    places = [*(row + 1 for row, _ in wants), 0]
    drive = tuple(tuple(float(raw["distances"][a][b]) for b in places) for a in places)
    return Instance(
        name=name,
        patients=tuple(patient["id"] for patient in raw["patients"]),
        kinds=tuple(want["service"] for _, want in wants),
        caregivers=tuple(caregiver["id"] for caregiver in raw["caregivers"]),
        patient=tuple(row for row, _ in wants),
        opens=tuple(float(patient["time_window"][0]) for patient in rows),
        closes=tuple(float(patient["time_window"][1]) for patient in rows),
        lengths=lengths,
        partner=partner,
        lag=lag,
        able=tuple(
            tuple(who for who, one in enumerate(raw["caregivers"]) if want["service"] in one["abilities"])
            for _, want in wants
        ),
        services=services,
        drive=drive,
        leg=tuple(
            tuple(first + way for way in ways) for first, ways in zip((*lengths, 0.0), drive, strict=True)
        ),
    )


def doubles(
    patients: list[dict], services: tuple[tuple[int, ...], ...], many: int
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Who goes with whom, and how much later the partner starts at the soonest."""
    partner, lag = [NOBODY] * many, [0.0] * many
    for patient, numbers in zip(patients, services, strict=True):
        if len(numbers) == 1:
            continue
        first, second = numbers  # more than two would be another problem
        together = patient["synchronization"]
        least, most = (0, 0) if together["type"] == "simultaneous" else together["distance"]
        partner[first], partner[second] = second, first
        lag[first], lag[second] = float(least), -float(most)
    return tuple(partner), tuple(lag)
