"""Short ways to write an order, a history and a calendar."""

from datetime import date
from decimal import Decimal

from scheduling.regimens import catalogue
from scheduling.rules.calendar import Calendar, Given, Order, plan


def day(text: str) -> date:
    return date.fromisoformat(text)


def regimen(regimen_id: str):
    return catalogue.get(regimen_id)


def order(start_on: str, **more) -> Order:
    return Order(day(start_on), **more)


def measured(start_on: str, **more) -> Order:
    """An order with a height and a weight: 170 cm, 70 kg, 1.82 m2."""
    return order(start_on, height_cm=Decimal(170), weight_kg=Decimal(70), **more)


def given(*doses) -> tuple[Given, ...]:
    """(number, day) or (number, day, reaction[, type])."""
    return tuple(Given(number, day(on), *rest) for number, on, *rest in doses)


def calendar(regimen_id: str, wanted: Order, history=(), *, as_of: str, **more) -> Calendar:
    return plan(regimen(regimen_id), wanted, history, day(as_of), **more)


def planned_days(made: Calendar) -> list[str | None]:
    return [dose.planned_on.isoformat() if dose.planned_on else None for dose in made.planned]


def due_days(made: Calendar) -> list[str]:
    return [dose.due_on.isoformat() for dose in made.planned]
