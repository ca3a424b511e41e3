"""Strict reading of a fact file: every key is known, typed and in range, or the file is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from scheduling.rules.intervals import Interval

BASES = ("label", "label-eu", "customary", "decision")
EVIDENCE = ("seen", "recalled")


class FactFileError(Exception):
    """A fact file cannot be used. One sentence: the file, the key, the reason."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file, self.key, self.reason = file, key, reason


class Table:
    """One table of a fact file. Take every key, then `finish`: a key nobody took is refused."""

    def __init__(self, file: str, value: object, path: str = "") -> None:
        self.file, self.path = file, path
        if not isinstance(value, dict):
            raise FactFileError(file, path, "is not a table")
        self._left: dict[str, Any] = dict(value)

    def wrong(self, key: str, reason: str) -> FactFileError:
        return FactFileError(self.file, self.at(key), reason)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path and key else self.path or key

    def has(self, key: str) -> bool:
        return key in self._left

    def holds_table(self, key: str) -> bool:
        return isinstance(self._left.get(key), dict)

    def take(self, key: str) -> Any:
        if key not in self._left:
            raise self.wrong(key, "is missing")
        return self._left.pop(key)

    def text(self, key: str, default: str | None = None, *, empty: bool = False) -> str:
        if default is not None and key not in self._left:
            return default
        value = self.take(key)
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self.wrong(key, f"{value!r} is not a text")
        return value

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self.wrong(key, f"{value!r} is not one of {', '.join(choices)}")
        return value

    def flag(self, key: str, default: bool | None = None) -> bool:
        if default is not None and key not in self._left:
            return default
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.wrong(key, f"{value!r} is not true or false")
        return value

    def whole(self, key: str, least: int, most: int) -> int:
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(key, f"{value!r} is not a whole number")
        if not least <= value <= most:
            raise self.wrong(key, f"{value} is not between {least} and {most}")
        return value

    def optional_whole(self, key: str, least: int, most: int) -> int | None:
        return self.whole(key, least, most) if self.has(key) else None

    def number(self, key: str, least: str, most: str) -> Decimal:
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self.wrong(key, f"{value!r} is not a number")
        number = Decimal(value)
        if not number.is_finite() or not Decimal(least) <= number <= Decimal(most):
            raise self.wrong(key, f"{value} is not between {least} and {most}")
        return number

    def optional_number(self, key: str, least: str, most: str) -> Decimal | None:
        return self.number(key, least, most) if self.has(key) else None

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        if default is not None and key not in self._left:
            return default
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(key, "is not a list of texts")
        return tuple(value)

    def table(self, key: str) -> Table:
        return Table(self.file, self.take(key), self.at(key))

    def optional_table(self, key: str) -> Table | None:
        return self.table(key) if self.has(key) else None

    def tables(self, key: str, *, may_lack: bool = False) -> Iterator[Table]:
        if may_lack and not self.has(key):
            return
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise self.wrong(key, "is not a list of tables")
        for index, item in enumerate(value):
            yield Table(self.file, item, f"{self.at(key)}[{index}]")

    def names(self) -> tuple[str, ...]:
        return tuple(self._left)

    def finish(self) -> None:
        for key in self._left:
            raise self.wrong(key, "is not a key this place knows")

    def interval(self, *, least_days: int = 1) -> Interval:
        """The one of `months`, `weeks` and `days` this table has: units are never mixed (house rule H2)."""
        units = [unit for unit in ("months", "weeks", "days") if self.has(unit)]
        if len(units) != 1:
            raise self.wrong("", "needs exactly one of months, weeks, days")
        if units == ["months"]:
            return Interval(months=self.whole("months", 1, 60))
        if units == ["weeks"]:
            return Interval(weeks=self.whole("weeks", 1, 104))
        return Interval(days=self.whole("days", least_days, 730))

    def optional_interval(self, key: str, *, least_days: int = 1) -> Interval | None:
        table = self.optional_table(key)
        if table is None:
            return None
        interval = table.interval(least_days=least_days)
        if table.has("source"):  # a length may be from elsewhere than the item it belongs to
            table.sourced()
        table.finish()
        return interval

    def sourced(self) -> Mapping[str, str]:
        """Where this table's numbers are from, as keyword arguments of a kind of Sourced."""
        return {
            "source": self.text("source"),
            "basis": self.one_of("basis", BASES),
            "evidence": self.one_of("evidence", EVIDENCE, "seen"),
            "note": self.text("note", ""),
        }
