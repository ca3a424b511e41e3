"""Strict reading of JSON-like input: what is not understood is refused with the path to it, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from scheduling.rules.errors import BadInput
from scheduling.rules.orders import check_day

T = TypeVar("T")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_SHOWN = 60
_LONGEST_TEXT = 10_000
_LARGEST_POWER = 9  # of ten


def shown(value: object) -> str:
    """The value in a message: one line, and short however long it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


class Reader:
    """One object of the input. Read every key, then call `finish`: a key nobody read is refused.

    A key that is null counts as left out. Raises BadInput with the path of the field.
    """

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise BadInput("it is not an object", field=path)
        self._value: Mapping[Any, Any] = value
        self._path = path
        self._read: set[str] = set()

    def path(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _take(self, key: str) -> Any:
        self._read.add(key)
        return self._value.get(key)

    def required(self, key: str, read: Callable[[str], T | None]) -> T:
        value = read(key)
        if value is None:
            raise BadInput("it is missing", field=self.path(key))
        return value

    def text(self, key: str) -> str | None:
        value = self._take(key)
        if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_TEXT):
            raise BadInput(f"{shown(value)} is not a text", field=self.path(key))
        return value

    def day(self, key: str) -> date | None:
        value = self._take(key)
        return None if value is None else read_day(value, self.path(key))

    def days(self, key: str) -> tuple[date, ...]:
        return tuple(read_day(value, path) for value, path in self._items(key))

    def whole(self, key: str, least: int, most: int) -> int | None:
        value = self.number(key)
        if value is None:
            return None
        if value != value.to_integral_value() or not least <= value <= most:
            raise BadInput(
                f"{shown(self._value[key])} is not a whole number from {least} to {most}",
                field=self.path(key),
            )
        return int(value)

    def number(self, key: str) -> Decimal | None:
        value = self._take(key)
        return None if value is None else read_number(value, self.path(key))

    def object(self, key: str) -> Reader | None:
        value = self._take(key)
        return None if value is None else Reader(value, self.path(key))

    def objects(self, key: str) -> Iterable[Reader]:
        for value, path in self._items(key):
            yield Reader(value, path)

    def numbers(self) -> dict[str, Decimal]:
        """Every key of this object with its number: for parameters, whose names the regimen knows."""
        return {
            str(key): read_number(value, self.path(shown(key)))
            for key, value in self._value.items()
            if value is not None
        }

    def _items(self, key: str) -> Iterable[tuple[Any, str]]:
        value = self._take(key)
        if value is None:
            return
        if not isinstance(value, list):
            raise BadInput(f"{shown(value)} is not a list", field=self.path(key))
        for index, item in enumerate(value):
            yield item, f"{self.path(key)}[{index}]"

    def finish(self) -> None:
        for key in self._value:
            if key not in self._read:
                raise BadInput("there is no such key", field=self.path(shown(key)))


def read_day(value: object, path: str) -> date:
    """A local calendar day, written YYYY-MM-DD and nothing else."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            on = date.fromisoformat(value)
        except ValueError:
            pass
        else:
            check_day(on, path)
            return on
    raise BadInput(f"{shown(value)} is not a date (YYYY-MM-DD)", field=path)


def read_number(value: object, path: str) -> Decimal:
    """A number, exactly as written; true and false are not numbers, and neither is infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise BadInput(f"{shown(value)} is not a number", field=path)
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    # By its size, not by comparing: an exponent of millions would overflow the comparison itself.
    usable = number.is_finite() and (not number or -12 <= number.adjusted() <= _LARGEST_POWER)
    if not usable or number.as_tuple().exponent < -12:  # type: ignore[operator]
        raise BadInput(f"{shown(value)} is not a number that can be used", field=path)
    return number
