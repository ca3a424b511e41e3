"""What a change would do, found by doing it and taking it back: every dose and visit, before and after.

The very service that applies the change runs inside a transaction that never commits, so what is shown and
what is applied cannot be two opinions. Nothing stays: no row, no line in the trail, no message, no hook that
waits for the commit (docs/adr/0006-rehearse-a-change-by-doing-it.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from django.db import connection

from patients.models import Patient
from scheduling.rules.errors import Conflict
from scheduling.services import standing
from scheduling.services.guard import writes
from scheduling.services.standing import CheckStands, DoseStands, Standing, VisitStands

T = TypeVar("T")
Change = Callable[[], T]
PATIENCE = "1500ms"  # a rehearsal waits this long for a row somebody is changing; applying waits longer


@dataclass(frozen=True)
class DoseChange:
    """One dose of an order; None before when it is new, after when it is not planned any more."""

    order_id: int
    number: int
    before: DoseStands | None
    after: DoseStands | None


@dataclass(frozen=True)
class VisitChange:
    """A booked visit the change touches, itself or by its dose."""

    visit_id: int
    before: VisitStands
    after: VisitStands

    @property
    def settled(self) -> bool:
        """The change itself says what became of the visit: the dose was given at it."""
        return self.before.open and not self.after.open

    @property
    def misfit(self) -> bool:
        """Booked as before, and no longer right for its dose."""
        return self.after.open and bool(self.after.code)


@dataclass(frozen=True)
class OrderChange:
    """An order that becomes active, on hold, completed or discontinued."""

    order_id: int
    before: str
    after: str


@dataclass(frozen=True)
class Effects:
    """All that a change does to one patient's calendar, and the doses to come that it leaves alone."""

    orders: tuple[OrderChange, ...]
    visits: tuple[VisitChange, ...]
    doses: tuple[DoseChange, ...]
    checks_new: tuple[CheckStands, ...]
    checks_gone: tuple[CheckStands, ...]
    unchanged: tuple[DoseChange, ...]

    @property
    def nothing(self) -> bool:
        """Nothing that is planned or booked changes."""
        return not (self.orders or self.visits or self.doses or self.checks_new or self.checks_gone)

    @property
    def signature(self) -> str:
        """A short sign of what a person is shown; the same effects have the same one on any machine."""
        shown = (self.orders, self.visits, self.doses, self.checks_new, self.checks_gone)
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Applied(Generic[T]):
    """What the service returned, and what it did."""

    result: T
    effects: Effects


class NotAsShown(Conflict):
    """The change would do something else than what the person was shown; `effects` says what."""

    code = "NOT_AS_SHOWN"

    def __init__(self, effects: Effects) -> None:
        super().__init__("This does something else than what was shown. Look again, then save.")
        self.effects = effects


class _Enough(Exception):
    """Ends a rehearsal: the transaction is rolled back on its way out."""

    def __init__(self, found: object) -> None:
        self.found = found


def rehearse(change: Change[T], *, patient_id: int) -> Effects:
    """What `change` would do to the patient's doses and visits. Writes nothing.

    `change` calls one service and does nothing that a database cannot take back. Raises what the service
    raises, and Conflict (BUSY) when somebody holds a row for longer than PATIENCE.
    """

    def watched() -> Effects:
        with _watched(patient_id) as watch:
            change()
        return watch.effects

    return taken_back(watched)


def taken_back(change: Change[T]) -> T:
    """What `change` returns; all it wrote is rolled back. Raises what it raises, and Conflict (BUSY) as above."""
    try:
        _rehearsed(change)
    except _Enough as done:
        return cast(T, done.found)
    raise AssertionError("a rehearsal ends by taking everything back")


@writes
def _rehearsed(change: Change[T]) -> None:
    with connection.cursor() as cursor:
        # For this transaction only; on a savepoint the rollback brings the old one back, too.
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
    raise _Enough(change())


@writes
def carry_out(change: Change[T], *, patient_id: int, shown: str | None = None) -> Applied[T]:
    """Apply `change` in one transaction and tell what it did.

    `shown` is the signature of the effects the person agreed to: NotAsShown is raised, with nothing written,
    when these are others. "" agrees only to a change that has none; None asks nobody.
    """
    with _watched(patient_id) as watch:
        result = change()
    if shown is not None and not watch.effects.nothing and watch.effects.signature != shown:
        raise NotAsShown(watch.effects)
    return Applied(result, watch.effects)


class _Watch:
    effects: Effects


@contextmanager
def _watched(patient_id: int) -> Iterator[_Watch]:
    """What the block does, read under the patient's lock: nobody else's change is mistaken for it."""
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    watch, before = _Watch(), standing.of(patient)
    yield watch
    watch.effects = compare(before, standing.of(patient, also=before.visits))


def compare(before: Standing, after: Standing) -> Effects:
    """The difference of two standings of one patient."""
    doses = [
        DoseChange(*key, before.doses.get(key), after.doses.get(key))
        for key in sorted(before.doses.keys() | after.doses.keys())
    ]
    changed = tuple(one for one in doses if one.before != one.after)
    touched = {(one.order_id, one.number) for one in changed}
    return Effects(
        orders=tuple(
            OrderChange(pk, was, after.orders[pk])
            for pk, was in sorted(before.orders.items())
            if was != after.orders[pk]
        ),
        visits=tuple(_visits(before.visits, after.visits, touched)),
        doses=changed,
        checks_new=tuple(sorted(after.checks - before.checks)),
        checks_gone=tuple(sorted(before.checks - after.checks)),
        unchanged=tuple(one for one in doses if one.before == one.after),
    )


def _visits(
    before: Mapping[int, VisitStands], after: Mapping[int, VisitStands], touched: set[tuple[int, int]]
) -> Iterator[VisitChange]:
    """Visits that change or whose dose does; those that no longer fit come first, then by day."""
    found = [
        VisitChange(pk, was, after[pk])
        for pk, was in before.items()
        if was.open and (was != after[pk] or was.dose in touched)
    ]
    yield from sorted(found, key=lambda one: (not one.misfit, one.before.starts_at, one.visit_id))
