"""Every page a patient can reach, read in Spanish: no English is left on it, in text or in attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.translation.trans_real import DjangoTranslation

from patients.models import Patient
from scheduling.models import MessageText, Notice, Visit
from scheduling.readings import my_notices
from tests.accounts import spanish
from tests.flows.spanish_reader import WORD, english_in
from tests.flows.test_strangers import NAMED, WHO, address, world  # noqa: F401  the world is a fixture
from tests.makers import DAY, clock_stands_at, make_patient, make_user

pytestmark = pytest.mark.django_db

# Pages with no words of their own: plain answers, redirects, samples for builders.
WORDLESS = {"healthz", "readyz", "metrics", "home", "set_language", "sign-out", "styleguide"}
FOR_PATIENTS = [
    name for name in NAMED if WHO.get(name, set()) & {"patient", "anonymous"} and name not in WORDLESS
]


@pytest.fixture
def home(world):  # noqa: F811
    """The world with a patient who reads Spanish; `names` are the words of people, places and the agency."""
    patient = Patient.objects.get(pk=world["ids"]["patient_id"])
    patient.language = patient.user.language = "es"
    patient.user.save()
    patient.save()
    visit = Visit.objects.get(pk=world["ids"]["visit_id"])
    data = (patient.first_name, patient.last_name, patient.address, patient.city, visit.nurse.first_name)
    named = " ".join((*data, settings.AGENCY_NAME, patient.user.username))
    world["names"] = frozenset(word.lower() for word in WORD.findall(named))
    world["visit"] = visit
    return world


def readers(home, name: str) -> Iterator[Client]:
    """The patient, and somebody not signed in whose browser asks for Spanish."""
    if "patient" in WHO[name]:
        client = Client()
        client.force_login(home["people"]["patient"])
        yield client
    if "anonymous" in WHO[name]:
        yield Client(headers={"Accept-Language": "es-US,es;q=0.9"})


def pages_of(client: Client, url: str) -> Iterator[str]:
    """What one may be shown at an address: the page, and the answer to a form sent empty."""
    for answer in (client.get(url, follow=True), client.post(url, {}, follow=True)):
        if answer["Content-Type"].startswith("text/html") and answer.content:
            page = answer.content.decode()
            assert '<html lang="es"' in page, (url, answer.status_code)
            yield page


@pytest.mark.parametrize("name", FOR_PATIENTS)
def test_no_english_is_left_on_a_spanish_page(home, name):
    wrong, seen = [], 0
    with clock_stands_at(home["now"]):
        for client in readers(home, name):
            for page in pages_of(client, address(name, home["ids"])):
                seen += 1
                wrong += english_in(page, home["names"])
    assert seen and not wrong


@pytest.mark.parametrize("state", [state for state, _word in Visit._meta.get_field("state").choices])
def test_a_visit_in_any_state_is_told_in_spanish(home, client, state):
    Visit.objects.filter(pk=home["visit"].pk).update(state=state)
    client.force_login(home["people"]["patient"])
    wrong = []
    with clock_stands_at(home["now"]):
        for name in ("my-visit", "my-home", "my-therapy"):
            wrong += english_in(client.get(address(name, home["ids"])).content.decode(), home["names"])
    assert not wrong


@pytest.mark.parametrize("days", [-3, 0, 1, 90, 400])
def test_a_visit_on_any_day_is_told_in_spanish(home, client, days):
    client.force_login(home["people"]["patient"])
    with clock_stands_at(home["now"] - days * DAY):
        page = client.get(reverse("my-home")).content.decode()
    assert not english_in(page, home["names"])


def test_who_has_no_visit_and_who_belongs_to_nobody_yet_read_spanish(home, client):
    for user in (make_patient(user=True, language="es").user, make_user("patient", language="es")):
        client.force_login(user)
        assert not english_in(client.get(reverse("my-home")).content.decode(), home["names"])


def test_messages_sent_are_read_again_in_the_language_they_were_written_in(home, client):
    """Shipped words of every kind and saved ones, on the page of a patient who has changed language since."""
    for language in ("en", "es"):
        for said in spanish.message_words(language).values():
            assert my_notices.Letter(Notice(body=said[-1]), home["visit"].time_zone).language == language, (
                said
            )
    english, spoken = (spanish.message_words(language)["cancelled text"][-1] for language in ("en", "es"))
    saved = MessageText.objects.create(
        kind="moved", channel="text", language="es", version=1, body="Su cita."
    )
    for number, (body, text) in enumerate(((english, None), (spoken, None), (saved.body, saved))):
        Notice.objects.create(
            patient=home["visit"].patient, about=str(number), kind="moved", channel="text", state="sent", body=body,
            text=text, due_at=home["now"], expires_at=home["now"], settled_at=home["now"],
        )  # fmt: skip
    client.force_login(home["people"]["patient"])
    assert f'href="{reverse("my-notices")}"' in client.get(reverse("my-home")).content.decode()
    page = client.get(reverse("my-notices")).content.decode()
    assert (page.count('<div lang="en">'), page.count('<div lang="es">')) == (1, 2)
    assert not english_in(re.sub(r"\{\w+\}", "", page).replace("Su cita.", ""), home["names"])


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_an_error_is_told_in_spanish(home, client, settings, monkeypatch, status, signed_in):
    if signed_in:
        client.force_login(home["people"]["patient"])
    client.raise_request_exception = False
    page, headers = reverse("help"), {"Accept-Language": "es"}
    if status == 400:
        settings.ALLOWED_HOSTS = ["agency.example"]
    elif status == 403:
        client = Client(enforce_csrf_checks=True)
        answer = client.post(reverse("sign-in"), {}, headers=headers)
    elif status == 404:
        page = "/my/no/such/page/"
    else:
        monkeypatch.setattr("accounts.views._frame", lambda request: 1 / 0)
    if status != 403:
        answer = client.get(page, headers=headers)
    assert answer.status_code == status
    html = answer.content.decode()
    assert '<html lang="es"' in html and not english_in(html, home["names"])


@pytest.mark.parametrize("ended", ["1", "unsent"])
def test_the_door_says_in_spanish_why_one_is_there_again(home, client, ended):
    page = client.get(f"{reverse('sign-in')}?ended={ended}", headers={"Accept-Language": "es"})
    assert not english_in(page.content.decode(), home["names"])


def test_a_demo_shows_in_spanish_who_one_may_be(home, client, settings):
    settings.MODE = "demo"
    page = client.get(reverse("sign-in"), headers={"Accept-Language": "es"}).content.decode()
    names = {"coordinator", "nurse", "patient", "lead", "admin", "demo"}
    assert "Coordinación" in page and not english_in(page, home["names"] | names)


def test_too_many_tries_are_told_in_spanish(home, client):
    for _try in range(settings.AXES_FAILURE_LIMIT + 1):
        answer = client.post(
            reverse("sign-in"), {"username": "x", "password": "y"}, headers={"Accept-Language": "es"}
        )
    assert answer.status_code == 429 and not english_in(answer.content.decode(), home["names"])


@pytest.mark.parametrize("name", ["my-home", "my-visit", "my-therapy", "help", "settings", "sign-in"])
def test_an_english_page_would_be_caught(home, client, name):
    if name != "sign-in":
        Patient.objects.update(language="en")
        user = home["people"]["patient"]
        user.language = "en"
        user.save()
        client.force_login(user)
    with clock_stands_at(home["now"]):
        page = client.get(address(name, home["ids"])).content.decode().replace('lang="en"', 'lang="es"', 1)
    assert len(english_in(page, home["names"])) > 5


@pytest.mark.parametrize("name", ["my-home", "my-visit", "my-therapy", "help", "settings", "sign-in"])
def test_one_translation_that_is_missing_is_caught(home, client, monkeypatch, name):
    """Takes away each sentence of the page in turn, as if it had never been translated."""
    if name != "sign-in":
        client.force_login(home["people"]["patient"])
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    translate, said, without = DjangoTranslation.gettext, set(), ""

    def gettext(self: DjangoTranslation, message: str) -> str:
        said.add(message)
        return message if message == without else translate(self, message)

    monkeypatch.setattr(DjangoTranslation, "gettext", gettext)
    page = address(name, home["ids"])
    with clock_stands_at(home["now"]):
        full = client.get(page).content
        shown = [text for text in sorted(said) if spanish.entries().get(text, [text]) != [text]]
        passed = []
        for without in shown:
            html = client.get(page).content
            if html != full and not english_in(html.decode(), home["names"]):
                passed.append(without)
    assert len(shown) > 8 and not passed
