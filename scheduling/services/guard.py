"""What every writer shares: a refused or lost race never reaches a person as a database error."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction

from scheduling.rules.errors import BadInput, Conflict, SlotTaken

P = ParamSpec("P")
R = TypeVar("R")

EXCLUSION, UNIQUE = "23P01", "23505"
BUSY = {"40P01", "40001", "55P03"}  # deadlock, serialization, lock time-out

TAKEN_BY = {
    "visit_nurse_in_one_place": ("NURSE_TAKEN", "The nurse has another visit then."),
    "visit_patient_in_one_place": ("PATIENT_TAKEN", "The patient has another visit then."),
    "visit_one_live_per_dose": ("DOSE_TAKEN", "This dose has a visit already."),
    "visit_one_live_per_check": ("DOSE_TAKEN", "This has a visit already."),
    "dose_number_once": ("DOSE_TAKEN", "This dose is being planned by somebody else."),
    "record_first_once": ("ALREADY_RECORDED", "This dose was recorded already."),
}


SENTENCE = 500  # characters of a reason; notes have their own limits


def fits(text: str, field: str, limit: int = SENTENCE) -> str:
    """The text without outer blanks. Raises BadInput beside `field` when it is too long: nothing is cut off."""
    text = text.strip()
    if len(text) > limit:
        raise BadInput(f"Keep it to {limit:,} characters; this has {len(text):,}.", field=field)
    return text


# What the outermost writer still does before it commits, by what it is about; None outside any writer.
_at_end: ContextVar[dict[Hashable, Callable[[], None]] | None] = ContextVar("at_end", default=None)


def at_the_end(about: Hashable, work: Callable[[], None]) -> None:
    """Do `work` when the outermost writer is through, in its transaction and under its locks; once for one `about`.

    For what follows from several changes together, and is compared with what stood before them.
    """
    waiting = _at_end.get()
    if waiting is None:
        work()
    else:
        waiting.setdefault(about, work)


def _through(service: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The service, and then what was put off to its end; a writer inside another leaves that to the outer one."""
    if _at_end.get() is not None:
        return service(*args, **kwargs)
    waiting: dict[Hashable, Callable[[], None]] = {}
    token = _at_end.set(waiting)
    try:
        result = service(*args, **kwargs)
        for work in list(waiting.values()):
            work()
    finally:
        _at_end.reset(token)
    return result


def writes(service: Callable[P, R]) -> Callable[P, R]:
    """One transaction; constraint and lock errors of PostgreSQL become kinds of Conflict."""

    @wraps(service)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with transaction.atomic():
                return _through(service, *args, **kwargs)
        except IntegrityError as error:
            lost = _lost(error)
            if lost is error:
                raise  # as it came: an error that names itself as its cause has lost the database's
            raise lost from error
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", None) in BUSY:
                raise Conflict(
                    "Somebody else is changing this right now. Try again in a moment.", code="BUSY"
                ) from error
            raise

    return guarded


def _lost(error: IntegrityError) -> Exception:
    """The Conflict a broken constraint stands for; the error itself when it is a fault of ours."""
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if getattr(cause, "pgcode", None) in {EXCLUSION, UNIQUE} and name in TAKEN_BY:
        code, sentence = TAKEN_BY[name]
        return SlotTaken(sentence, code=code)
    return error
