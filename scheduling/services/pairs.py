"""Say that a nurse always or never comes to a patient, and take it back. What is on file: services.pairs_on_file.

A visit that is booked stays as it is (invariant 4): where its nurse is not to come any more it stands among the
visits that need another one, with the reason.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from accounts.models import User
from scheduling.models import PinnedPair
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import events, locks
from scheduling.services.guard import fits, writes
from scheduling.services.pairs_on_file import may_come, pairs_of, standing

__all__ = ["may_come", "pairs_of", "pin", "standing", "take_back"]

LONGEST_WHY = 300


@writes
def pin(
    *, patient_id: int, nurse_id: int, kind: str, why: str, by: User, now: datetime | None = None
) -> PinnedPair:
    """From now on only this nurse (with others the patient always has) comes, or she never does.

    Raises BadInput without a reason, for another kind or for a nurse who has left; Conflict ALREADY_PINNED while
    something stands for the two, the same or the opposite: that is taken back first. Locks the patient, then the nurse.
    """
    why = _said(why, "Say why: who asked for it, or what happened.")
    if kind not in PinnedPair.Kind.values:
        raise BadInput("Choose always or never.", field="kind")
    patient, nurses = locks.patient_and_nurses(patient_id, [nurse_id])
    if not nurses[nurse_id].active:
        raise BadInput("This nurse no longer works here.", field="nurse")
    there = PinnedPair.objects.filter(patient=patient, nurse=nurse_id, withdrawn_at__isnull=True).first()
    if there is not None:
        said = (
            "This is on file already."
            if there.kind == kind
            else "The opposite is on file. Take it back first."
        )
        raise Conflict(said, code="ALREADY_PINNED", field="nurse")
    pair = PinnedPair.objects.create(
        patient=patient, nurse=nurses[nurse_id], kind=kind, why=why, set_by=by, set_at=now or timezone.now()
    )
    events.write("pair_pinned", by=by, patient=patient, subject=pair, why=why, nurse=nurse_id, kind=kind)
    return pair


@writes
def take_back(*, pair_id: int, by: User, why: str, now: datetime | None = None) -> PinnedPair:
    """It counts no longer; the row stays, with who and when. The reason is in the trail.

    Raises BadInput without a reason, Conflict PAIR_TAKEN_BACK when somebody did it already. Locks the patient.
    """
    why = _said(why, "Say why this does not count any more.")
    patient_id = PinnedPair.objects.values_list("patient_id", flat=True).get(pk=pair_id)
    patient, _none = locks.patient_and_nurses(patient_id, [])
    pair = PinnedPair.objects.get(pk=pair_id)
    if pair.withdrawn_at is not None:
        raise Conflict("Somebody took this back already.", code="PAIR_TAKEN_BACK")
    pair.withdrawn_at, pair.withdrawn_by = now or timezone.now(), by
    pair.save(update_fields=["withdrawn_at", "withdrawn_by"])
    events.write(
        "pair_taken_back", by=by, patient=patient, subject=pair, why=why, nurse=pair.nurse_id, kind=pair.kind
    )
    return pair


def _said(why: str, ask: str) -> str:
    why = fits(why, "why", LONGEST_WHY)
    if not why:
        raise BadInput(ask, field="why")
    return why
