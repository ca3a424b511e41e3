"""A calendar nobody has saved yet, and what changes when something is recorded, held or stopped. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from patients.models import Prescription
from scheduling import clock
from scheduling.models import PlannedDose, Visit
from scheduling.readings.chart_words import as_sentence, day_words
from scheduling.readings.warnings import Caution, of_diagnosis
from scheduling.readings.words import mg_words
from scheduling.rules import states
from scheduling.rules.calendar import Calendar, Dose
from scheduling.rules.orders import Given, Hold
from scheduling.rules.regimen import Regimen
from scheduling.services import attention, doses
from scheduling.services.doses import Case
from scheduling.services.prescribing import Wish

FLAG_WORDS = {
    "OVERDUE": "stop", "MISSED": "stop", "ON_HOLD": "hold", "RESTART_REVIEW": "wait", "DOSE_CAPPED": "wait",
}  # fmt: skip
SHOWN = 8


@dataclass(frozen=True)
class PreviewLine:
    """One dose of a calendar not saved yet."""

    dose: Dose
    on: date | None
    amount: str
    tags: tuple[tuple[str, str], ...]


def flag_words(flag: str) -> str:
    """A flag of the calendar as people say it."""
    return {
        "OVERDUE": _("Overdue"),
        "MISSED": _("Past its window"),
        "ON_HOLD": _("On hold"),
        "RESTART_REVIEW": _("Prescriber reviews the restart"),
        "DOSE_CAPPED": _("Largest single dose"),
    }.get(flag, flag.replace("_", " ").capitalize())


def lines(calendar: Calendar) -> list[PreviewLine]:
    """Every dose to come, in order."""
    return [_line(dose) for dose in calendar.planned]


def _line(dose: Dose) -> PreviewLine:
    tags = [(FLAG_WORDS.get(flag, "wait"), flag_words(flag)) for flag in dose.flags]
    return PreviewLine(dose, dose.planned_on, mg_words(dose.amount_mg), tuple(tags))


def cautions(calendar: Calendar, regimen: Regimen, wish: Wish, today: date) -> list[Caution]:
    """What a person should look at before saving; none of it stands in the way."""
    found = [Caution("wait", note.text, note.source) for note in calendar.notes]
    first = next((dose.planned_on or dose.due_on for dose in calendar.planned), today)
    found += of_diagnosis(wish.diagnosis_code, regimen, first)
    if not wish.given and wish.start_on < today - timedelta(days=30):
        title = _("The start is in the past and no earlier dose is listed.")
        found.append(Caution("wait", title, _("Dose 1 counts as overdue. Add the doses given elsewhere.")))
    if regimen.site_of_care.home == "no":
        found.append(Caution("wait", _("Not a drug for home."), as_sentence(regimen.site_of_care.text)))
    if regimen.not_covered:
        found.append(Caution("info", as_sentence(regimen.not_covered)))
    return found


# --- What would change -------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One dose before and after."""

    number: int
    before: str
    after: str
    changed: bool


@dataclass(frozen=True)
class Effect:
    """What a record, a hold or a stop would do: the next doses, and booked visits that would not fit."""

    changes: Sequence[Change]
    visits: Sequence[tuple[Visit, str]]
    ends: str

    @property
    def nothing(self) -> bool:
        return not self.visits and not self.ends and not any(change.changed for change in self.changes)


def with_record(case: Case, number: int, on: date, reaction: str, reaction_type: str) -> Case:
    """The case as if dose `number` had been given on that day; replaces what is recorded for it."""
    kept = {given.number: given for given in case.history}
    per_area = kept[number].mg_per_m2 if number in kept else None
    kept[number] = Given(number, on, reaction, reaction_type or None, per_area)
    return Case(case.regimen, case.order, tuple(kept[n] for n in sorted(kept)))


def with_hold(case: Case, starts_on: date, clears_on: date | None) -> Case:
    """The case with one more hold."""
    holds = (*case.order.holds, Hold(starts_on, clears_on, ""))
    return Case(case.regimen, case.order._replace(holds=holds), case.history)


def with_stop(case: Case, on: date) -> Case:
    """The case with the drug stopped."""
    return Case(case.regimen, case.order._replace(discontinued_on=on), case.history)


def with_terms(case: Case, changes: Mapping[str, Any]) -> Case:
    """The case with amended terms; names no calendar depends on are left out."""
    terms = {name: value for name, value in changes.items() if name in case.order._fields}
    return Case(case.regimen, case.order._replace(**terms), case.history)


def effect(
    prescription: Prescription, after: Case, today: date, *, without: int | None = None, most: int = 6
) -> Effect:
    """Compare the stored doses with the calendar of `after`. Raises BadInput as the rules do.

    `without` is the number of the dose being recorded: its visit is settled by the record itself.
    """
    stored = {d.number: d for d in prescription.doses.filter(state=PlannedDose.State.PLANNED)}
    stored.pop(without, None)  # type: ignore[arg-type]
    visits = [
        visit
        for visit in Visit.objects.filter(
            dose__prescription=prescription, state__in=states.OPEN
        ).select_related("dose", "nurse")
        if visit.dose is not None and visit.dose.number != without
    ]
    booked = {v.dose.number: clock.local_day(v.starts_at, v.time_zone) for v in visits if v.dose is not None}
    rows, calendar = doses.lay_out(after, booked, today + doses.HORIZON)
    new = {row.number: row for row in rows}
    numbers = sorted(set(stored) | set(new))[:most]
    changes = [_change(number, stored.get(number), new.get(number)) for number in numbers]
    flagged = [(visit, _misfit(visit, new, prescription, after)) for visit in visits]
    ends = ""
    if calendar.status in {"discontinued", "capped", "completed"}:
        ends = next((note.text for note in calendar.notes), _("No further dose is planned."))
    return Effect(changes, [(visit, why) for visit, why in flagged if why], ends)


def _change(number: int, before: PlannedDose | None, after: Dose | None) -> Change:
    was = _words(before.due_on, before.total_minutes) if before else _("not planned")
    will = _words(after.due_on, after.minutes.total) if after else _("no longer planned")
    if after is not None and "ON_HOLD" in after.flags:
        will = _("on hold")
    return Change(number, was, will, was != will)


def _words(on: date, minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return _("%(day)s, %(hours)d h %(minutes)02d") % {"day": day_words(on), "hours": hours, "minutes": rest}


def _misfit(visit: Visit, new: Mapping[int, Dose], prescription: Prescription, after: Case) -> str:
    """Why the booked visit would not fit any more; "" when it would."""
    assert visit.dose is not None
    row = new.get(visit.dose.number)
    would_be = PlannedDose(prescription=prescription, number=visit.dose.number)
    if row is None:
        would_be.state = PlannedDose.State.CANCELLED
    else:
        doses.fill(would_be, row)
    _code, sentence = attention.misfit(visit, would_be)
    day = clock.local_day(visit.starts_at, visit.time_zone)
    if not sentence and any(hold.covers(day) for hold in after.order.holds):
        return _("The visit is inside a hold.")
    return sentence


def preview_context(calendar: Calendar, regimen: Regimen, wish: Wish, today: date) -> dict[str, Any]:
    """What the preview beside the form shows."""
    found = lines(calendar)
    last = found[-1].dose if found else None
    return {
        "first": found[:SHOWN],
        "rest": found[SHOWN:],
        "count": len(found),
        "given": wish.given,
        "cautions": cautions(calendar, regimen, wish, today),
        "regimen": regimen,
        "until": day_words(last.planned_on or last.due_on) if last else "",
        "unrenewed": sum(1 for line in found if line.dose.needs_renewed_order),
    }
