"""Refusals: what the product says no to, each with a stable code and one plain sentence.

A page shows the sentence beside its cause; the API answers `status` with the same code.
"""

from __future__ import annotations


class Refused(Exception):
    """The wish was understood and is not allowed. Nothing was written.

    `code` never changes once published; `field` names the input that caused it, when one did;
    `absolute` means no reason and no role makes it allowed; `visit_id` says which of several visits it is about.
    """

    code = "REFUSED"
    status = 422
    absolute = True
    visit_id: int | None = None

    def __init__(self, message: str, *, code: str = "", field: str = "", codes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.field = field
        self.codes = codes or (self.code,)


class RuleBroken(Refused):
    """A dosing or booking rule forbids it, whoever asks."""

    code = "RULE_BROKEN"


class NeedsReason(Refused):
    """Allowed for a named person who gives a reason; refused without one. `codes` says what for."""

    code = "NEEDS_REASON"
    absolute = False


class Conflict(Refused):
    """Somebody else was first: the nurse, the patient or the dose is taken, or the page was stale."""

    code = "CONFLICT"
    status = 409
    absolute = False


class SlotTaken(Conflict):
    """The nurse or the patient has another visit then, or the dose has a visit already.

    `alternatives` is where a program finds other times, when whoever raised or passed it on knows.
    """

    code = "SLOT_TAKEN"
    alternatives = ""


class StaleVersion(Conflict):
    """The row changed after the page was loaded."""

    code = "STALE_VERSION"


class BadInput(Refused):
    """The input cannot be understood: `field` says where, the message why."""

    code = "BAD_INPUT"
    status = 400
