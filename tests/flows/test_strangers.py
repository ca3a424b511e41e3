"""Every page address against everybody it is not for. A new page without its line here fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from patients.models import Evidence, Hold
from scheduling.models import DoseRecord, GateOverride, MessageLink, Reply
from scheduling.services import alerts, links, prescribing
from tests.makers import (
    DAY,
    NOW,
    at,
    clock_stands_at,
    make_check,
    make_dose,
    make_nurse,
    make_pair,
    make_papers,
    make_patient,
    make_plan,
    make_prescription,
    make_record,
    make_time_off,
    make_user,
    make_visit,
    plan_line,
    today_at,
)

pytestmark = pytest.mark.django_db

OFFICE = {"coordinator", "lead", "admin"}
ROLES = {*OFFICE, "nurse", "patient"}
EVERYBODY = ROLES | {"anonymous"}

# page -> the roles that may open it for the patient of this world (nurse and patient: its own ones).
WHO = {
    "healthz": EVERYBODY, "readyz": EVERYBODY, "sign-in": EVERYBODY, "help": EVERYBODY, "set_language": EVERYBODY,
    "home": ROLES, "settings": ROLES, "sign-out": ROLES,
    "queue": OFFICE, "find": OFFICE, "dose-book": OFFICE, "dose-slots": OFFICE, "visit": OFFICE, "visit-move": OFFICE,
    "visit-cancel": OFFICE, "board": OFFICE, "board-changes": OFFICE, "visit-targets": OFFICE, "board-undo": OFFICE,
    "routes": OFFICE, "routes-publish": OFFICE, "route-day": OFFICE, "route-publish": OFFICE, "route-order": OFFICE,
    "queue-csv": OFFICE, "queue-print": OFFICE, "queue-selected": OFFICE, "queue-times": OFFICE, "unresolved": OFFICE,
    "check-new": OFFICE, "check-ask": OFFICE, "check": OFFICE, "check-book": OFFICE, "check-slots": OFFICE,
    "visit-confirm": OFFICE, "visit-missed": OFFICE, "visit-undo": OFFICE,
    "nurses": OFFICE, "nurse": OFFICE, "notices": OFFICE, "nurse-away": OFFICE, "away-withdraw": OFFICE,
    "uncovered": OFFICE, "uncovered-settle": OFFICE, "freed": OFFICE,
    "patients": OFFICE, "patient-new": OFFICE, "patient-edit": OFFICE, "patient-status": OFFICE, "readiness": OFFICE,
    "dose-readiness": OFFICE, "chart": OFFICE, "prescription-new": OFFICE,
    "prescription-preview": OFFICE, "prescription-amend": OFFICE, "prescription-hold": OFFICE,
    "hold-clear": OFFICE, "prescription-stop": OFFICE, "evidence-new": OFFICE, "evidence-withdraw": OFFICE,
    "measurement-new": OFFICE, "patient-decide": OFFICE, "dose": OFFICE, "dose-record": OFFICE,
    "record-correct": OFFICE, "pair-new": OFFICE, "pair-take-back": OFFICE,
    "plan-week": OFFICE, "plan": OFFICE, "plan-stop": OFFICE, "plan-again": OFFICE, "plan-book": OFFICE,
    "plan-result": OFFICE,
    "alive": OFFICE, "metrics": EVERYBODY,  # in production who says METRICS_TOKEN, tests/ops/test_alive.py
    "audit": {"lead", "admin"}, "overrides": {"lead", "admin"}, "override-withdraw": {"lead"},
    "nurse-today": {"nurse"}, "nurse-day": {"nurse"}, "nurse-visit": {"nurse"}, "nurse-record": {"nurse"},
    "nurse-start": {"nurse"}, "nurse-on-the-way": {"nurse"}, "nurse-day-list": {"nurse"},
    "nurse-day-seen": {"nurse"}, "nurse-feed": {"nurse"}, "nurse-feed-revoke": {"nurse"},
    "calendar-feed": EVERYBODY,  # whoever has the address, tests/scheduling/pages/test_calendar_feeds.py
    "my-home": {"patient"}, "my-visit": {"patient"}, "my-therapy": {"patient"},
    "notices-sent": OFFICE, "notices-pause": OFFICE, "notice": OFFICE, "replies": OFFICE, "reply": OFFICE,
    "contact": OFFICE, "my-notices": {"patient"},
    "calls": OFFICE, "call": OFFICE, "alerts": OFFICE, "alert-handle": OFFICE,
    "notice-texts": OFFICE, "notice-text": OFFICE, "notice-settings": OFFICE,
    "my-confirm": {"patient"}, "my-reschedule": {"patient"}, "my-health": {"patient"}, "my-health-check": {"patient"},
    "my-health-question": {"patient"}, "visit-screen": OFFICE,
    # whoever has the address, tests/scheduling/pages/test_answers.py
    "answer": EVERYBODY, "answer-renew": EVERYBODY, "answer-check": EVERYBODY, "answer-question": EVERYBODY,
    "styleguide": EVERYBODY,  # served in demo and tests only; its people are samples
}  # fmt: skip


def pages(resolver: URLResolver | None = None, path: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if not here.startswith(("admin/", "api/", "hooks/")):  # these have tables of their own
                yield from pages(entry, here)
        else:
            yield here, entry.name or "", entry


NAMED = sorted({name for _path, name, _entry in pages() if name})
PROTECTED = [name for name in NAMED if WHO.get(name, EVERYBODY) != EVERYBODY]


@pytest.fixture
def world():
    """One patient, one nurse, one of everything; and a nurse and a patient who have nothing to do with them."""
    patient = make_patient(user=True)
    nurse = make_nurse()
    prescription = make_prescription(patient, start_on=today_at())
    make_papers(prescription)
    make_record(make_dose(prescription, ready=False), today_at())
    visit = make_visit(make_dose(prescription, 2, ready=False), nurse)
    prescribing.hold(
        prescription_id=prescription.pk, starts_on=today_at() - 9 * DAY, clears_on=today_at() - 8 * DAY,
        reason="cold", by=make_user(),
    )  # fmt: skip
    link = MessageLink.objects.create(
        purpose="confirm", patient=patient, visit=visit, visit_version=1, expires_at=visit.starts_at
    )
    ids = {
        "patient_id": patient.pk,
        "nurse_id": nurse.pk,
        "prescription_id": prescription.pk,
        "dose_id": visit.dose_id,
        "visit_id": visit.pk,
        "hold_id": Hold.objects.get().pk,
        "evidence_id": Evidence.objects.first().pk,
        "check_id": make_check(patient).pk,
        "record_id": DoseRecord.objects.get().pk,
        "override_id": GateOverride.objects.create(
            dose=visit.dose, gate="drug", why="seen", by=make_user("lead")
        ).pk,
        "time_off_id": make_time_off(nurse, visit.starts_at + 9 * DAY, visit.ends_at + 9 * DAY).pk,
        "pair_id": make_pair(patient, make_nurse(user=False)).pk,
        "on": visit.local_start.date(),
        "notice_id": visit.notices.first().pk,
        "reply_id": Reply.objects.create(patient=patient, via="text", meaning="other", received_at=NOW).pk,
        "channel": "email",
        "call_id": patient.calls.first().pk,
        "alert_id": alerts.raise_alert("symptoms", patient=patient, about="x", sentence="Look.").pk,
        "plan_id": make_plan([plan_line(make_dose(prescription, 3, ready=False), nurse)]).pk,
        "kind": "booked",
        "language": "en",
        "number": 1,
        "token": links.token_of(link),
    }
    people = {role: make_user(role) for role in OFFICE} | {"nurse": nurse.user, "patient": patient.user}
    strangers = {"nurse": make_nurse().user, "patient": make_patient(user=True).user}
    return {"ids": ids, "people": people, "strangers": strangers, "now": at(visit.local_start.date(), 7)}


def entry_of(name: str) -> URLPattern:
    return next(entry for _path, found, entry in pages() if found == name)


def address(name: str, ids: dict[str, object]) -> str:
    return reverse(name, kwargs={key: ids[key] for key in entry_of(name).pattern.converters})


def answers(client, url: str, user) -> set[int]:
    """Status of GET and POST; a 405 tells nothing and is left out when the other one answers."""
    client.force_login(user)
    found = {client.get(url).status_code, client.post(url, {}).status_code}
    return found - {405} or found


def test_every_page_has_its_line_in_the_table():
    assert set(NAMED) - set(WHO) == set(), "say in WHO who may open these"
    unnamed = {path for path, name, _entry in pages() if not name}
    assert unnamed == {"n/", "today/", "^api/"}, (
        "two redirects to the nurse's day, and the API's unknown address"
    )


def test_who_is_not_signed_in_is_sent_to_sign_in_and_told_nothing(client, world):
    wrong = {}
    with clock_stands_at(world["now"]):
        for name in PROTECTED:
            url = address(name, world["ids"])
            for response in (client.get(url), client.post(url, {})):
                sent = response.status_code == 302 and response.url.startswith("/sign-in/")
                if not sent and response.status_code != 405:
                    wrong[name] = response.status_code
    assert wrong == {}


def test_who_has_the_wrong_role_finds_nothing_there(client, world):
    wrong = {}
    with clock_stands_at(world["now"]):
        for name in PROTECTED:
            for role in ROLES - WHO[name]:
                found = answers(client, address(name, world["ids"]), world["people"][role])
                if found != {404}:
                    wrong[name, role] = found
    assert wrong == {}


def test_a_guessed_id_of_somebody_elses_visit_is_not_found(client, world):
    with clock_stands_at(world["now"]):
        theirs = [
            name
            for name in NAMED
            if name.startswith("my-") and "visit_id" in entry_of(name).pattern.converters
        ]
        assert "my-visit" in theirs
        nurses = [("nurse-visit", "nurse"), ("nurse-record", "nurse")]
        for name, role in (*nurses, *((name, "patient") for name in theirs)):
            assert answers(client, address(name, world["ids"]), world["strangers"][role]) == {404}, name


def test_who_it_is_for_gets_an_answer_and_never_a_crash(client, world):
    wrong = {}
    with clock_stands_at(world["now"]):
        for name in PROTECTED:
            for role in WHO[name]:
                found = answers(client, address(name, world["ids"]), world["people"][role])
                if not found <= {200, 302, 409, 422}:
                    wrong[name, role] = found
    assert wrong == {}


def test_an_id_that_does_not_exist_is_not_found_for_anybody(client, world):
    wrong = {}
    with clock_stands_at(world["now"]):
        for name in PROTECTED:
            missing = {key: 2**40 for key in entry_of(name).pattern.converters if key.endswith("_id")}
            for role in WHO[name] if missing else ():
                found = answers(client, address(name, world["ids"] | missing), world["people"][role])
                if found != {404}:
                    wrong[name, role] = found
    assert wrong == {}
