"""`manage.py plan_doses`: JSON on standard input, a dose calendar as JSON on standard output. No database."""

from __future__ import annotations

import json
import sys
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from scheduling.regimens import catalogue
from scheduling.rules.errors import BadInput

_LONGEST_INPUT = 50_000_000


class Unreadable:
    """What JSON allows and no field can use. It is no text, number or list, so its reader names the field."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


class Command(BaseCommand):
    """Exit 0 with JSON; exit 2 with one line that names the element and the field."""

    help = (
        "Reads one case, or a list of cases, as JSON on standard input and writes its dose calendar as JSON. "
        "Input that is not understood ends with exit code 2 and one line on standard error."
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = answers(read_json(sys.stdin.buffer.read(_LONGEST_INPUT + 1)))
        except BadInput as bad:
            self._fail(str(bad))
        except Exception as unforeseen:  # the promise is one line; a traceback helps nobody who pipes JSON
            self._fail(f"this input cannot be worked out ({type(unforeseen).__name__})")
        self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1, default=str))

    def _fail(self, line: str) -> NoReturn:
        self.stderr.write(" ".join(line.split()))
        sys.exit(2)


def read_json(raw: bytes) -> object:
    """The input as values, decimals exactly as written. Raises BadInput in one line for what is not JSON."""
    if len(raw) > _LONGEST_INPUT:
        raise BadInput("the input is longer than 50 MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("the input is not UTF-8 text") from None
    if not text.strip():
        raise BadInput("the input is empty; one case or a list of cases is expected as JSON")
    try:
        return json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=Unreadable,
            object_pairs_hook=_unique_keys,
        )
    except RecursionError:
        raise BadInput("the input is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"the input is not JSON: {error}") from None


def _decimal(written: str) -> Decimal | Unreadable:
    try:
        return Decimal(written)
    except InvalidOperation:  # an exponent of twenty digits
        return Unreadable(written)


def _integer(written: str) -> int | Unreadable:
    try:
        return int(written)
    except ValueError:  # thousands of digits
        return Unreadable(written)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = Unreadable("a key that is there twice") if key in found else value
    return found


def answers(case: object) -> object:
    """The answer to one case, or the list of answers to a list. Raises BadInput naming element and field."""
    if not isinstance(case, list):
        return _answer(case, "")
    return [_answer(one, f"element {number}") for number, one in enumerate(case, start=1)]


def _answer(case: object, element: str) -> dict[str, Any]:
    try:
        return catalogue.run_case(case)
    except BadInput as bad:
        where = ", ".join(part for part in (element, bad.field) if part)
        raise BadInput(f"{where}: {bad}" if where else f"the input is not a case: {bad}") from bad
