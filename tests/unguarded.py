"""The locks taken away, for the twins that prove a race exists without them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from threading import Barrier, BrokenBarrierError
from typing import Any
from unittest import mock

from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import PlannedDose, Visit
from scheduling.services import locks, verdicts


@contextmanager
def no_locks() -> Iterator[None]:
    """Inside, writers of visits read the same rows in the same order and lock none of them."""

    def patient_and_nurses(patient_id: int, nurse_ids: Any) -> tuple[Patient, dict[int, Nurse]]:
        return Patient.objects.get(pk=patient_id), Nurse.objects.in_bulk(list(nurse_ids))

    def dose(dose_id: int, patient: Patient) -> PlannedDose:
        found = PlannedDose.objects.select_related("prescription").get(pk=dose_id)
        found.prescription.patient = patient
        return found

    def visit(visit_id: int, **_seen: Any) -> Visit:
        return Visit.objects.get(pk=visit_id)

    with ExitStack() as patches:
        for unlocked in (patient_and_nurses, dose, visit):
            patches.enter_context(mock.patch.object(locks, unlocked.__name__, unlocked))
        yield


@contextmanager
def meeting_before(module: Any, name: str, parties: int = 2) -> Iterator[None]:
    """Everybody who calls `module.name` waits until `parties` have come, then all go on.

    With the locks in place they never meet: the first waits in vain, goes on alone, and the others find
    what it wrote.
    """
    real, barrier = getattr(module, name), Barrier(parties)

    def together(*args: Any, **kwargs: Any) -> Any:
        with suppress(BrokenBarrierError):
            barrier.wait(timeout=3)
        return real(*args, **kwargs)

    with mock.patch.object(module, name, together):
        yield


@contextmanager
def checks_meet(*places: tuple[Any, int]) -> Iterator[None]:
    """Each place, a module and which of its calls of `problems_of`, waits there for the others.

    All have then checked, and none has written: what each found is as true as it will ever be.
    """
    barrier = Barrier(len(places))

    def waiting(turn: int) -> Any:
        calls = count(1)

        def checked(*args: Any, **kwargs: Any) -> Any:
            found = verdicts.problems_of(*args, **kwargs)
            if next(calls) == turn:
                barrier.wait(timeout=10)
            return found

        return checked

    with ExitStack() as patches:
        for module, turn in places:
            patches.enter_context(mock.patch.object(module, "problems_of", waiting(turn)))
        yield
