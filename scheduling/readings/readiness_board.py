"""The readiness board as a page says it: groups by urgency, one mark a column, and one row opened. No query.

What each gate means and the states come from readings.gates; here they get their words, and how much a mark
insists: what is not due yet stays quiet, so that what is missing now stands out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from scheduling.readings import gates as board
from scheduling.readings import words
from scheduling.readings.gates import Row
from scheduling.rules import readiness as table
from scheduling.services.readiness import Gate

COLUMNS = {
    "order": gettext_lazy("Order"),
    "place": gettext_lazy("Place"),
    "papers": gettext_lazy("Papers"),
    "labs": gettext_lazy("Labs"),
    "authorization": gettext_lazy("Authorization"),
    "drug": gettext_lazy("Drug"),
    "nurse": gettext_lazy("Nurse"),
    "confirmed": gettext_lazy("Confirmed"),
    "screen": gettext_lazy("Health screen"),
}
STATES = {  # the filter: what a row must have
    "stop": gettext_lazy("Stops booking or start"),
    "wait": gettext_lazy("To do"),
    "ready": gettext_lazy("Ready"),
}
DAYS = (7, 14, 30, board.AHEAD_DAYS)
INSISTENCE = {"stop": 4, "hold": 3, "wait": 2, "done": 1, "ok": 0}
TO_DO = frozenset({"stop", "hold", "wait"})
SOON = 7  # days before a visit from which a closed start is red
ASKED_FROM = {"drug": 14, "confirmed": 7}  # days before the visit; earlier nobody needs to ask (house rule)
STATE_WORDS = {
    "met": gettext_lazy("OK"),
    "missing": gettext_lazy("Missing"),
    "expired": gettext_lazy("Expired"),
    "too_soon": gettext_lazy("Too soon"),
    "forbids": gettext_lazy("Stops"),
    "pending": gettext_lazy("Pending"),
    "not_yet": gettext_lazy("Later"),
}
WORDS = {  # where a state has a plainer word
    ("nurse", "met"): gettext_lazy("Booked"),
    ("nurse", "missing"): gettext_lazy("Not booked"),
    ("confirmed", "met"): gettext_lazy("Yes"),
    ("confirmed", "pending"): gettext_lazy("Not yet"),
    ("drug", "met"): gettext_lazy("Received"),
    ("drug", "missing"): gettext_lazy("Not ordered"),
    ("drug", "not_yet"): gettext_lazy("Ordered"),
    ("drug", "pending"): gettext_lazy("On its way"),
    ("drug", "forbids"): gettext_lazy("Out of range"),
    ("authorization", "pending"): gettext_lazy("Asked"),
    ("authorization", "forbids"): gettext_lazy("Declined"),
    ("hold", "pending"): gettext_lazy("On hold"),
    ("hold", "too_soon"): gettext_lazy("On hold"),
    ("order", "expired"): gettext_lazy("Ends before"),
    ("diagnosis", "pending"): gettext_lazy("Check code"),
    ("site", "forbids"): gettext_lazy("Not at home"),
    ("health_screen", "forbids"): gettext_lazy("Not clear"),
}
BITES = {  # (when, who may open it) -> what it does, as a sentence
    ("booking", "absolute"): gettext_lazy("Stops the booking; nobody can open it."),
    ("booking", "reason"): gettext_lazy("Booking asks for a reason."),
    ("start", "absolute"): gettext_lazy("Stops the start; nobody can open it."),
    ("start", "lead"): gettext_lazy("Stops the start; the clinical lead may open it."),
    ("never", "warning"): gettext_lazy("Only warns."),
}


@dataclass(frozen=True)
class Cell:
    """One mark: its column, status and word as in ui/tag.html, and what stands behind it."""

    column: str
    title: str
    status: str
    word: str
    text: str


@dataclass(frozen=True)
class GateLine:
    """One gate of the opened row. `form`: which small form records it, "" for none."""

    gate: Gate
    status: str
    word: str
    meta: tuple[str, ...]
    form: str
    lead_may_open: bool

    @property
    def url(self) -> str:
        """Where the next step is done when no form here does it; "" when there is nowhere to go."""
        step = self.gate.action
        if step is None or not step.url or self.form:
            return ""
        return reverse(step.url, kwargs=dict(step.kwargs)) + (
            f"?{urlencode(step.query)}" if step.query else ""
        )

    @property
    def open(self) -> bool:
        """Somebody has something to do."""
        return self.status in TO_DO


@dataclass(frozen=True)
class Line:
    """One dose of the board."""

    row: Row
    today: date

    @cached_property
    def statuses(self) -> dict[str, str]:
        """Column -> the status that insists most; no words, for every row is counted and few are shown."""
        found = dict.fromkeys(COLUMNS, "ok")
        for gate in self.row.gates:
            status = status_of(gate, self.row, self.today)
            if INSISTENCE[status] > INSISTENCE[found[gate.group]]:
                found[gate.group] = status
        return found

    @cached_property
    def cells(self) -> list[Cell]:
        """The marks in the order of COLUMNS."""
        return [_cell(self, column) for column in COLUMNS]

    @property
    def worst(self) -> int:
        """How much the worst mark insists."""
        return max(INSISTENCE[status] for status in self.statuses.values())

    @property
    def urgency(self) -> dict[str, str]:
        """Status and words: of a booked dose the visit, else the days left."""
        if self.row.visit is not None:
            status, word = words.visit_status(self.row.visit)
            return {
                "status": "done" if status == "wait" else status,
                "word": _("Booked") if status == "wait" else word,
            }
        status, word = words.days_left(self.row.days_left)
        return {"status": status, "word": word}

    @property
    def group(self) -> str:
        """late, week, fortnight, month or later: by the days until it is booked or planned for."""
        ahead = (self.row.day - self.today).days
        if ahead < 0 or (self.row.visit is None and self.row.days_left < 0):
            return "late"
        return next(
            (name for name, most in (("week", 7), ("fortnight", 14), ("month", 30)) if ahead <= most), "later"
        )

    @property
    def bookable(self) -> bool:
        """Nothing stands in the way of a booking, and none is there."""
        return self.row.visit is None and not self.row.booking_closed and not self.row.at_facility

    @property
    def verdict(self) -> tuple[str, str]:
        """Status and sentence: what the gates together allow now."""
        if self.row.at_facility:
            return "done", _(
                "Given at a certified facility. Record the outside appointment when it has taken place."
            )
        if self.row.visit is None:
            return _booking_verdict(self.row)
        if self.row.visit.attention:
            return "stop", self.row.visit.attention
        if not self.row.closed:
            return "ok", _("Ready: the nurse may start once the checks at the door are done.")
        return "wait", ngettext(
            "Booked. %(n)d gate is still closed for the start.",
            "Booked. %(n)d gates are still closed for the start.", len(self.row.closed),
        ) % {"n": len(self.row.closed)}  # fmt: skip

    @cached_property
    def gates(self) -> list[GateLine]:
        """Of the opened row, the most insistent first; columns keep their order otherwise."""
        lines = [_gate_line(gate, self.row, self.today) for gate in self.row.gates]
        return sorted(lines, key=lambda line: -INSISTENCE[line.status])


def _booking_verdict(row: Row) -> tuple[str, str]:
    closed = row.booking_closed
    if not closed:
        return "ok", _("Bookable now.")
    titles = ", ".join(
        str(gate.title).lower() if gate.kind in COLUMNS else str(gate.title) for gate in closed
    )
    if any(gate.power == table.ABSOLUTE for gate in closed):
        return "stop", _("Cannot be booked: %(what)s.") % {"what": titles}
    return "wait", _("Booking asks for a reason: %(what)s.") % {"what": titles}


GROUPS = {
    "late": gettext_lazy("Late"),
    "week": gettext_lazy("Next 7 days"),
    "fortnight": gettext_lazy("In 8 to 14 days"),
    "month": gettext_lazy("In 15 to 30 days"),
    "later": gettext_lazy("In 31 to 60 days"),
}


def lines(rows: Iterable[Row], today_of: Callable[[Row], date]) -> list[Line]:
    """By urgency, then by day, then the most insistent first."""
    found = [Line(row, today_of(row)) for row in rows]
    order = list(GROUPS)
    return sorted(
        found,
        key=lambda one: (
            order.index(one.group), one.row.day, -one.worst, one.row.patient.search_name, one.row.dose.pk,
        ),
    )  # fmt: skip


def keep(line: Line, *, gate: str, state: str) -> bool:
    """Whether a row stays under the filters; "" narrows nothing."""
    statuses = {line.statuses[gate]} if gate else set(line.statuses.values())
    if state == "ready":
        return not statuses & TO_DO
    if state == "stop":
        return bool(statuses & {"stop", "hold"})
    return bool(statuses & TO_DO) if state == "wait" or gate else True


def counts(found: Sequence[Line]) -> dict[str, int]:
    """Column -> in how many rows somebody has something to do there."""
    return Counter(column for line in found for column, status in line.statuses.items() if status in TO_DO)


def state_counts(found: Sequence[Line]) -> dict[str, int]:
    """State of the filter -> rows."""
    return {state: sum(keep(line, gate="", state=state) for line in found) for state in STATES}


def _cell(line: Line, column: str) -> Cell:
    """The most insistent gate of a column gives status and word; the text names everything not met."""
    title, status = str(COLUMNS[column]), line.statuses[column]
    mark = line.row.mark(column)
    if not mark.gates:
        return Cell(column, title, status, str(STATE_WORDS["met"]), _("none needed"))
    worst = next(gate for gate in mark.gates if status_of(gate, line.row, line.today) == status)
    text = " ".join(gate.sentence for gate in (mark.unmet or mark.gates[:1]))
    if line.row.visit is not None and _undecided(worst, line.row):
        text = line.row.visit.attention
    return Cell(column, title, status, word_of(worst, status), text)


def status_of(gate: Gate, row: Row, today: date) -> str:
    """Status of a tag for a gate of the row.

    done is quiet: nobody has to do anything yet. stop stands in the way of the booking, or of a start that is near.
    """
    ahead = (row.day - today).days
    if _undecided(gate, row):
        return "stop"
    if gate.met or gate.override is not None:
        return "ok"
    if gate.kind == "hold":
        return "hold"
    if gate.state == "forbids" or (gate.closed and gate.bites == table.BOOKING):
        return "stop"
    if _early(gate, row, ahead):
        return "done"
    return "stop" if gate.closed and ahead <= SOON else "wait"


def _early(gate: Gate, row: Row, ahead: int) -> bool:
    """Nobody has to ask yet: a screen wants a visit, a parcel and a yes are asked for some days before."""
    if gate.kind == "health_screen" and row.visit is None:
        return True
    if gate.kind == "drug" and gate.state == "not_yet":
        return ahead > SOON
    if gate.kind == "authorization":
        return False
    return gate.state == "not_yet" or ahead > ASKED_FROM.get(gate.kind, ahead)


def _undecided(gate: Gate, row: Row) -> bool:
    """A nurse is booked, and the visit waits for a decision: she is away, or it no longer fits."""
    return gate.kind == "nurse" and row.visit is not None and bool(row.visit.attention)


def word_of(gate: Gate, status: str) -> str:
    """The word of its state."""
    if gate.met and status == "stop":
        return _("To decide")
    if gate.override is not None:
        return _("Opened")
    if status == "done" and gate.state == "missing":
        return str(STATE_WORDS["not_yet"])
    return str(WORDS.get((gate.kind, gate.state)) or STATE_WORDS[gate.state])


def _gate_line(gate: Gate, row: Row, today: date) -> GateLine:
    status = status_of(gate, row, today)
    return GateLine(
        gate=gate,
        status=status,
        word=word_of(gate, status),
        meta=(row.visit.attention,) if row.visit and _undecided(gate, row) else tuple(_meta(gate)),
        form=form_of(gate, row),
        lead_may_open=gate.power == table.LEAD and gate.closed,
    )


def _meta(gate: Gate) -> Iterable[str]:
    """Who put it on file and until when it counts; when it bites; who does the next step."""
    if gate.override is not None:
        by = gate.override.by.get_full_name() or gate.override.by.username
        yield _("Opened by %(who)s: “%(why)s”") % {"who": by, "why": gate.override.why}
    if gate.recorded_by:
        yield _("Recorded by %(who)s") % {"who": gate.recorded_by}
    if gate.valid_through and gate.met:
        yield _("Counts through %(day)s") % {"day": words.day_words(gate.valid_through)}
    if not gate.met:
        yield str(BITES.get((gate.bites, gate.power), ""))
        if gate.action and gate.action.who != "coordinator":
            yield _("Next: %(who)s") % {"who": gate.action.who}


def form_of(gate: Gate, row: Row) -> str:
    """Which small form records what the gate asks for: result, authorization, supply, screen or confirm."""
    if gate.kind == "authorization":
        return "authorization"
    if gate.kind == "drug":
        return "supply"
    if gate.kind == "health_screen":
        return "screen"
    if gate.kind == "confirmed":
        return "confirm" if row.visit is not None and not gate.met else ""
    if gate.kind == "site":
        return "result" if gate.action and gate.action.verb == "record_decision" else ""
    return "result" if gate.group in {"labs", "papers"} else ""
