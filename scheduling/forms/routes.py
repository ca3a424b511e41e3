"""What the office asks of a nurse's day: another order, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from scheduling import clock
from scheduling.forms.booking import QUARTERS
from scheduling.forms.reasons import override_reason, what_happened, whose_reason
from scheduling.readings import words
from scheduling.services.reorder import Wish

MOST = 60  # visits of a day; what is longer was not made by our page


def wish_of(data: QueryDict, present: Sequence[int], on: date, time_zone: str) -> Wish:
    """The order an address or a form asks for; what cannot be read counts as not said.

    `order` is ids with commas; `place-<id>` a number typed beside a visit; `up` or `down` a visit that moves by one.
    """
    base = [key for key in _ids(data.get("order", "").split(",")) if key in set(present)]
    base = [*dict.fromkeys(base), *(key for key in present if key not in base)]
    order = _stepped(_by_number(base, data), data)
    # Nothing said at all is the day as it stands.
    return Wish(
        order=tuple(order),
        may_move=frozenset(_ids(data.getlist("may"))),
        first_at=_start(data.get("start", ""), on, time_zone),
        close_gaps=data.get("gaps") == "1",
    )


def start_choices() -> list[tuple[str, str]]:
    """Quarter hours the day may begin at."""
    return [(f"{at:%H:%M}", words.clock_words(at)) for at in QUARTERS]


def _ids(said: Iterable[str]) -> list[int]:
    found = [int(key) for key in said if key.isdecimal() and key.isascii() and len(key) < 15]
    return found[:MOST]


def _by_number(order: Sequence[int], data: QueryDict) -> list[int]:
    """The order by the numbers beside the visits; of two with one number, the one that was moved there comes first
    on its way up and last on its way down."""

    def place(at: int, key: int) -> tuple[int, int]:
        said = data.get(f"place-{key}", "").strip()
        number = int(said) if said.isdecimal() and said.isascii() and len(said) < 4 else at
        return number, (number > at) - (number < at)

    ranked = sorted(enumerate(order, start=1), key=lambda pair: (*place(*pair), pair[0]))
    return [key for _at, key in ranked]


def _stepped(order: list[int], data: QueryDict) -> list[int]:
    for name, step in (("up", -1), ("down", 1)):
        for key in _ids(data.getlist(name)[:1]):
            at = order.index(key) if key in order else -1
            if at >= 0 and 0 <= at + step < len(order):
                order[at], order[at + step] = order[at + step], order[at]
    return order


def _start(said: str, on: date, time_zone: str) -> datetime | None:
    """The wall's clock of the nurse as a moment; None for what is no quarter hour, or what the clocks skip."""
    try:
        at = time.fromisoformat(said)
    except ValueError:
        return None
    if at not in QUARTERS or not clock.exists(datetime.combine(on, at), time_zone):
        return None
    return datetime.combine(on, at, ZoneInfo(time_zone)).astimezone(UTC)


class SaveOrderForm(forms.Form):
    """Why the day is put in another order. `asks`: some visit is booked only with a reason."""

    reason_class = whose_reason()
    note = what_happened(widget=forms.Textarea(attrs={"rows": 2}))
    override = override_reason(
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": gettext_lazy("Say why it is booked all the same.")},
    )

    def __init__(self, data: Any = None, *, asks: bool = False, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        if asks:
            self.fields["override"].required = True
        else:
            del self.fields["override"]

    def for_service(self) -> dict[str, str]:
        """What services.reorder asks for; an empty `override` where none is needed."""
        return {"override": "", **self.cleaned_data}
