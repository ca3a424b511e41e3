"""The best times for a dose, gathered and put into words. Reads only, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from nurses.models import Competency, Licence, Shift, TimeOff
from scheduling import clock, selectors
from scheduling.models import PlannedDose, Visit
from scheduling.planning.facts import NurseFacts, Wanted
from scheduling.planning.slots import Slot, search, starts_of
from scheduling.planning.team import team
from scheduling.readings import words
from scheduling.rules import states
from scheduling.rules.eligibility import CompetencyFact, LicenceFact, Problem, ShiftFact, Span, Stop
from scheduling.rules.holidays import holiday
from scheduling.services import preflight

MOST_DAYS = 31
WITHOUT_WINDOW = 14  # days searched when there is no window, or it has closed
DAYS_SEARCHED = 14  # when nobody says which

WHY_NOT = {
    "NOT_LICENSED": gettext_lazy("no licence for the home's state on these days"),
    "NOT_COMPETENT": gettext_lazy("not signed off for this drug on these days"),
    "NO_SHIFT": gettext_lazy("not working on these days"),
    "TIME_OFF": gettext_lazy("away on these days"),
    "SHIFT_TOO_SHORT": gettext_lazy("hours too short for this visit"),
    "DAY_TOO_LONG": gettext_lazy("at the day's limit of visits"),
    "NO_ROOM": gettext_lazy("no room between other visits and the drive"),
    "NO_TIME_LEFT": gettext_lazy("no start left on these days"),
}


@dataclass(frozen=True)
class Finding:
    """What was found for a dose. `blocked`: why no time is possible at all; `refused`: why a day is not."""

    dose: PlannedDose
    days: tuple[date, ...]
    slots: tuple[Slot, ...]
    names: Mapping[int, str]
    all_visits_before: int
    blocked: tuple[Problem, ...]
    refused: Mapping[date, Problem]
    warnings: Mapping[date, tuple[Problem, ...]]
    ruled_out: Mapping[str, tuple[int, ...]]


def days_of(dose: PlannedDose, today: date) -> list[date]:
    """The days of the window still to come, two weeks when none is; at most MOST_DAYS."""
    first = max(filter(None, [dose.window_start_on or dose.due_on, dose.floor_on, today]))
    last = dose.window_end_on or first + timedelta(days=WITHOUT_WINDOW - 1)
    if last < first:
        last = first + timedelta(days=WITHOUT_WINDOW - 1)
    return [first + timedelta(days=n) for n in range(min((last - first).days + 1, MOST_DAYS))]


def nearest(dose: PlannedDose, days: Sequence[date]) -> list[date]:
    """Of the days those nearest to the due date, DAYS_SEARCHED at most."""
    return sorted(sorted(days, key=lambda day: (abs((day - dose.due_on).days), day))[:DAYS_SEARCHED])


def find(
    user: selectors.Viewer,
    dose: PlannedDose,
    days: Sequence[date] | None = None,
    *,
    moving: Visit | None = None,
    limit: int = 10,
    now: datetime | None = None,
) -> Finding:
    """The best slots on `days` of the home (default: the window's, nearest the due date). `moving` is left out."""
    now = now or timezone.now()
    patient = dose.prescription.patient
    today = clock.today_in(patient.time_zone, now)
    if days is None:
        standing = preflight.holds_of(dose)
        days = nearest(
            dose, [day for day in days_of(dose, today) if not any(h.covers(day) for h in standing)]
        )
    days = [day for day in days if day >= today]
    blocked = tuple(preflight.dose_wide_problems(dose, patient, moving=moving))
    judged = preflight.day_problems(dose, days, now=now, moving=moving) if days and not blocked else {}
    refused = {day: p for day, found in judged.items() if (p := _refusal(found))}
    open_days = [day for day in judged if day not in refused]
    if not open_days:
        return Finding(dose, tuple(days), (), {}, 0, blocked, refused, {}, {})
    without = moving.pk if moving else None
    wanted = _wanted(dose, open_days, without)
    names, facts = _nurses(user, wanted, open_days, without)
    known = _visits_before(patient.pk)
    outside = frozenset(day for day in open_days if judged[day])
    found = search(
        team(facts, open_days, wanted.state, wanted.needs),
        wanted,
        starts_of(open_days, wanted, after=now, outside=outside),
        visits_before=known,
        limit=limit,
    )
    warnings = {day: tuple(judged[day]) for day in open_days}
    return Finding(
        dose, tuple(days), found.slots, names, sum(known.values()), (), refused, warnings, found.ruled_out
    )


def _refusal(problems: Sequence[Problem]) -> Problem | None:
    """What keeps a day out of the search: what is absolute, and a hold, which is there for a reason."""
    return next((p for p in problems if p.absolute or p.code == "ON_HOLD"), None)


def _stretch(days: Sequence[date], zone: str) -> tuple[datetime, datetime]:
    """From the day before the first to the day after the last, so that every zone's day is inside."""
    day = timedelta(days=1)
    return clock.day_bounds(min(days), zone)[0] - day, clock.day_bounds(max(days), zone)[1] + day


def _wanted(dose: PlannedDose, days: Sequence[date], without: int | None) -> Wanted:
    patient = dose.prescription.patient
    first, last = _stretch(days, patient.time_zone)
    others = Visit.objects.filter(
        patient=patient, state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first
    ).exclude(pk=without)
    return Wanted(
        place=patient.place,
        state=patient.state,
        zone=ZoneInfo(patient.time_zone),
        length=dose.length,
        needs=preflight.needs_of(dose),
        patient_spans=tuple(Span(*row) for row in others.values_list("starts_at", "ends_at")),
        due_on=dose.due_on,
        prefers=patient.prefers,
    )


def _nurses(
    user: selectors.Viewer, wanted: Wanted, days: Sequence[date], without: int | None
) -> tuple[dict[int, str], list[NurseFacts]]:
    """Names and facts of the active nurses. Columns instead of rows of objects: this is asked all day long."""
    active = selectors.nurses_for(user).filter(active=True).order_by()
    nurses, ids = list(active), active.values("pk")
    first, last = _stretch(days, wanted.zone.key)
    facts: dict[str, dict[int, list[Any]]] = {
        name: defaultdict(list) for name in ("licence", "skill", "shift", "away", "stop")
    }
    for nurse, *row in (
        Licence.objects.filter(nurse__in=ids)
        .order_by()
        .values_list("nurse", "state", "multistate", "issued_on", "expires_on")
    ):
        facts["licence"][nurse].append(LicenceFact(*row))
    for nurse, *row in (
        Competency.objects.filter(nurse__in=ids, code__in=wanted.needs)
        .order_by()
        .values_list("nurse", "code", "granted_on", "expires_on")
    ):
        facts["skill"][nurse].append(CompetencyFact(*row))
    for nurse, *row in (
        Shift.objects.filter(nurse__in=ids)
        .order_by()
        .values_list("nurse", "weekday", "starts", "ends", "from_on", "until_on")
    ):
        facts["shift"][nurse].append(ShiftFact(*row))
    away = TimeOff.objects.filter(nurse__in=ids, starts_at__lt=last, ends_at__gt=first).order_by()
    for nurse, *row in away.values_list("nurse", "starts_at", "ends_at"):
        facts["away"][nurse].append(Span(*row))
    visits = Visit.objects.filter(
        nurse__in=ids, state__in=states.HOLDING, starts_at__lt=last, ends_at__gt=first
    ).exclude(pk=without)
    for nurse, begins, ends, *place in visits.order_by().values_list(
        "nurse", "starts_at", "ends_at", "patient__latitude", "patient__longitude"
    ):
        facts["stop"][nurse].append(Stop(Span(begins, ends), tuple(place)))
    found = [
        NurseFacts(
            key=nurse.pk,
            home=nurse.place,
            zone=ZoneInfo(nurse.time_zone),
            day_limit_minutes=nurse.day_limit_minutes,
            licences=tuple(facts["licence"][nurse.pk]),
            competencies=tuple(facts["skill"][nurse.pk]),
            shifts=tuple(facts["shift"][nurse.pk]),
            time_off=tuple(facts["away"][nurse.pk]),
            stops=tuple(facts["stop"][nurse.pk]),
        )
        for nurse in nurses
    ]
    return {nurse.pk: nurse.listed_name for nurse in nurses}, found


def _visits_before(patient_id: int) -> dict[int, int]:
    """Nurse -> how many visits of the patient she has completed."""
    done = Visit.objects.filter(patient=patient_id, state="completed").order_by().values("nurse")
    return dict(done.annotate(n=Count("pk")).values_list("nurse", "n"))


# --- Words -------------------------------------------------------------------------------------


def reasons(finding: Finding, slot: Slot) -> list[str]:
    """Why this slot, the weightiest first."""
    said = [_from_due(slot.days_from_due)]
    said += [problem.text for problem in finding.warnings.get(slot.on, ())]
    if name := holiday(slot.on):
        said.append(_("A holiday: %(name)s") % {"name": name})
    said.append(_("+%(added)d min driving (%(there)d min there)") % {
        "added": slot.added_minutes, "there": slot.drive_minutes,
    })  # fmt: skip
    if slot.visits_before:
        said.append(
            _("Seen by this nurse %(n)d of %(all)d times")
            % {"n": slot.visits_before, "all": finding.all_visits_before}
        )
    if slot.wish_met is not None:
        wished = finding.dose.prescription.patient.get_prefers_display()
        wish = _("As wished: %(wish)s") if slot.wish_met else _("Not as wished: %(wish)s")
        said.append(wish % {"wish": wished.lower()})
    return said


def _from_due(apart: int) -> str:
    if apart == 0:
        return _("On the due date")
    if apart > 0:
        words_for = ngettext("%(n)d day after the due date", "%(n)d days after the due date", apart)
    else:
        words_for = ngettext("%(n)d day before the due date", "%(n)d days before the due date", -apart)
    return words_for % {"n": abs(apart)}


def ruled_out_words(finding: Finding) -> list[str]:
    """`2 nurses: away on these days`, most nurses first."""
    groups = sorted(finding.ruled_out.items(), key=lambda group: -len(group[1]))
    return [
        ngettext("%(n)d nurse: %(why)s", "%(n)d nurses: %(why)s", len(keys))
        % {"n": len(keys), "why": WHY_NOT[code]}
        for code, keys in groups
    ]


def cards(finding: Finding, action: str) -> list[dict[str, Any]]:
    """The slots as ui/slot_card.html shows them; the first is the best."""
    zone = finding.dose.prescription.patient.time_zone
    return [
        {
            "when": words.at_words(slot.starts_at, zone),
            "nurse": finding.names[slot.nurse],
            "reasons": reasons(finding, slot),
            "best": place == 0,
            "action": action,
            "value": f"{slot.nurse}|{slot.starts_at.astimezone(ZoneInfo(zone)):%Y-%m-%d|%H:%M}",
        }
        for place, slot in enumerate(finding.slots)
    ]


def shown(finding: Finding) -> dict[str, Any]:
    """The whole answer as plain values, for programs."""
    days = sorted(finding.refused.items())
    return {
        "slots": [_shown(finding, slot) for slot in finding.slots],
        "ruled_out": [
            {"code": code, "text": WHY_NOT[code], "nurses": list(keys)}
            for code, keys in finding.ruled_out.items()
        ],
        "refused": [
            *({"on": None, "code": problem.code, "text": problem.text} for problem in finding.blocked),
            *({"on": day, "code": problem.code, "text": problem.text} for day, problem in days),
        ],
    }


def _shown(finding: Finding, slot: Slot) -> dict[str, Any]:
    dose = finding.dose
    return {
        "nurse": slot.nurse,
        "nurse_name": finding.names[slot.nurse],
        "starts_at": slot.starts_at,
        "ends_at": slot.starts_at + dose.length,
        "on": slot.on,
        "preparation_minutes": dose.preparation_minutes,
        "infusion_minutes": dose.infusion_minutes,
        "observation_minutes": dose.observation_minutes,
        "wrap_up_minutes": dose.wrap_up_minutes,
        "drive_minutes": slot.drive_minutes,
        "added_drive_minutes": slot.added_minutes,
        "days_from_due": slot.days_from_due,
        "visits_by_nurse": slot.visits_before,
        "visits_before": finding.all_visits_before,
        "wish_met": slot.wish_met,
        "needs_reason": [problem.code for problem in finding.warnings[slot.on]],
        "holiday": holiday(slot.on),
        "reasons": reasons(finding, slot),
    }
