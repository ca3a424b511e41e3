"""One row of JSON, read field by field: what is wrong raises BadProblem in one line naming row and field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from scheduling.planning.routing.problem import BadProblem

LONGEST_ID = 100
MOST = 10**9  # no time, duration, cost or prize is larger

Pair = tuple[int, ...]


class Row:
    """An object of the JSON. `where` is how an error calls it; `name` is said once the row's id is known."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise BadProblem(f"{where}: an object is needed, not {shown(value)}")
        self.value: dict[str, Any] = value
        self.where = where

    def bad(self, field: str, words: str) -> BadProblem:
        return BadProblem(f"{self.where}, {field}: {words}")

    def has(self, field: str) -> bool:
        """Whether it is there and not null."""
        return self.value.get(field) is not None

    def id(self, field: str) -> str:
        return self._id(self.value.get(field), field)

    def optional_id(self, field: str) -> str | None:
        return self.id(field) if self.has(field) else None

    def ids(self, field: str) -> frozenset[str]:
        return frozenset(self._id(value, field) for value in self.items(field))

    def whole(self, field: str, low: int = 0, high: int = MOST, *, default: int | None = None) -> int:
        """A whole number from `low` to `high`, both included."""
        if default is not None and not self.has(field):
            return default
        return self._whole(self.value.get(field), field, low, high)

    def number(self, field: str, low: float, high: float, *, default: float | None = None) -> float:
        """A finite number from `low` to `high`, both included."""
        if default is not None and not self.has(field):
            return default
        return self._number(self.value.get(field), field, low, high)

    def choice(self, field: str, allowed: tuple[str, ...]) -> str:
        value = self.value.get(field)
        if not isinstance(value, str) or value not in allowed:
            raise self.bad(field, f"one of {', '.join(allowed)} is needed, not {shown(value)}")
        return value

    def items(self, field: str, most: int = MOST) -> list[Any]:
        """A list; an absent one is empty."""
        value = self.value.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.bad(field, f"a list is needed, not {shown(value)}")
        if len(value) > most:
            raise self.bad(field, f"{len(value)} are more than the {most} there may be")
        return value

    def rows(self, field: str, one: str, most: int = MOST) -> Iterator[Row]:
        for number, value in enumerate(self.items(field, most), start=1):
            yield Row(value, f"{one} {number}")

    def wholes(self, field: str, sizes: tuple[int, ...], low: int = 0) -> Iterator[Pair]:
        """A list of lists of whole numbers, each as long as one of `sizes`."""
        for value in self.items(field):
            if not isinstance(value, list) or len(value) not in sizes:
                raise self.bad(field, f"lists of {' or '.join(map(str, sizes))} numbers are needed")
            yield tuple(self._whole(part, field, low, MOST) for part in value)

    def costs(self, field: str) -> dict[str, int]:
        """Id -> whole number, 0 or more; an absent one is empty."""
        value = self.value.get(field)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.bad(field, f"an object is needed, not {shown(value)}")
        return {self._id(key, field): self._whole(cost, field, 0, MOST) for key, cost in value.items()}

    def legs(self, field: str, most: int) -> Iterator[tuple[float, float, float, float, int]]:
        """Rows of from latitude and longitude, to latitude and longitude, seconds."""
        for value in self.items(field, most):
            if not isinstance(value, list) or len(value) != 5:
                raise self.bad(field, "each is [lat, lon, lat, lon, seconds]")
            lat, lon, to_lat, to_lon = (
                self._number(part, field, -limit, limit)
                for part, limit in zip(value[:4], (90, 180, 90, 180), strict=True)
            )
            yield lat, lon, to_lat, to_lon, self._whole(value[4], field, 0, 86_400)

    def _id(self, value: object, field: str) -> str:
        if (
            not isinstance(value, str)
            or not value.strip()
            or len(value) > LONGEST_ID
            or not value.isprintable()
        ):
            raise self.bad(field, f"a text of 1 to {LONGEST_ID} letters is needed, not {shown(value)}")
        return value

    def _whole(self, value: object, field: str, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.bad(field, f"a whole number from {low} to {high} is needed, not {shown(value)}")
        return value

    def _number(self, value: object, field: str, low: float, high: float) -> float:
        # A number too long for a float is out of any range we know, and isfinite() would raise.
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not low <= value <= high or not math.isfinite(value):  # type: ignore[operator, arg-type]
            raise self.bad(field, f"a number from {low:g} to {high:g} is needed, not {shown(value)}")
        return float(value)  # type: ignore[arg-type]


def shown(value: object) -> str:
    """How an error shows a value: short and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):  # thousands of digits, or no JSON at all
        text = type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."
