"""The regimens of the house: fact files read and checked once, found by id and version.

`<id>.toml` holds the newest version, `earlier/<id>.v<N>.toml` those a prescription may still be pinned to.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from scheduling.regimens.parsing import parse_regimen
from scheduling.regimens.tables import FactFileError, Table
from scheduling.rules.case import Facts
from scheduling.rules.case import run_case as run_case_with
from scheduling.rules.errors import Refused
from scheduling.rules.regimen import Regimen, VisitLength
from scheduling.rules.switching import SwitchRule

__all__ = [
    "FactFileError",
    "UnknownRegimen",
    "all_current",
    "get",
    "load_folder",
    "run_case",
    "switch_rules",
]

FOLDER = Path(__file__).parent
HOUSE_FILES = ("digests.toml", "products.toml", "switches.toml", "visit_length.toml")


class UnknownRegimen(Refused):
    """No fact file has this id and version."""

    code = "UNKNOWN_REGIMEN"


class Catalogue(NamedTuple):
    """Everything one folder holds."""

    current: Mapping[str, Regimen]
    versions: Mapping[tuple[str, int], Regimen]
    switches: tuple[SwitchRule, ...]


@lru_cache(maxsize=1)
def _house() -> Catalogue:
    return load_folder(FOLDER)


def all_current() -> Mapping[str, Regimen]:
    """The newest version of every regimen, by id. Raises FactFileError when a file is wrong."""
    return _house().current


def get(regimen_id: str, version: int | None = None) -> Regimen:
    """The regimen, in its newest version or the one asked for. Raises UnknownRegimen."""
    house = _house()
    found = house.current.get(regimen_id) if version is None else house.versions.get((regimen_id, version))
    if found is None:
        named = regimen_id if len(regimen_id) <= 64 else regimen_id[:64] + "..."
        raise UnknownRegimen(
            f"there is no regimen {named!r}" + (f" in version {version}" if version is not None else ""),
            field="regimen_id",
        )
    return found


def switch_rules() -> tuple[SwitchRule, ...]:
    """The table of starts after another drug."""
    return _house().switches


def run_case(inputs: object) -> dict[str, Any]:
    """`scheduling.rules.case.run_case` with the facts of the house. Raises BadInput naming the field."""
    return run_case_with(inputs, Facts(get, switch_rules()))


def load_folder(folder: Path) -> Catalogue:
    """Read and check every fact file of a folder. Raises FactFileError with file, key and reason."""
    visit_length = _visit_length(folder / "visit_length.toml")
    current: dict[str, Regimen] = {}
    versions: dict[tuple[str, int], Regimen] = {}
    for file in sorted(folder.glob("*.toml")):
        if file.name in HOUSE_FILES:
            continue
        regimen = load_file(file, visit_length)
        if file.stem != regimen.id:
            raise FactFileError(file.name, "id", f"is {regimen.id!r}, and the file is named {file.stem!r}")
        current[regimen.id] = versions[regimen.id, regimen.version] = regimen
    for file in sorted((folder / "earlier").glob("*.toml")):
        regimen = load_file(file, visit_length)
        if file.stem != f"{regimen.id}.v{regimen.version}":
            raise FactFileError(f"earlier/{file.name}", "id", "and version do not make the name of the file")
        if regimen.id not in current or regimen.version >= current[regimen.id].version:
            raise FactFileError(f"earlier/{file.name}", "version", "is not earlier than the one in use")
        versions[regimen.id, regimen.version] = regimen
    if not current:
        raise FactFileError(folder.name, "", "has no fact file")
    switches = _switches(folder / "switches.toml", frozenset(current))
    return Catalogue(MappingProxyType(current), MappingProxyType(versions), switches)


def load_file(file: Path, visit_length: VisitLength) -> Regimen:
    """One fact file. Raises FactFileError."""
    facts = read_toml(file)
    return parse_regimen(file.name, facts, digest=digest_of(facts), visit_length=visit_length)


def read_toml(file: Path) -> dict[str, Any]:
    """The file's tables, numbers exactly as written. Raises FactFileError when it cannot be read."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise FactFileError(file.name, "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FactFileError(file.name, "", "is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise FactFileError(file.name, "", f"is not TOML: {error}") from error


def digest_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 over the facts, without who verified them: a signature is no change of numbers."""
    unsigned = {key: value for key, value in facts.items() if key != "verified"}
    text = json.dumps(unsigned, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _visit_length(file: Path) -> VisitLength:
    table = Table(file.name, read_toml(file))
    length = VisitLength(
        setup_minutes=table.whole("setup_minutes", 0, 240),
        wrap_up_minutes=table.whole("wrap_up_minutes", 0, 240),
        **table.sourced(),
    )
    table.finish()
    return length


def _switches(file: Path, known: frozenset[str]) -> tuple[SwitchRule, ...]:
    top = Table(file.name, read_toml(file))
    rules = tuple(_switch(table, known) for table in top.tables("switches"))
    top.finish()
    return rules


def _switch(table: Table, known: frozenset[str]) -> SwitchRule:
    rule = SwitchRule(
        from_ids=table.texts("from"),
        to_ids=table.texts("to"),
        anchor=table.one_of("counted_from", ("last_dose", "next_due_date_of_old_regimen"), "last_dose"),
        not_before=table.optional_interval("not_before", least_days=0),
        advise_by=table.optional_interval("advise_by", least_days=0),
        **table.sourced(),
    )
    for key, ids in (("from", rule.from_ids), ("to", rule.to_ids)):
        for regimen_id in ids:
            if regimen_id not in known and not (key == "from" and regimen_id == "*"):
                raise table.wrong(key, f"there is no regimen {regimen_id!r}")
    table.finish()
    return rule
