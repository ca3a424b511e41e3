"""A patient who reads Spanish answers: behind a link and signed in, step by step, and never meets a word of English."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from scheduling.models import HealthScreen, MessageLink, Reply, Visit
from scheduling.readings import screen_words
from scheduling.rules import health_screen
from scheduling.rules.errors import RuleBroken
from scheduling.services import calls, links, screens
from tests.flows.spanish_reader import WORD, english_in
from tests.makers import (
    DAY,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_visit,
)

pytestmark = pytest.mark.django_db


class Reader:
    """Goes from page to page and reads each."""

    def __init__(self, visit: Visit, *, signed_in: bool) -> None:
        self.visit, self.client = visit, Client()
        if signed_in:
            self.client.force_login(visit.patient.user)
        data = (visit.patient.first_name, visit.nurse.first_name, settings.AGENCY_NAME, visit.patient.address)
        self.names = frozenset(
            word.lower() for one in (*data, visit.patient.city) for word in WORD.findall(one)
        )
        self.pages = 0

    def get(self, url: str, status: int = 200) -> str:
        return self._read(self.client.get(url, follow=True), status)

    def post(self, url: str, said: Mapping[str, object], status: int = 200) -> str:
        return self._read(self.client.post(url, said, follow=True), status)

    def _read(self, answer, status: int) -> str:
        page = answer.content.decode()
        assert answer.status_code == status, page
        assert '<html lang="es"' in page and answer["Content-Language"] == "es"
        assert not english_in(page, self.names)
        self.pages += 1
        return page


@pytest.fixture
def visit():
    """Tomorrow's visit of a patient who may be asked everything."""
    patient = make_patient(user=True, language="es", pregnancy_possible=True)
    dose = make_dose(make_prescription(patient, "natalizumab_q4w"))
    visit = make_visit(dose, make_nurse(first_name="Beatriz"))
    with clock_stands_at(at(visit.local_start.date() - DAY, 10)):
        yield visit


def link_for(visit: Visit, purpose: str, **about: object) -> str:
    """The address of a link that was sent for the visit."""
    about |= {"visit": visit, "visit_version": visit.version, "expires_at": visit.starts_at}
    link = MessageLink.objects.create(purpose=purpose, patient=visit.patient, **about)
    return reverse("answer", args=[links.token_of(link)])


def door(visit: Visit, purpose: str, *, signed_in: bool) -> tuple[Reader, str]:
    own = {"confirm": "my-confirm", "move": "my-reschedule", "screen": "my-health"}
    url = reverse(own[purpose], args=[visit.pk]) if signed_in else link_for(visit, purpose)
    return Reader(visit, signed_in=signed_in), url


BOTH = pytest.mark.parametrize("signed_in", [False, True], ids=["link", "signed in"])


@BOTH
def test_saying_yes_is_in_spanish(visit, signed_in):
    reader, url = door(visit, "confirm", signed_in=signed_in)
    assert "Sí, esta hora me sirve" in reader.get(url)
    page = reader.post(url, {"do": "yes"})
    assert "está confirmada" in page
    visit.refresh_from_db()
    assert visit.state == "confirmed"
    reader.post(url, {"do": "yes"})


@BOTH
def test_asking_for_another_time_is_in_spanish(visit, signed_in):
    reader, url = door(visit, "move", signed_in=signed_in)
    page = reader.get(url)
    assert "¿Qué días le sirven?" in page
    reader.post(url, {"days": ["2026-99-99"], "part": "7"}, status=422)
    reader.post(url, {"why": "no " * 200}, status=422)
    day = page.split('name="days" value="')[1].split('"')[0]
    reader.post(url, {"days": [day], "part": "morning", "why": "dentista"} | {"why": ""})
    assert Reply.objects.get().wishes == {"days": [day], "part": "morning"}
    reader.get(f"{url}?again=1")
    reader.post(url, {"part": "afternoon"})


@BOTH
@pytest.mark.parametrize("said", health_screen.SAID)
def test_the_health_questions_are_in_spanish(visit, signed_in, said):
    reader, url = door(visit, "screen", signed_in=signed_in)
    asked = screens.questions(visit, own=signed_in)
    assert health_screen.PREGNANCY in asked and (("thinking" in asked) is signed_in)
    for number in range(1, len(asked) + 1):
        step = f"{url}{number}/"
        assert "Elija una respuesta" in reader.post(step, {}, status=422)
        reader.post(step, {"said": said})
    check = f"{url}check/"
    assert "Revise sus respuestas" in reader.get(check)
    reader.post(check, {})
    assert HealthScreen.objects.get().state == ("clear" if said == "no" else "flagged")
    reader.get(url)
    assert reader.pages > 2 * len(asked)


def test_every_question_and_hint_has_spanish_words():
    """Those of drugs that no test patient has are asked, too."""
    with translation.override("es"):
        said = [screen_words.question(code) for code in screen_words.QUESTIONS]
        said += [screen_words.hint(code) for code in screen_words.HINTS]
        said += [words for caller in (True, False) for _code, words in screen_words.answers(caller=caller)]
    for sentence in said:
        assert not english_in(f'<html lang="es"><p>{sentence}</p>', frozenset()), sentence


def test_how_one_feels_the_next_day_is_in_spanish(visit):
    call = calls.owe(
        patient=visit.patient, kind="reaction_check_call", about="dose 1 +1", due_on=visit.local_start.date()
    )
    reader, url = Reader(visit, signed_in=False), link_for(visit, "feel", call=call)
    reader.get(url)
    for said in ("well", "symptoms"):
        assert "Gracias" in reader.post(url, {"do": said})


@pytest.mark.parametrize("purpose", MessageLink.Purpose.values)
def test_a_link_that_has_run_out_says_so_in_spanish(visit, purpose):
    reader, url = Reader(visit, signed_in=False), link_for(visit, purpose)
    MessageLink.objects.update(expires_at=visit.starts_at - 9 * DAY)
    assert "Este enlace ya venció" in reader.get(url, status=410)
    reader.post(f"{url}new/", {})


def test_a_language_chosen_on_a_link_that_has_run_out_is_kept_for_the_answer():
    page = Client().get("/s/c-forged-and-wrong/?lang=es").content.decode()
    answer = Client().post(page.split('action="')[1].split('"')[0], {})
    assert "Si tiene una visita pronto" in answer.content.decode()


def test_a_forged_link_answers_in_the_language_of_the_browser(visit):
    reader = Reader(visit, signed_in=False)
    reader.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    assert "Este enlace ya venció" in reader.get("/s/c-forged-and-wrong/", status=410)


def test_the_switch_on_a_link_wins_and_asks_for_no_cookie(visit):
    client, url = Client(), link_for(visit, "confirm")
    assert '<html lang="en"' in client.get(f"{url}?lang=en").content.decode()
    assert '<html lang="es"' in client.get(url).content.decode()
    assert not client.cookies


def test_answering_too_late_is_told_in_spanish(visit):
    reader = Reader(visit, signed_in=True)
    for state in ("cancelled", "moved", "completed", "missed"):
        Visit.objects.filter(pk=visit.pk).update(state=state)
        for page in ("my-confirm", "my-reschedule", "my-health", "my-visit"):
            url = reverse(page, args=[visit.pk])
            reader.get(url)
            if page in {"my-confirm", "my-reschedule"}:
                reader.post(url, {"do": "yes"})


@pytest.mark.parametrize("code", ["VISIT_STATE", "STALE_VERSION", "NOBODY_KNOWS_THIS"])
@pytest.mark.parametrize(
    ("purpose", "service"), [("confirm", "outcomes.confirm_visit"), ("move", "replies.ask_move")]
)
def test_a_refusal_reaches_a_patient_in_their_own_language(visit, monkeypatch, code, purpose, service):
    def refused(*args, **kwargs):
        raise RuleBroken("Cancel or move the visit instead.", code=code)

    monkeypatch.setattr(f"scheduling.services.{service}", refused)
    for signed_in in (True, False):
        reader, url = door(visit, purpose, signed_in=signed_in)
        answer = reader.client.post(url, {"do": "yes", "part": "morning"}, follow=True)
        assert not english_in(answer.content.decode(), reader.names)
