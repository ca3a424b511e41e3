"""Follow-up calls as the caller reads them: the worklist, and one call with its script. Reads only.

"Today" is the agency's day for the list, the home's for one call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from patients.models import Contact, Patient
from scheduling import call_scripts, clock, selectors
from scheduling.models import Call, CallAttempt
from scheduling.readings import words
from scheduling.readings.medicines import medicine_of
from scheduling.rules import calls as rules
from scheduling.services import doses

TODAY, COMING, DONE = "", "coming", "done"
TABS = {TODAY: gettext_lazy("Today"), COMING: gettext_lazy("Coming"), DONE: gettext_lazy("Done today")}
FIRST, OVERDUE, DUE, LATER = 0, 1, 2, 3
GROUPS = {
    FIRST: gettext_lazy("Urgent"), OVERDUE: gettext_lazy("Overdue"), DUE: gettext_lazy("Due now"),
    LATER: gettext_lazy("Later today"),
}  # fmt: skip
URGENT = (Call.Kind.SYMPTOMS, Call.Kind.STROKE_CHECK)
HALVES = {"morning": gettext_lazy("Mornings"), "afternoon": gettext_lazy("Afternoons")}
OUTCOME_STATUS = {
    "well": "ok", "symptoms": "stop", "no_answer": "wait", "voicemail": "wait", "wrong_number": "stop",
    "later": "wait", "declined": "done",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One call in the list. It needs patient with contacts, prescription, dose and visit loaded."""

    call: Call
    now: datetime
    best: str = ""

    @property
    def patient(self) -> Patient:
        return self.call.patient

    @property
    def number(self) -> str:
        """The number to dial, E.164; "" when none is on file."""
        return number_of(self.patient)

    @property
    def spanish(self) -> bool:
        return self.patient.language == "es"

    @property
    def about(self) -> str:
        return about_words(self.call)

    @property
    def due(self) -> tuple[str, str]:
        """Status and word: when the next try is due, or how late it is."""
        zone = self.patient.time_zone
        today = clock.today_in(zone, self.now)
        late = (today - self.call.due_on).days
        if self.call.next_at > self.now:
            day = clock.local_day(self.call.next_at, zone)
            if day == today:
                return "wait", words.clock_words(self.call.next_at.astimezone(ZoneInfo(zone)))
            return "wait", words.at_words(self.call.next_at, zone)
        if late > 0:
            return "stop", ngettext("%(n)d day overdue", "%(n)d days overdue", late) % {"n": late}
        return "live", _("Due now")

    @property
    def last(self) -> tuple[str, str] | None:
        """Status and word of the last outcome."""
        if not self.call.last_outcome:
            return None
        return outcome_words(self.call.last_outcome)

    @property
    def best_word(self) -> str:
        return str(HALVES.get(self.best, ""))


def outcome_words(outcome: str) -> tuple[str, str]:
    """Status and word of an outcome, for ui/tag.html."""
    return OUTCOME_STATUS.get(outcome, "done"), str(CallAttempt.Outcome(outcome).label)


def number_of(patient: Patient) -> str:
    """The number to call somebody on: of phone calls, else of texts; the contacts are loaded."""
    found = {contact.channel: contact.value for contact in patient.contacts.all() if contact.value}
    return found.get(Contact.Channel.VOICE) or found.get(Contact.Channel.TEXT) or ""


def about_words(call: Call) -> str:
    """What the call is about, for the office: the drug and the dose, or the visit, or why it is asked for."""
    if call.prescription is not None and call.dose is not None:
        name = medicine_of(call.prescription)
        return _("%(drug)s, dose %(n)d") % {"drug": name, "n": call.dose.number}
    if call.visit is not None:
        return _("Visit %(at)s") % {"at": words.at_words(call.visit.starts_at, call.visit.time_zone)}
    return call.reason


def day_now(now: datetime) -> tuple[date, datetime, datetime]:
    """The agency's day, its first moment and the first of the next."""
    today = clock.today_in(settings.AGENCY_TIME_ZONE, now)
    return today, *clock.day_bounds(today, settings.AGENCY_TIME_ZONE)


def owed(
    user: selectors.Viewer,
    show: str = TODAY,
    *,
    kind: str = "",
    language: str = "",
    now: datetime | None = None,
) -> QuerySet[Call]:
    """Calls of a tab with their `rank`, or those to come.

    A worrying answer nobody has called about comes before what is overdue, even before the hour calls begin.
    """
    now = now or timezone.now()
    today, _start, end = day_now(now)
    found = selectors.calls_for(user).filter(state=Call.State.OWED)
    if kind:
        found = found.filter(kind=kind)
    if language:
        found = found.filter(patient__language=language)
    rank = Case(
        When(Q(next_at__lte=now) | Q(tries=0, kind=Call.Kind.SYMPTOMS), kind__in=URGENT, then=Value(FIRST)),
        When(next_at__gt=now, then=Value(LATER)),
        When(due_on__lt=today, then=Value(OVERDUE)),
        default=Value(DUE),
        output_field=IntegerField(),
    )
    if show == COMING:
        return with_patient(found.filter(next_at__gte=end).order_by("next_at", "pk"))
    ordered = found.filter(next_at__lt=end).annotate(rank=rank)
    return with_patient(ordered.order_by("rank", "due_on", "next_at", "pk"))


def with_patient(found: QuerySet[Call]) -> QuerySet[Call]:
    """The same with what a line or the page of a call reads."""
    return found.select_related("patient", "prescription", "dose", "visit").prefetch_related(
        "patient__contacts"
    )


def next_due(user: selectors.Viewer, *, after: Call, now: datetime | None = None) -> Call | None:
    """The next call that is due by now, if there is one."""
    return owed(user, now=now).filter(rank__lt=LATER).exclude(pk=after.pk).first()


def tried_today(user: selectors.Viewer, *, now: datetime | None = None) -> QuerySet[CallAttempt]:
    """The tries of the agency's day, the newest first."""
    _today, start, _end = day_now(now or timezone.now())
    return (
        CallAttempt.objects.filter(at__gte=start, call__in=selectors.calls_for(user))
        .select_related("call__patient", "call__prescription", "call__dose", "call__visit", "by")
        .order_by("-at", "-pk")
    )


def rows(found: Iterable[Call], *, now: datetime) -> list[Row]:
    """Lines of a page of calls; two queries for any number."""
    listed = list(found)
    reached = _reached({call.patient_id for call in listed})
    return [
        Row(
            call, now, rules.best_half(reached[call.patient_id], call.patient.time_zone, call.patient.prefers)
        )
        for call in listed
    ]


def grouped(lines: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Lines of today under their headings, in the order they come."""
    found: dict[int, list[Row]] = {}
    for line in lines:
        found.setdefault(line.call.rank, []).append(line)  # type: ignore[attr-defined]  # annotated by owed()
    return [(str(GROUPS[rank]), group) for rank, group in found.items()]


def _reached(patients: Iterable[int]) -> dict[int, list[datetime]]:
    """By patient, when a person reached them by phone, the oldest first."""
    found: dict[int, list[datetime]] = defaultdict(list)
    tries = CallAttempt.objects.filter(
        call__patient__in=list(patients), via=CallAttempt.Via.PHONE, outcome__in=sorted(rules.REACHED)
    )
    for patient_id, at in tries.order_by("at").values_list("call__patient_id", "at"):
        found[patient_id].append(at)
    return found


@dataclass(frozen=True)
class Page:
    """One call for the person who makes it: the script in the patient's language, in English beside another."""

    row: Row
    script: call_scripts.Script
    english: call_scripts.Script | None
    facts: list[tuple[str, str]]
    history: list[CallAttempt]

    @property
    def asks(self) -> list[tuple[str, str, bool]]:
        """What is asked, the English where the patient's language is another, and whether the list follows here."""
        beside = self.english.asks if self.english else ("",) * len(self.script.asks)
        asked = list(zip(self.script.asks, beside, strict=True))
        # The question that leads to the list ends in a colon in English, not always in another language.
        english = (self.english or self.script).asks
        at = next((n for n, ask in enumerate(english) if ask.endswith(":")), len(asked) - 1)
        return [(ask, en, n == at and bool(self.script.symptoms)) for n, (ask, en) in enumerate(asked)]

    @property
    def tried(self) -> list[Tried]:
        return [Tried(attempt) for attempt in self.history]


def page_of(call: Call, user: selectors.Viewer, *, now: datetime) -> Page:
    """Everything the page of one call shows."""
    patient = call.patient
    drug = doses.drug_code(call.prescription.regimen_id) if call.prescription else ""
    places = {
        "caller": user.get_short_name() or user.get_username(),
        "agency": settings.AGENCY_NAME,
        "first_name": patient.first_name,
        "phone": call_scripts.spoken(settings.AGENCY_PHONE),
    }
    script = call_scripts.script(call.kind, patient.language, drug=drug, **places)
    english = None if script.language == "en" else call_scripts.script(call.kind, "en", drug=drug, **places)
    history = list(call.attempts.select_related("by").order_by("-at", "-pk"))
    row = rows([call], now=now)[0]
    return Page(row, script, english, _facts(call, row.best_word, now), history)


def _facts(call: Call, best: str, now: datetime) -> list[tuple[str, str]]:
    """What the caller must know, said once each."""
    patient = call.patient
    found = [(_("About"), about_words(call)), (_("Date of birth"), words.day_words(patient.date_of_birth))]
    if call.dose is not None:
        given = call.dose.records.filter(amended_by__isnull=True).first()
        if given is not None:
            found.append((_("Given"), words.day_words(given.given_on)))
    if call.reason and call.reason != found[0][1]:
        found.append((_("Why"), call.reason))
    visit = patient.visits.filter(starts_at__gt=now, state__in=("booked", "confirmed")).first()
    if visit is not None:
        found.append((_("Next visit"), words.at_words(visit.starts_at, visit.time_zone)))
    found.append((_("Best time"), best))
    if call.last_on is not None:
        found.append((_("Not after"), words.day_words(call.last_on)))
    return [(label, text) for label, text in found if text]


@dataclass(frozen=True)
class Tried:
    """One try of today in the list."""

    attempt: CallAttempt

    @property
    def outcome(self) -> tuple[str, str]:
        return outcome_words(self.attempt.outcome)

    @property
    def about(self) -> str:
        return about_words(self.attempt.call)

    @property
    def at(self) -> str:
        zone = ZoneInfo(self.attempt.call.patient.time_zone)
        return words.clock_words(self.attempt.at.astimezone(zone))

    @property
    def reported(self) -> str:
        """The symptoms told, as the office reads them."""
        return symptoms_words(self.attempt)


def symptoms_words(attempt: CallAttempt) -> str:
    """`Fever, Rash or hives`; codes that the script no longer has are left as they are."""
    known = call_scripts.SYMPTOMS
    return ", ".join(known[code].label if code in known else code for code in attempt.symptoms)


def tries(found: Iterable[CallAttempt]) -> list[Tried]:
    """Lines of a page of tries."""
    return [Tried(attempt) for attempt in found]
