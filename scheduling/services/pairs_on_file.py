"""Which nurses a patient is pinned to, and who is not to come: read for many patients at once. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from patients.models import Patient
from scheduling.models import PinnedPair
from scheduling.rules.eligibility import NO_PAIRS, Pairs


def standing(patient_ids: Iterable[int]) -> dict[int, list[PinnedPair]]:
    """Patient -> their pairs that were not taken back, with the nurse and who set them, oldest first. One query.

    Every patient asked for is in the answer.
    """
    found: dict[int, list[PinnedPair]] = {patient_id: [] for patient_id in patient_ids}
    rows = PinnedPair.objects.filter(patient__in=list(found), withdrawn_at__isnull=True)
    for pair in rows.select_related("nurse", "set_by"):
        found[pair.patient_id].append(pair)
    return found


def may_come(patient_ids: Iterable[int]) -> dict[int, Pairs]:
    """Patient -> the nurses they are pinned to and those who are not to come, by id. One query.

    Every patient asked for is in the answer.
    """
    wanted = list(patient_ids)
    kinds: dict[int, list[tuple[int, str]]] = defaultdict(list)
    rows = PinnedPair.objects.filter(patient__in=wanted, withdrawn_at__isnull=True)
    for patient_id, nurse_id, kind in rows.values_list("patient_id", "nurse_id", "kind"):
        kinds[patient_id].append((nurse_id, kind))
    return {one: of_kinds(kinds.get(one, ())) for one in wanted}


def pairs_of(patient: Patient) -> Pairs:
    """The same for one patient: no query where `pinned_pairs` was read ahead, else one."""
    return of_kinds((x.nurse_id, x.kind) for x in patient.pinned_pairs.all() if x.withdrawn_at is None)


def of_kinds(rows: Iterable[tuple[int, str]]) -> Pairs:
    """One patient's standing (nurse, kind) rows as a rule reads them."""
    by_kind: dict[str, set[int]] = defaultdict(set)
    for nurse_id, kind in rows:
        by_kind[kind].add(nurse_id)
    if not by_kind:
        return NO_PAIRS
    return Pairs(
        only=frozenset(by_kind[PinnedPair.Kind.ALWAYS]), never=frozenset(by_kind[PinnedPair.Kind.NEVER])
    )
