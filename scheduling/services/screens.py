"""The health questions before a visit: answered by the patient or asked by phone, then a paper that opens or
closes the gate. Answers never change once they are finished; a phone call afterwards is a row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from patients.models import Evidence, Patient
from scheduling import clock
from scheduling.models import Call, HealthScreen, Visit
from scheduling.rules import gate_states, health_screen, prerequisites, states
from scheduling.rules.errors import BadInput, Conflict, RuleBroken
from scheduling.services import alerts, calls, doses, events, locks, patients
from scheduling.services.gate_files import SCREEN
from scheduling.services.guard import fits, writes

State = HealthScreen.State
NOT_DUE, DUE, CLEAR, FLAGGED, NONE = "not_due", "due", "clear", "flagged", "none"
STANDS = {"met": CLEAR, "forbids": FLAGGED, "not_yet": NOT_DUE}


def standing(visit: Visit, *, now: datetime | None = None) -> str:
    """NONE (this visit has no questions), NOT_DUE yet, DUE, CLEAR, or FLAGGED: a nurse must speak to them first.

    By the same rule as the gate of the dose: the newest paper counts. One query.
    """
    now = now or timezone.now()
    if visit.kind != Visit.Kind.INFUSION or visit.state not in states.OPEN or visit.starts_at <= now:
        return NONE
    paper = _newest(visit.patient_id)
    judged = gate_states.judge_screen(
        paper.dated_on if paper else None,
        bool(paper and paper.clear),
        clock.local_day(visit.starts_at, visit.time_zone),
        clock.today_in(visit.time_zone, now),
    )
    return STANDS.get(judged.state, DUE)


def questions(visit: Visit, *, own: bool) -> tuple[str, ...]:
    """What is asked before the visit, in order. `own` adds the drug's: after sign-in or by phone only."""
    asked = health_screen.neutral(pregnancy_possible=visit.patient.pregnancy_possible)
    if not own or visit.dose is None:
        return asked
    regimen = doses.regimen_of(visit.dose.prescription)
    kinds = {rule.kind for rule in prerequisites.required_for(regimen, visit.dose.number)}
    return asked + health_screen.own(kinds)


def newest(visit: Visit) -> HealthScreen | None:
    """The last questions of this visit that were begun and not thrown away."""
    return HealthScreen.objects.filter(visit=visit).exclude(state=State.VOID).first()


@writes
def answer(
    *, visit_id: int, question: str, said: str, via: str, by: User | None = None, now: datetime | None = None
) -> HealthScreen:
    """Keep one answer; the first one opens the questions. Given again before the end, the newer counts.

    `by`: the signed-in patient, who is asked the drug's own questions too. Raises BadInput for what is not asked,
    RuleBroken when nothing is asked now, Conflict when the answers were sent already. Locks patient and visit.
    """
    now = now or timezone.now()
    patient, visit = _locked(visit_id)
    asked = questions(visit, own=by is not None)
    health_screen.check_answer(asked, question, said)
    screen = _open(patient, visit, asked, via, by, now)
    screen.answers = screen.answers | {question: said}
    screen.save(update_fields=["answers", "questions"])
    return screen


@writes
def finish(*, visit_id: int, via: str, by: User | None = None, now: datetime | None = None) -> HealthScreen:
    """Send the answers: the gate opens, or a nurse is told. Sent twice it is the same row.

    Raises BadInput beside the first question without an answer, RuleBroken when nothing was asked.
    """
    now = now or timezone.now()
    patient, visit = _locked(visit_id)
    screen = newest(visit)
    if screen is not None and screen.state != State.OPEN:
        return screen
    asked = questions(visit, own=by is not None)
    if screen is None:
        raise BadInput("Answer every question first.", field=asked[0])
    _check_due(visit, now)
    # What a signed-in patient began and ends by a link: the drug's own count where they were answered. What is asked
    # since the last answer is not sent unasked.
    answered = [one for one in screen.questions if one in asked or one in screen.answers]
    screen.questions = answered + [one for one in asked if one not in answered]
    screen.via, screen.recorded_by = via, by
    return _conclude(screen, patient, now)


@writes
def by_phone(
    *, visit_id: int, answers: Mapping[str, str], by: User, note: str = "", now: datetime | None = None
) -> HealthScreen:
    """Somebody of ours asked all the questions by phone: a new row, whatever was answered before.

    The same form sent twice is one row. Raises BadInput beside the question that lacks an answer, RuleBroken for a
    visit that is over, called off, or has no questions.
    """
    now = now or timezone.now()
    patient, visit = _locked(visit_id)
    if visit.kind != Visit.Kind.INFUSION or visit.state not in states.OPEN:
        raise RuleBroken("There are no health questions for this visit.", code="NO_SCREEN")
    asked = questions(visit, own=True)
    for question, said in answers.items():
        health_screen.check_answer(asked, question, said)
    note = fits(note, "note")
    last = newest(visit)
    if last is not None and (last.recorded_by_id, last.via, last.answers, last.note) == (
        by.pk, "phone", dict(answers), note,
    ):  # fmt: skip
        return last
    health_screen.judge(asked, answers)
    drop(visit)
    screen = HealthScreen.objects.create(
        visit=visit, patient=patient, questions=list(asked), answers=dict(answers), note=note, via="phone",
        recorded_by=by,
    )  # fmt: skip
    return _conclude(screen, patient, now)


def drop(visit: Visit) -> int:
    """Throw away what was begun: the visit moved, will not be, or is asked about by phone. Returns how many rows.

    Call with the visit locked.
    """
    return int(visit.health_screens.filter(state=State.OPEN).update(state=State.VOID))


def _locked(visit_id: int) -> tuple[Patient, Visit]:
    patient_id = Visit.objects.values_list("patient_id", flat=True).get(pk=visit_id)
    patient, _nurses = locks.patient_and_nurses(patient_id, [])
    visit = locks.visit(visit_id)
    visit.patient = patient
    return patient, visit


def _open(
    patient: Patient, visit: Visit, asked: Sequence[str], via: str, by: User | None, now: datetime
) -> HealthScreen:
    """The questions being answered, opened with the first answer; never after the answers were sent."""
    screen = newest(visit)
    if screen is not None and screen.state != State.OPEN and standing(visit, now=now) != DUE:
        raise Conflict("Your answers were sent already.", code="SCREEN_SENT")
    _check_due(visit, now)
    if screen is None or screen.state != State.OPEN:
        screen = HealthScreen.objects.create(
            visit=visit, patient=patient, questions=list(asked), via=via, recorded_by=by
        )
    screen.questions += [one for one in asked if one not in screen.questions]
    return screen


def _check_due(visit: Visit, now: datetime) -> None:
    found = standing(visit, now=now)
    if found == FLAGGED:
        raise RuleBroken("A nurse will call about the answers given before.", code="SCREEN_FLAGGED")
    if found == NOT_DUE:
        raise RuleBroken("The questions open three days before the visit.", code="SCREEN_NOT_DUE")
    if found == NONE:
        raise RuleBroken("There are no health questions for this visit.", code="NO_SCREEN")


def _newest(patient_id: int) -> Evidence | None:
    papers = Evidence.objects.filter(patient_id=patient_id, kind=SCREEN, withdrawn_at__isnull=True)
    return papers.order_by("-dated_on", "-pk").first()


def _conclude(screen: HealthScreen, patient: Patient, now: datetime) -> HealthScreen:
    """Judge, put the paper on file, tell who must know."""
    result = health_screen.judge(screen.questions, screen.answers)
    screen.state = State.CLEAR if result.clear else State.FLAGGED
    screen.answered_at = now
    said = health_screen.in_words(result.flagged, screen.answers)
    screen.evidence = patients.put_evidence(
        patient, by=screen.recorded_by, kind=SCREEN, dated_on=clock.today_in(patient.time_zone, now),
        clear=result.clear, reference=f"health screen {screen.pk}", note="; ".join(filter(None, (said, screen.note))),
    )  # fmt: skip
    screen.save()
    events.write(
        "screen_answered", by=screen.recorded_by, role="patient", patient=patient, subject=screen,
        visit=screen.visit_id, via=screen.via, clear=result.clear,
    )  # fmt: skip
    if not result.clear:
        _tell(screen, patient, said, alarm=result.alarm, now=now)
    return screen


def _tell(screen: HealthScreen, patient: Patient, said: str, *, alarm: bool, now: datetime) -> None:
    """The office sees it, the clinical lead too when it is alarming, and a call is owed today."""
    visit = screen.visit
    day = clock.local_day(visit.starts_at, visit.time_zone)
    sentence = f"Answers before the visit on {day:%b} {day.day}: {said}."
    alerts.raise_alert(
        "screen", patient=patient, about=f"screen {screen.pk}", sentence=sentence, alarm=alarm, visit=visit,
        screen=screen, now=now,
    )  # fmt: skip
    calls.owe(
        patient=patient, kind=Call.Kind.SYMPTOMS, about=f"screen {screen.pk}", visit=visit, reason=sentence,
        due_on=clock.today_in(patient.time_zone, now), now=now,
    )  # fmt: skip
