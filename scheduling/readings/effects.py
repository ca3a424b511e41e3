"""Before and after in words: what a rehearsed or applied change does to doses, visits and checks. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from patients.models import Patient, Prescription
from scheduling.models import DoseRecord, PlannedCheck, Visit
from scheduling.readings.chart_words import day_words
from scheduling.readings.patient_list import drug_name
from scheduling.readings.words import at_words, mg_words
from scheduling.readings.words import day_words as weekday_words
from scheduling.rules import states
from scheduling.services import doses
from scheduling.services.rehearsal import DoseChange, Effects, VisitChange
from scheduling.services.standing import CheckStands, DoseStands

SHOWN = 6  # changed doses before "more"
GONE = frozenset({"DOSE_CANCELLED", "DOSE_GIVEN"})  # no other time helps: there is nothing to give


@dataclass(frozen=True)
class Fact:
    """One thing about a dose, now and then; the small words are its window."""

    label: str
    was: str
    becomes: str
    was_small: str = ""
    becomes_small: str = ""


@dataclass(frozen=True)
class DoseRow:
    """One dose that changes. `drug` is said only where several orders are touched."""

    number: int
    drug: str
    facts: Sequence[Fact]


@dataclass(frozen=True)
class VisitRow:
    """A booked visit the change touches: status and sentence of what becomes of it."""

    visit: Visit
    when: str
    status: str
    verdict: str
    misfit: bool
    over: bool = False  # nothing is left to give at it


@dataclass(frozen=True)
class Shown:
    """What the part "What changes" of a page shows."""

    signature: str
    nothing: bool
    orders: Sequence[tuple[str, str]]
    visits: Sequence[VisitRow]
    first: Sequence[DoseRow]
    more: Sequence[DoseRow]
    unchanged: Sequence[str]
    checks_new: Sequence[str]
    checks_gone: Sequence[str]

    @property
    def doses(self) -> int:
        """How many doses change."""
        return len(self.first) + len(self.more)

    @property
    def checks(self) -> str:
        """How many lab draws and checks come and go; "" for none."""
        said = []
        if new := len(self.checks_new):
            said.append(ngettext("%(n)d new", "%(n)d new", new) % {"n": new})
        if gone := len(self.checks_gone):
            said.append(ngettext("%(n)d falls away", "%(n)d fall away", gone) % {"n": gone})
        return _("Lab draws and checks: %(what)s") % {"what": ", ".join(said)} if said else ""

    @property
    def misfits(self) -> int:
        return sum(1 for row in self.visits if row.misfit)


def shown(effects: Effects) -> Shown:
    """The effects in words, visits that no longer fit first; two queries whatever their number."""
    touched = {one.order_id for one in (*effects.doses, *effects.orders)}
    rows = Prescription.objects.filter(pk__in={*touched, *(one.order_id for one in effects.unchanged)})
    drugs = {pk: drug_name(doses.drug_code(regimen)) for pk, regimen in rows.values_list("pk", "regimen_id")}
    several = len(touched) > 1
    changed = [_dose_row(one, drugs[one.order_id] if several else "") for one in effects.doses]
    return Shown(
        signature=effects.signature,
        nothing=effects.nothing,
        orders=[_order(one.after, drugs[one.order_id] if several else "") for one in effects.orders],
        visits=_visit_rows(effects.visits),
        first=changed[:SHOWN],
        more=changed[SHOWN:],
        unchanged=[
            _still(one, drugs[one.order_id] if len(drugs) > 1 else "")
            for one in effects.unchanged
            if one.after and one.after.state == "planned"
        ],
        checks_new=[_check(one) for one in effects.checks_new],
        checks_gone=[_check(one) for one in effects.checks_gone],
    )


def in_a_sentence(effects: Effects) -> str:
    """What was done, for a person who does not book: how many doses and visits; no drug, no name. "" for nothing.

    For the nurse's page after a record: the office decides about visits, so it only says that it was told.
    """
    said = []
    moved = sum(1 for one in effects.doses if one.before and one.after and one.after.state == "planned")
    if any(one.after == Prescription.Status.DISCONTINUED for one in effects.orders):
        said.append(_("No further dose is planned."))
    elif moved:
        words = ngettext("%(n)d later dose changes.", "%(n)d later doses change.", moved)
        said.append(words % {"n": moved})
    if misfits := sum(1 for one in effects.visits if one.misfit):
        words = ngettext(
            "%(n)d booked visit no longer fits. The office has been told.",
            "%(n)d booked visits no longer fit. The office has been told.",
            misfits,
        )
        said.append(words % {"n": misfits})
    return " ".join(said)


def to_decide(patient: Patient) -> list[VisitRow]:
    """The patient's open visits that wait for a decision, soonest first."""
    rows = Visit.objects.filter(patient=patient, state__in=states.OPEN).exclude(attention="")
    return [
        VisitRow(visit, _when(visit), "stop", visit.attention, True, visit.attention_code in GONE)
        for visit in rows.select_related("nurse", "dose").order_by("starts_at", "pk")
    ]


# --- Orders and visits -------------------------------------------------------------------------


def _order(status: str, drug: str) -> tuple[str, str]:
    """Status and sentence of an order that becomes something else."""
    words = {
        Prescription.Status.ACTIVE: ("ok", _("The order becomes active.")),
        Prescription.Status.ON_HOLD: ("hold", _("The order goes on hold.")),
        Prescription.Status.DISCONTINUED: ("stop", _("The drug is stopped. No further dose is planned.")),
        Prescription.Status.COMPLETED: ("done", _("The order is complete. No further dose is planned.")),
    }
    kind, sentence = words.get(status, ("info", ""))  # type: ignore[call-overload]
    return kind, f"{drug}: {sentence}" if drug else sentence


def _visit_rows(changes: Iterable[VisitChange]) -> list[VisitRow]:
    changes = list(changes)
    found = Visit.objects.select_related("nurse", "dose").in_bulk([one.visit_id for one in changes])
    return [_visit_row(one, found[one.visit_id]) for one in changes]


def _visit_row(change: VisitChange, visit: Visit) -> VisitRow:
    status, verdict = _verdict(change)
    return VisitRow(visit, _when(visit), status, verdict, change.misfit, change.after.code in GONE)


def _verdict(change: VisitChange) -> tuple[str, str]:
    after = change.after
    if change.settled:
        return "done", _("Done: the dose was given at this visit.")
    if not change.misfit:
        return "ok", _("Fits again.") if change.before.code else _("Still fits.")
    if after.code == "TOO_SHORT":
        words = ngettext(
            "Too short: needs %(n)d more minute.", "Too short: needs %(n)d more minutes.", after.short_by
        )
        return "stop", words % {"n": after.short_by}
    return "stop", after.sentence


def _when(visit: Visit) -> str:
    said = {"when": at_words(visit.starts_at, visit.time_zone), "who": visit.nurse.first_name}
    if visit.dose is None:
        return f"{_('%(when)s with %(who)s') % said} · {visit.get_kind_display()}"
    return _("%(when)s with %(who)s · dose %(n)d") % {**said, "n": visit.dose.number}


# --- Doses -------------------------------------------------------------------------------------


def _dose_row(change: DoseChange, drug: str) -> DoseRow:
    return DoseRow(change.number, drug, list(_facts(change.before, change.after)))


def _facts(before: DoseStands | None, after: DoseStands | None) -> Iterator[Fact]:
    """What differs, the day first; of a dose that comes or goes only that."""
    when = (_day(before), _day(after) if after else _("no longer planned"))
    if before is None or after is None or "given" in (before.state, after.state):
        yield from _given_facts(when, before, after)
        return
    windows = (_window(before), _window(after))
    shown = windows if windows[0] != windows[1] else ("", "")
    small = (_beside(before, shown[0]), _beside(after, shown[1]))
    if when[0] != when[1] or small[0] != small[1]:
        yield Fact(_("Day"), *when, *small)
    if before.minutes != after.minutes:
        yield Fact(_("Length"), _length(before.minutes), _length(after.minutes))
    if before.amount_mg != after.amount_mg:
        yield Fact(_("Amount"), mg_words(before.amount_mg), mg_words(after.amount_mg))
    if before.needs_renewed_order != after.needs_renewed_order:
        yield Fact(_("Order"), _covered(before), _covered(after))


def _given_facts(
    when: tuple[str, str], before: DoseStands | None, after: DoseStands | None
) -> Iterator[Fact]:
    yield Fact(_("Day"), *when)
    if before is None or after is None:
        return
    if before.amount_mg != after.amount_mg:
        yield Fact(_("Amount"), mg_words(before.amount_mg), mg_words(after.amount_mg))
    if (before.reaction or "none") != (after.reaction or "none"):
        yield Fact(_("Reaction"), _grade(before), _grade(after))


def _grade(stands: DoseStands) -> str:
    words: Mapping[str, object] = dict(DoseRecord._meta.get_field("reaction").flatchoices)
    return str(words.get(stands.reaction, "–"))


def _day(stands: DoseStands | None) -> str:
    if stands is None:
        return _("not planned")
    if stands.state == "given":
        return _("given %(day)s") % {"day": day_words(stands.on or stands.due_on)}
    return _("on hold") if stands.on is None else day_words(stands.on)


def _beside(stands: DoseStands, window: str) -> str:
    """The day it is due, where today's calendar has another one, and its window."""
    due = _("due %(day)s") % {"day": day_words(stands.due_on)} if stands.on != stands.due_on else ""
    return ", ".join(words for words in (due, window) if words)


def _window(stands: DoseStands) -> str:
    """The window; where there is none, the floor. A window never opens before its floor, so it says enough."""
    first, last = stands.window_start_on, stands.window_end_on
    if first is None or last is None:
        return _("not before %(day)s") % {"day": day_words(stands.floor_on)} if stands.floor_on else ""
    if first == last:
        return _("window %(days)s") % {"days": day_words(last)}
    opens = date_format(first, _("M j")) if first.year == last.year else day_words(first)
    return _("window %(days)s") % {"days": f"{opens} – {day_words(last)}"}


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return _("%(hours)d h %(minutes)02d") % {"hours": hours, "minutes": rest}


def _covered(stands: DoseStands) -> str:
    return _("needs a renewed order") if stands.needs_renewed_order else _("covered by the order")


def _still(change: DoseChange, drug: str) -> str:
    words = _("Dose %(n)d: %(day)s") % {"n": change.number, "day": _day(change.after)}
    return f"{drug}, {words}" if drug else words


def _check(check: CheckStands) -> str:
    kind = dict(PlannedCheck.Kind.choices).get(check.kind, check.kind)
    return f"{kind}, {weekday_words(check.due_on)}"
