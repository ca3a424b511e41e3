"""In which state a gate of ours is: order, authorization, drug, health screen. Plain values in, days are local."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from scheduling.rules.intervals import in_words
from scheduling.rules.regimen import Sourced

SCREEN_DAYS = 3  # a health screen counts on its day and this many days after (house rule; docs/readiness.md)


class Judged(NamedTuple):
    """`state` is one of readiness.STATES; `rests_on`: which paper or step of the caller's list says so."""

    state: str
    text: str
    valid_through: date | None = None
    rests_on: int | None = None


class Approval(NamedTuple):
    """What a payer allowed: both days included; `until_on` and `units` None when the paper names none."""

    from_on: date
    until_on: date | None
    units: int | None
    granted: bool = True

    def covers(self, on: date) -> bool:
        return self.granted and self.from_on <= on and (self.until_on is None or on <= self.until_on)


class SupplyFact(NamedTuple):
    """A step of the drug's way; temperatures in degrees Celsius as the logger shows them."""

    step: str
    on: date
    lowest_c: Decimal | None = None
    highest_c: Decimal | None = None
    expected_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Storage(Sourced):
    """The range a label allows for the product, both ends included; `least_c` None: no lower end is named."""

    least_c: Decimal | None
    most_c: Decimal

    @property
    def cold(self) -> bool:
        """Needs a refrigerator, so the parcel's logger must be read."""
        return self.most_c <= 8

    @property
    def words(self) -> str:
        if self.least_c is None:
            return f"at most {self.most_c.normalize():f} °C"
        return f"{self.least_c.normalize():f} to {self.most_c.normalize():f} °C"


@dataclass(frozen=True, kw_only=True)
class BillingUnit(Sourced):
    """The HCPCS code of a drug and the mg in one unit of it, for service days from `first_on` on."""

    code: str
    mg: Decimal
    first_on: date


def units_of(amount_mg: Decimal | None, unit: BillingUnit | None) -> int | None:
    """Whole billing units of an amount, rounded up; None when the amount or the unit is not known."""
    if amount_mg is None or unit is None:
        return None
    return int((amount_mg / unit.mg).to_integral_value(ROUND_CEILING))


def judge_order(status: str, expires_on: date, on: date) -> Judged:
    """The prescription on the day: active and not ended, its last day included."""
    if status == "discontinued":
        return Judged("forbids", "The drug was stopped.")
    if status == "completed":
        return Judged("forbids", "The order is complete.")
    if status == "draft":
        return Judged("missing", "The order is a draft.")
    if on > expires_on:
        return Judged("expired", f"The order ends {in_words(expires_on)}, before this day.", expires_on)
    return Judged("met", f"In force through {in_words(expires_on)}.", expires_on)


def judge_authorization(
    approvals: Sequence[Approval],
    asked_on: date | None,
    on: date,
    needed: int | None,
    taken: Iterable[tuple[date, int]] = (),
) -> Judged:
    """Day and units against the payer's papers, the newest first.

    `taken`: day and units of the doses that come before this one (given or booked): a payer pays in the order
    of service, so an earlier dose uses the units first. `needed` None (no code, no weight yet) checks the day only.
    """
    used = list(taken)
    short: Judged | None = None
    for index, approval in enumerate(approvals):
        if not approval.covers(on):
            continue
        until = f" through {in_words(approval.until_on)}" if approval.until_on else ""
        if approval.units is None or needed is None:
            return Judged("met", f"Covers the day{until}.", approval.until_on, index)
        left = approval.units - sum(units for day, units in used if approval.covers(day))
        if left >= needed:
            return Judged("met", f"Covers {needed} of {left} units left{until}.", approval.until_on, index)
        said = f"It leaves {max(left, 0)} units; this dose needs {needed}."
        short = short or Judged("missing", said, approval.until_on, index)
    if short is not None:
        return short
    return _uncovered(approvals, asked_on, on)


def _uncovered(approvals: Sequence[Approval], asked_on: date | None, on: date) -> Judged:
    newest = approvals[0] if approvals else None
    if asked_on is not None and (newest is None or asked_on >= newest.from_on):
        return Judged("pending", f"Asked for on {in_words(asked_on)}; the payer has not answered.")
    if newest is None:
        return Judged("missing", "None on file.")
    if not newest.granted:
        return Judged("forbids", f"Declined on {in_words(newest.from_on)}.", None, 0)
    if newest.until_on is not None and newest.until_on < on:
        return Judged("expired", f"It was good through {in_words(newest.until_on)}.", newest.until_on, 0)
    return Judged("not_yet", f"It counts from {in_words(newest.from_on)}.", newest.until_on, 0)


def judge_drug(steps: Sequence[SupplyFact], storage: Storage | None, on: date) -> Judged:
    """Where the drug is, from the steps told, oldest first: the last one says it (a new parcel replaces a bad one)."""
    if not steps:
        return Judged("missing", "Not ordered yet.")
    last, index = steps[-1], len(steps) - 1
    if last.step == "rejected":
        return Judged(
            "missing", f"The parcel was rejected on {in_words(last.on)}; order another.", None, index
        )
    if last.step != "received":
        return _on_its_way(last, on, index)
    if storage is not None and not _in_range(last, storage):
        shown = f"{last.lowest_c} to {last.highest_c} °C"
        return Judged("forbids", f"Out of range: {shown}, allowed {storage.words}.", None, index)
    if storage is not None and storage.cold and last.highest_c is None:
        said = f"Received {in_words(last.on)}; its temperature is not recorded ({storage.words})."
        return Judged("pending", said, None, index)
    if last.highest_c is None:
        return Judged("met", f"Received {in_words(last.on)}.", None, index)
    return Judged(
        "met", f"Received {in_words(last.on)} at {last.lowest_c} to {last.highest_c} °C.", None, index
    )


def _on_its_way(last: SupplyFact, on: date, index: int) -> Judged:
    word, state = ("Shipped", "pending") if last.step == "shipped" else ("Ordered", "not_yet")
    if last.expected_on is None:
        return Judged(state, f"{word} {in_words(last.on)}, not received.", None, index)
    late = ", after the visit" if last.expected_on > on else ""
    said = f"{word} {in_words(last.on)}, expected {in_words(last.expected_on)}{late}."
    return Judged(state, said, None, index)


def _in_range(step: SupplyFact, storage: Storage) -> bool:
    if step.lowest_c is not None and storage.least_c is not None and step.lowest_c < storage.least_c:
        return False
    return step.highest_c is None or step.highest_c <= storage.most_c


def judge_screen(screened_on: date | None, clear: bool, on: date, today: date) -> Judged:
    """The health screen before a visit on `on`: clear, and dated from three days before it to the day itself.

    One that was not clear forbids until a newer clear one, however old it is.
    """
    opens = on - timedelta(days=SCREEN_DAYS)
    if screened_on is not None and not clear:
        return Judged("forbids", f"Not clear on {in_words(screened_on)}.", None, 0)
    if screened_on is not None and opens <= screened_on <= on:
        return Judged(
            "met", f"Clear on {in_words(screened_on)}.", screened_on + timedelta(days=SCREEN_DAYS), 0
        )
    if today < opens:
        return Judged("not_yet", f"Asked for from {in_words(opens)}.")
    if screened_on is not None and screened_on < opens:
        until = screened_on + timedelta(days=SCREEN_DAYS)
        return Judged("expired", f"The last one counted through {in_words(until)}.", until, 0)
    return Judged("missing", "Not done yet.")
