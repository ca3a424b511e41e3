"""What is true of a drug whatever its regimen: how it is kept, and the units a payer counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from scheduling.regimens.catalogue import read_toml
from scheduling.regimens.tables import Table
from scheduling.rules.gate_states import BillingUnit, Storage

FILE = Path(__file__).parent / "products.toml"


class Product(NamedTuple):
    """One drug. `billing` is ordered by the first day each code counts."""

    storage: Storage
    billing: tuple[BillingUnit, ...]

    def unit_on(self, day: date) -> BillingUnit | None:
        """The billing unit for a service on `day`; None when no code is known for it."""
        return next((unit for unit in reversed(self.billing) if unit.first_on <= day), None)


def get(drug: str) -> Product | None:
    """The product of a drug code (`ocrelizumab`); None for a drug nobody has entered."""
    return all_products().get(drug)


@lru_cache(maxsize=1)
def all_products() -> Mapping[str, Product]:
    """Every product, by drug. Raises FactFileError when the file is wrong."""
    return parse_products(FILE.name, read_toml(FILE))


def parse_products(file: str, facts: object) -> Mapping[str, Product]:
    """The products a file describes. Raises FactFileError with file, key and reason."""
    top = Table(file, facts)
    found: dict[str, Product] = {}
    for table in top.tables("products"):
        drug = table.text("drug")
        if drug in found:
            raise table.wrong("drug", f"{drug!r} is there twice")
        storage = _storage(table.table("storage"))
        units = [_unit(unit) for unit in table.tables("billing", may_lack=True)]
        if sorted(unit.first_on for unit in units) != [unit.first_on for unit in units]:
            raise table.wrong("billing", "is not in the order of its days")
        table.finish()
        found[drug] = Product(storage, tuple(units))
    top.finish()
    return MappingProxyType(found)


def _storage(table: Table) -> Storage:
    storage = Storage(
        least_c=table.optional_number("least_c", "-90", "30"),
        most_c=table.number("most_c", "-60", "40"),
        **table.sourced(),
    )
    if storage.least_c is not None and storage.least_c >= storage.most_c:
        raise table.wrong("least_c", "is not below most_c")
    table.finish()
    return storage


def _unit(table: Table) -> BillingUnit:
    first_on = table.take("from")
    if not isinstance(first_on, date) or isinstance(first_on, datetime):
        raise table.wrong("from", f"{first_on!r} is not a day")
    unit = BillingUnit(
        code=table.text("code"), mg=table.number("mg", "0.1", "1000"), first_on=first_on, **table.sourced()
    )
    table.finish()
    return unit
