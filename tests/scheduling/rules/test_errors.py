"""What every kind of refusal answers with: codes never change once published."""

from __future__ import annotations

import pytest

from scheduling.rules.errors import (
    BadInput,
    Conflict,
    NeedsReason,
    Refused,
    RuleBroken,
    SlotTaken,
    StaleVersion,
)


@pytest.mark.parametrize(
    ("kind", "code", "status", "absolute"),
    [
        (Refused, "REFUSED", 422, True),
        (RuleBroken, "RULE_BROKEN", 422, True),
        (NeedsReason, "NEEDS_REASON", 422, False),
        (Conflict, "CONFLICT", 409, False),
        (SlotTaken, "SLOT_TAKEN", 409, False),
        (StaleVersion, "STALE_VERSION", 409, False),
        (BadInput, "BAD_INPUT", 400, True),
    ],
)
def test_each_kind_keeps_its_published_code_and_status(kind, code, status, absolute):
    refusal = kind("No.")
    assert (refusal.code, refusal.status, refusal.absolute) == (code, status, absolute)
    assert (str(refusal), refusal.field, refusal.codes) == ("No.", "", (code,))


def test_a_refusal_may_name_its_own_code_its_field_and_everything_it_needs_a_reason_for():
    refusal = NeedsReason("No.", code="LATE", field="on", codes=("LATE", "ON_HOLD"))
    assert (refusal.code, refusal.field, refusal.codes) == ("LATE", "on", ("LATE", "ON_HOLD"))
    assert RuleBroken("No.", code="DAY_TOO_LONG").codes == ("DAY_TOO_LONG",)
