"""Who gets what from every address: a line for each, and an address without a line fails."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from scheduling.api.urls import urlpatterns
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db

WHO = ("coordinator", "own_nurse", "own_patient", "other_nurse", "other_patient")
OPEN = {"api-sign-in", "api-schema"}  # nobody has to be signed in for these

# Address name and method -> status for each of WHO. The bodies are empty: where a write is allowed, the
# answer is "400: say what", which shows that nothing but the body stood in the way.
TABLE: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("api-sign-out", "post"): (204, 204, 204, 204, 204),
    ("api-patient-list", "get"): (200, 200, 200, 200, 200),
    ("api-patient-list", "post"): (400, 403, 403, 403, 403),
    ("api-patient-detail", "get"): (200, 200, 200, 404, 404),
    ("api-patient-search", "post"): (400, 400, 400, 400, 400),
    ("api-prescription-list", "get"): (200, 200, 200, 200, 200),
    ("api-prescription-list", "post"): (400, 403, 403, 403, 403),
    ("api-prescription-detail", "get"): (200, 200, 200, 404, 404),
    ("api-prescription-preview", "post"): (400, 403, 403, 403, 403),
    ("api-prescription-amend", "post"): (400, 403, 403, 404, 404),
    ("api-prescription-hold", "post"): (400, 403, 403, 404, 404),
    ("api-prescription-clear-hold", "post"): (400, 403, 403, 404, 404),
    ("api-prescription-stop", "post"): (400, 403, 403, 404, 404),
    ("api-dose-list", "get"): (200, 200, 200, 200, 200),
    ("api-dose-detail", "get"): (200, 200, 200, 404, 404),
    ("api-dose-slots", "get"): (200, 403, 403, 404, 404),
    ("api-dose-holds", "post"): (400, 403, 403, 404, 404),
    ("api-dose-hold", "delete"): (404, 403, 403, 404, 404),
    ("api-dose-gates", "get"): (200, 200, 403, 404, 404),
    ("api-dose-supply", "post"): (400, 403, 403, 404, 404),
    ("api-dose-gate-overrides", "post"): (403, 403, 403, 404, 404),
    ("api-dose-record", "post"): (400, 400, 403, 404, 404),
    ("api-visit-list", "get"): (200, 200, 200, 200, 200),
    ("api-visit-list", "post"): (400, 403, 403, 403, 403),
    ("api-visit-course", "post"): (400, 403, 403, 403, 403),
    ("api-visit-detail", "get"): (200, 200, 200, 404, 404),
    ("api-visit-move", "post"): (400, 403, 403, 404, 404),
    ("api-visit-cancel", "post"): (400, 403, 403, 404, 404),
    ("api-visit-start", "post"): (400, 400, 403, 404, 404),
    ("api-nurse-list", "get"): (200, 200, 200, 200, 200),
    ("api-nurse-detail", "get"): (200, 200, 404, 404, 404),
    ("api-nurse-route", "get"): (200, 200, 404, 404, 404),
    ("api-plan-list", "get"): (200, 403, 403, 403, 403),
    ("api-plan-list", "post"): (400, 403, 403, 403, 403),
    ("api-plan-detail", "get"): (200, 403, 403, 403, 403),
    ("api-plan-stop", "post"): (409, 403, 403, 403, 403),
    ("api-plan-take", "post"): (400, 403, 403, 403, 403),
    ("api-visit-confirm", "post"): (200, 403, 403, 404, 404),
    ("api-visit-missed", "post"): (400, 403, 403, 404, 404),
    ("api-visit-undo", "post"): (409, 403, 403, 404, 404),
    ("api-check-list", "get"): (200, 403, 403, 403, 403),
    ("api-check-list", "post"): (400, 403, 403, 403, 403),
    ("api-check-detail", "get"): (200, 403, 403, 403, 403),
    ("api-check-book", "post"): (400, 403, 403, 403, 403),
    ("api-check-done", "post"): (400, 403, 403, 403, 403),
    ("api-day", "get"): (400, 400, 403, 400, 403),
    ("api-evidence-list", "post"): (400, 403, 403, 403, 403),
    ("api-dosing-preview", "post"): (400, 400, 403, 400, 403),
}


def _routes() -> set[tuple[str, str]]:
    """(name, method) of everything under /api/v1/ that has to be signed in for."""
    found = set()
    for pattern in urlpatterns:
        if pattern.name in OPEN:
            continue
        actions = getattr(pattern.callback, "actions", None) or dict.fromkeys(
            method
            for method in ("get", "post", "put", "patch", "delete")
            if hasattr(pattern.callback.cls, method)
        )
        found |= {(pattern.name, method) for method in actions if method not in {"head", "options"}}
    return found


def test_every_address_has_its_line():
    assert _routes() == TABLE.keys()


@pytest.fixture
def home() -> SimpleNamespace:
    """A patient with a visit next week, the nurse who has it, and two strangers."""
    patient, nurse = makers.make_patient(user=True), makers.make_nurse()
    visit = makers.make_visit(makers.make_dose(makers.make_prescription(patient)), nurse)
    return SimpleNamespace(
        ids={
            "api-patient": patient.pk,
            "api-prescription": visit.dose.prescription_id,
            "api-dose": visit.dose_id,
            "api-visit": visit.pk,
            "api-nurse": nurse.pk,
            "api-check": makers.make_check(patient).pk,
            "api-plan": makers.make_plan().pk,
        },
        coordinator=makers.make_user(),
        own_nurse=nurse.user,
        own_patient=patient.user,
        other_nurse=makers.make_nurse().user,
        other_patient=makers.make_patient(user=True).user,
    )


def _path(name: str, home: SimpleNamespace) -> str:
    resource = "-".join(name.split("-")[:2])
    pattern = next(one for one in urlpatterns if one.name == name)
    route = str(pattern.pattern).lstrip("^").rstrip("$").removesuffix("\\Z")
    route = route.replace("(?P<pk>[0-9]{1,18})", str(home.ids.get(resource, 0)))
    route = route.replace("(?P<on>[0-9]{4}-[0-9]{2}-[0-9]{2})", makers.today_at().isoformat())
    return route.replace("(?P<hold_id>[0-9]{1,18})", "0")


def _call(api: Api, method: str, path: str) -> Any:
    return {"get": api.get, "post": api.post, "delete": api.delete}[method](path)


@pytest.mark.parametrize(("name", "method"), sorted(TABLE))
def test_each_gets_what_is_theirs_and_nothing_else(home, name, method):
    path = _path(name, home)
    got = [_call(Api(getattr(home, who)), method, path) for who in WHO]
    assert dict(zip(WHO, (one.status_code for one in got), strict=True)) == dict(
        zip(WHO, TABLE[name, method], strict=True)
    )
    for answer in got:
        if answer.status_code >= 400:
            assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("name", "method"), sorted(TABLE))
def test_nobody_is_told_to_sign_in_first(home, name, method):
    answer = _call(Api(), method, _path(name, home))
    check_problem(answer, 401, "NOT_SIGNED_IN")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for (name, method), told in TABLE.items()
        if name.endswith("-list") and method == "get" and told[WHO.index("other_nurse")] == 200
    ),
)
def test_a_list_shows_a_stranger_nothing_of_others(home, name):
    for who in (home.other_nurse, home.other_patient):
        rows = Api(who).get(_path(name, home)).json()["results"]
        assert home.ids[name.removesuffix("-list")] not in [row["id"] for row in rows]


@pytest.mark.parametrize("name", sorted({name for name, _method in TABLE} | OPEN - {"api-schema"}))
def test_what_an_address_can_is_told_by_the_schema_and_not_by_asking_it(home, name):
    api = Api(home.coordinator)
    check_problem(
        api.http.options(f"/api/v1/{_path(name, home)}", headers=api.headers), 405, "METHOD_NOT_ALLOWED"
    )


def test_a_search_finds_a_stranger_nothing_of_others(home):
    for who, found in (
        (home.coordinator, 2),
        (home.own_nurse, 1),
        (home.other_nurse, 0),
        (home.other_patient, 1),
    ):
        rows = Api(who).post("patients/search/", {"q": "tester"}).json()["results"]
        assert len(rows) == found
        assert who.role in {Role.COORDINATOR, Role.NURSE} or rows[0]["id"] != home.ids["api-patient"]


def test_somebody_who_left_is_out_at_once(home):
    api = Api(home.coordinator)
    home.coordinator.is_active = False
    home.coordinator.save()
    check_problem(api.get("patients/"), 401, "TOKEN_REFUSED")


def test_a_session_of_the_pages_reads_and_needs_the_page_token_to_write(home):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(home.coordinator, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/api/v1/patients/").status_code == 200
    answer = browser.post("/api/v1/patients/search/", {"q": "tester"}, content_type="application/json")
    check_problem(answer, 403, "FORBIDDEN")


def test_a_session_nobody_used_is_over_here_too(home):
    browser = Client()
    browser.force_login(home.coordinator, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get("/api/v1/patients/").status_code == 200
    with makers.clock_stands_at(makers.NOW + 16 * makers.MINUTE):
        answer = browser.get("/api/v1/patients/")
    check_problem(answer, 401, "SESSION_ENDED")
    assert answer["WWW-Authenticate"] == "Token"


def test_answers_are_nobody_elses_to_keep(home):
    assert Api(home.coordinator).get("patients/")["Cache-Control"] == "private, no-store"
