"""What a new user of the API sends wrong: every answer is a problem that names the field, none a 500."""

from __future__ import annotations

import json

import pytest
from django.db import IntegrityError, OperationalError
from django.http.request import UnreadablePostError

from patients.models import Patient
from scheduling.models import Event
from scheduling.services import patients as patient_services
from tests import makers
from tests.scheduling.api.conftest import Api, check_problem

pytestmark = pytest.mark.django_db

DEEP = "[" * 50_000
NOT_BODIES = {
    "not JSON": "{",
    "nothing": "",
    "a word": "hello",
    "a key twice": '{"q": "ab", "q": "cd"}',
    "a key twice inside": '{"q": {"a": 1, "a": 2}}',
    "NaN": '{"q": NaN}',
    "infinity": '{"q": -Infinity}',
    "a list": "[]",
    "a text": '"ab"',
    "null": "null",
    "deep": DEEP,
    "deep and closed": '{"q": ' + "[" * 100 + "]" * 100 + "}",
    "not UTF-8": b'{"q": "\xff\xfe"}',
    "Latin-1": '{"q": "Peña"}'.encode("latin-1"),
    "too long": '{"q": "' + "x" * 1_000_001 + '"}',
    "a number of thousands of digits": '{"q": ' + "9" * 5000 + "}",
    "half a character": '{"q": "\\ud800"}',
    "half a character as a key": '{"\\ud800": 1}',
    "NUL": '{"q": "ab\\u0000"}',
    "NUL in a key": '{"a\\u0000": 1}',
}


@pytest.mark.parametrize("raw", NOT_BODIES.values(), ids=NOT_BODIES.keys())
def test_what_is_no_body_is_one_clear_400(office, raw):
    told = check_problem(office.post("patients/search/", raw), 400, "BAD_INPUT")
    assert "Traceback" not in told["detail"]
    assert len(told["detail"]) < 200


def test_a_byte_order_mark_is_no_mistake(office):
    assert office.post("patients/search/", b'\xef\xbb\xbf{"q": "ab"}').status_code == 200


def test_a_form_is_told_that_json_is_wanted(office):
    answer = office.http.post("/api/v1/patients/search/", {"q": "ab"}, headers=office.headers)
    check_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_an_answer_in_html_is_not_to_be_had(office):
    answer = office.http.get("/api/v1/patients/", headers={**office.headers, "Accept": "text/html"})
    check_problem(answer, 406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_method_nobody_has_is_a_405_that_names_the_others(office, method):
    answer = getattr(office.http, method)("/api/v1/patients/", headers=office.headers)
    check_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "nothing/", "patients", "patients/x/", "patients/-1/", "patients/1.0/", "patients/999/",
        f"patients/{10**30}/", f"patients/{2**63}/", f"patients/{10**18 - 1}/", "patients/true/", "visits/0/",
    ],
)  # fmt: skip
def test_an_address_of_nothing_is_a_404(office, path):
    check_problem(office.get(path), 404, "NOT_FOUND")


def test_an_address_outside_the_version_is_a_problem_too(client):
    check_problem(client.get("/api/v9/patients/"), 404, "NOT_FOUND")
    check_problem(client.post("/api/v1/visits", "{}", content_type="application/json"), 404, "NOT_FOUND")


def test_a_host_that_is_not_ours_is_a_problem_under_the_api_and_a_page_elsewhere(client):
    answer = client.get("/api/v1/patients/", headers={"Host": "elsewhere.example"})
    check_problem(answer, 400, "BAD_INPUT")
    assert client.get("/", headers={"Host": "elsewhere.example"})["Content-Type"].startswith("text/html")


def test_what_fails_before_a_view_is_asked_is_a_problem_too(client, monkeypatch):
    def fall(self, request):
        raise RuntimeError("the database is away")

    monkeypatch.setattr("accounts.middleware.IdleSessionMiddleware.__call__", fall)
    client.raise_request_exception = False
    check_problem(client.get("/api/v1/patients/"), 500, "SERVER_ERROR")
    assert client.get("/help/")["Content-Type"].startswith("text/html")


def test_what_nobody_foresaw_tells_nothing_of_the_inside(office, monkeypatch, caplog):
    def fall(**fields):
        raise RuntimeError(f"{fields['first_name']} takes it")

    monkeypatch.setattr(patient_services, "register_patient", fall)
    answer = office.post("patients/", _patient(first_name="Jacaranda"))
    check_problem(answer, 500, "SERVER_ERROR")
    assert b"Jacaranda" not in answer.content
    assert "RuntimeError" in caplog.text
    assert "Jacaranda" not in caplog.text


def test_a_connection_that_breaks_off_is_a_400(office, monkeypatch):
    def fall(self, *args):
        raise UnreadablePostError("gone")

    monkeypatch.setattr("infusion_home.api_errors.StrictJSONParser.parse", fall)
    check_problem(office.post("patients/search/", {"q": "ab"}), 400, "BAD_INPUT")


class Told(Exception):
    """What PostgreSQL says, as its driver tells it."""

    def __init__(self, pgcode: str) -> None:
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("kind", "pgcode", "code"),
    [
        (IntegrityError, "23505", "CONFLICT"),
        (IntegrityError, "23P01", "CONFLICT"),
        (OperationalError, "55P03", "BUSY"),
        (OperationalError, "40P01", "BUSY"),
    ],
)
def test_a_race_lost_in_the_database_is_a_409_whoever_let_it_through(office, monkeypatch, kind, pgcode, code):
    def lose(**fields):
        raise kind("lost") from Told(pgcode)

    monkeypatch.setattr(patient_services, "register_patient", lose)
    check_problem(office.post("patients/", _patient()), 409, code)


def test_a_fault_of_ours_is_not_called_a_race(office, monkeypatch):
    def fall(**fields):
        raise IntegrityError("null value")

    monkeypatch.setattr(patient_services, "register_patient", fall)
    check_problem(office.post("patients/", _patient()), 500, "SERVER_ERROR")


# --- A patient, field by field -------------------------------------------------------------------


def _patient(**fields):
    said = makers.patient_fields(**fields)
    return {**said, "date_of_birth": str(said["date_of_birth"])}


def test_a_patient_is_registered_and_read_back(office):
    answer = office.post("patients/", _patient(email="pat@example.com", phone="(214) 555-0142"))
    assert answer.status_code == 201, answer.content
    told = office.get(f"patients/{answer.json()['id']}/").json()
    assert {one["channel"]: one["value"] for one in told["contacts"]} == {
        "email": "pat@example.com", "voice": "+12145550142",
    }  # fmt: skip
    assert Event.objects.filter(action="patient_registered", actor=office.user).count() == 1
    assert Event.objects.filter(action="chart_read", actor=office.user, patient_id=told["id"]).count() == 1


def test_html_in_a_name_is_a_name_like_any_other(office):
    name = "<script>alert(1)</script>"
    answer = office.post("patients/", _patient(first_name=name))
    assert answer.json()["first_name"] == name
    assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("date_of_birth", "1980-02-30"), ("date_of_birth", "30/02/1980"), ("date_of_birth", "2999-01-01"),
        ("date_of_birth", "2026-03-03"), ("date_of_birth", "19800517"), ("date_of_birth", "1980-05-17T00:00:00"),
        ("date_of_birth", 5), ("date_of_birth", "١٩٨٠-٠٥-١٧"), ("date_of_birth", "0001-01-01"),
        ("first_name", ""), ("first_name", "   "), ("first_name", None), ("first_name", ["a"]),
        ("first_name", "x" * 61), ("last_name", "a\0b"), ("latitude", 91), ("latitude", "north"),
        ("longitude", -181), ("latitude", 10**400), ("time_zone", "Texas"), ("time_zone", "../etc/passwd"),
        ("email", "pat"), ("phone", "911"), ("phone", "214-055-0142"), ("access_notes", "x" * 10_000),
        ("allergies", "x" * 10_000), ("state", "TEX"), ("language", "xx"), ("pregnancy_possible", "perhaps"),
        ("shoe_size", 9), ("id", 1), ("user", 1), ("status", "died"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_saved(office, field, said):
    answer = office.post("patients/", {**_patient(), field: said})
    told = check_problem(answer, 400, "BAD_INPUT", field)
    assert len(told["errors"]) == 1
    assert not Patient.objects.exists()


def test_every_wrong_field_is_named_at_once(office):
    body = {**_patient(date_of_birth="1980-02-30"), "first_name": "", "latitude": 91, "shoe_size": 9}
    del body["mrn"]
    check_problem(
        office.post("patients/", body), 400, "BAD_INPUT",
        "date_of_birth", "first_name", "latitude", "shoe_size", "mrn",
    )  # fmt: skip


def test_a_long_note_is_told_its_limit(office):
    told = check_problem(office.post("patients/", _patient(access_notes="x" * 10_000)), 400, "BAD_INPUT")
    assert "1000" in told["detail"].replace(",", "")


def test_an_mrn_is_given_once(office):
    body = _patient()
    assert office.post("patients/", body).status_code == 201
    check_problem(office.post("patients/", body), 400, "BAD_INPUT", "mrn")


def test_a_search_reads_names_as_people_type_them(office):
    wanted = makers.make_patient(first_name="Ana", last_name="O’Neill-Peña")
    makers.make_patient(first_name="Ann", last_name="Other")
    for q in ("oneill", "PENA", "ana one", "O’Neill", wanted.mrn.lower()):
        rows = office.post("patients/search/", {"q": q}).json()["results"]
        assert [row["id"] for row in rows] == [wanted.pk], q
    assert office.post("patients/search/", {"q": "!!"}).json()["results"] == []
    assert office.post("patients/search/", {"q": "%%"}).json()["results"] == []


def test_names_are_never_asked_for_in_an_address(office):
    check_problem(office.get("patients/", q="tester"), 400, "BAD_INPUT", "q")


def test_pages_follow_one_another(office):
    made = [makers.make_patient().pk for _ in range(3)]
    first = office.get("patients/", page_size=2).json()
    second = office.get("patients/", page_size=2, page=2).json()
    assert first["count"] == 3
    assert sorted(row["id"] for row in first["results"] + second["results"]) == sorted(made)


def test_the_longest_body_allowed_is_read(office):
    body = json.dumps({"q": "ab", "x": "y" * 999_000})
    check_problem(office.post("patients/search/", body), 400, "BAD_INPUT", "x")


def test_the_api_of_nobody_says_nothing_of_bodies():
    check_problem(Api().post("patients/", "{"), 401, "NOT_SIGNED_IN")
