"""A day put in another order while somebody books into it: one is told, never both done. With its twin."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from unittest import mock

import pytest
from django.db import IntegrityError, OperationalError

from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import Visit
from scheduling.services import booking, reorder, together
from scheduling.services.reorder import Wish
from tests.makers import DAY, NOW, at, make_check, make_nurse, make_patient, make_user, today_at
from tests.threads import all_at_once
from tests.unguarded import meeting_before, no_locks

pytestmark = pytest.mark.django_db(transaction=True)
ON = today_at() + 7 * DAY


def owed():
    return make_check(make_patient(), ON - DAY, minutes=60)


def book(check, nurse, hour, user):
    return booking.book_check(check_id=check.pk, nurse_id=nurse.pk, starts_at=at(ON, hour), by=user, now=NOW)


def reorder_and_book():
    """Another order puts the visit of 14:00 at 9:00; somebody books just that hour."""
    nurse, user = make_nurse(), make_user()
    first, second = book(owed(), nurse, 8, user), book(owed(), nurse, 14, user)
    wish = Wish((first.pk, second.pk), close_gaps=True)
    seen = reorder.effect_of(nurse, ON, wish, by=user, now=NOW)
    assert seen.lines[1].starts_at == at(ON, 9)
    save = partial(
        reorder.reorder, nurse_id=nurse.pk, on=ON, wish=wish, shown=seen.signature, by=user,
        reason_class="organisation", now=NOW,
    )  # fmt: skip
    return [save, partial(book, owed(), nurse, 9, user)]


def kinds(results) -> list[str]:
    return sorted(type(x).__name__ if isinstance(x, Exception) else "done" for x in results)


def test_an_order_is_saved_or_the_hour_is_booked_never_both():
    with meeting_before(booking, "put"):
        results = all_at_once(reorder_and_book())
    assert kinds(results) in (["NotAsShown", "done"], ["SlotTaken", "done"])
    assert not any(isinstance(getattr(x, "__cause__", None), IntegrityError) for x in results)
    assert Visit.objects.filter(state="booked", starts_at=at(ON, 9)).count() == 1


def test_twin_without_locks_only_the_constraint_keeps_both_from_the_hour():
    def unlocked(patient_ids, nurse_ids):
        return Patient.objects.in_bulk(list(patient_ids)), Nurse.objects.in_bulk(list(nurse_ids))

    works = reorder_and_book()
    with ExitStack() as stack:
        stack.enter_context(no_locks())
        stack.enter_context(mock.patch.object(together, "lock_all", unlocked))
        stack.enter_context(meeting_before(booking, "put"))
        results = all_at_once(works)
    stopped = [
        x for x in results if isinstance(getattr(x, "__cause__", None), IntegrityError | OperationalError)
    ]
    assert len(stopped) == 1
