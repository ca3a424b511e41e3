"""Theme, text size, language, shortcuts: saved for the person. A patient has one language, whoever said it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Role
from scheduling.models import Event
from scheduling.services import patient_changes
from tests.makers import PASSWORD, make_patient, make_user

pytestmark = pytest.mark.django_db
ALL = {"theme": "dark", "text_size": "150", "language": "es"}
STAFF = sorted(set(Role) - {Role.PATIENT})


def in_spanish(page: str) -> bool:
    return '<html lang="es"' in page


@pytest.mark.parametrize("role", list(Role))
def test_every_role_saves_how_it_likes_its_pages(client, role):
    user = make_user(role)
    client.force_login(user)
    page = client.post(reverse("settings"), ALL, follow=True).content.decode()
    user.refresh_from_db()
    assert (user.theme, user.text_size) == ("dark", 150)
    assert 'data-theme="dark"' in page and 'data-text="150"' in page
    assert ("Ajustes guardados." if role == Role.PATIENT else "Settings saved.") in page


@pytest.mark.parametrize("role", STAFF)
def test_who_works_here_reads_english_whatever_was_saved_or_the_browser_says(client, role):
    user = make_user(role, language="es")
    client.force_login(user)
    client.post(reverse("set_language"), {"language": "es"})
    for name in ("settings", "help"):
        page = client.get(reverse(name), headers={"Accept-Language": "es"})
        text = page.content.decode()
        assert '<html lang="en"' in text and "Español" not in text and page["Content-Language"] == "en", name
    missing = client.get("/no/such/page/", headers={"Accept-Language": "es"})
    assert missing.status_code == 404 and '<html lang="en"' in missing.content.decode()


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_program_reads_english_whatever_it_accepts(client, signed_in):
    if signed_in:
        client.force_login(make_patient(user=True, language="es").user)
    answer = client.get("/api/v1/no-such-thing/", headers={"Accept-Language": "es"})
    assert answer.status_code == 404 and answer["Content-Language"] == "en"
    token = client.post("/api/v1/auth/token/", {}, "application/json", headers={"Accept-Language": "es"})
    assert token["Content-Language"] == "en" and "campo" not in token.content.decode()


@pytest.mark.parametrize("role", STAFF)
def test_no_language_is_offered_or_saved_where_pages_have_one_only(client, role):
    user = make_user(role)
    client.force_login(user)
    assert 'name="language"' not in client.get(reverse("settings")).content.decode()
    client.post(reverse("settings"), ALL)
    client.post(reverse("set_language"), {"language": "es"})
    user.refresh_from_db()
    assert user.language == "en"


def test_shortcuts_are_asked_where_there_are_some_and_kept_elsewhere(client):
    coordinator, nurse = make_user(), make_user(Role.NURSE)
    for user in (coordinator, nurse):
        client.force_login(user)
        client.post(reverse("settings"), ALL)
        user.refresh_from_db()
    assert not coordinator.shortcuts and nurse.shortcuts


def test_a_value_nobody_offered_changes_nothing(client):
    user = make_user()
    client.force_login(user)
    answer = client.post(reverse("settings"), {**ALL, "text_size": "400"})
    assert answer.status_code == 422
    assert b"<title>Error:" in answer.content and b'data-theme="auto"' in answer.content
    user.refresh_from_db()
    assert user.theme == "auto"


def test_the_language_switch_is_remembered_for_the_person_and_comes_back_to_the_page(client):
    user = make_user(Role.PATIENT)
    client.force_login(user)
    answer = client.post(reverse("set_language"), {"language": "es", "next": reverse("help")})
    assert answer.url == reverse("help")
    user.refresh_from_db()
    assert user.language == "es"
    page = client.get(reverse("help")).content.decode()
    assert in_spanish(page) and "le escribimos y le llamamos en español" in page


def test_a_language_chosen_at_the_door_goes_in_with_the_person(client):
    patient = make_patient(user=True)
    client.post(reverse("set_language"), {"language": "es", "next": reverse("sign-in")})
    assert "Contraseña" in client.get(reverse("sign-in")).content.decode()
    client.post(reverse("sign-in"), {"username": patient.user.username, "password": PASSWORD})
    patient.refresh_from_db()
    assert (patient.user.language, patient.language) == ("es", "es")
    assert "le llamamos en español" in client.get(reverse("my-home")).content.decode()


def test_who_chose_nothing_at_the_door_keeps_the_language_saved_before(client):
    user = make_user(Role.PATIENT, language="es")
    client.post(reverse("sign-in"), {"username": user.username, "password": PASSWORD})
    assert in_spanish(client.get(reverse("help")).content.decode())


@pytest.mark.parametrize("posted", [{"language": "xx"}, {}, {"language": "es", "next": "//evil.example"}])
def test_a_switch_that_makes_no_sense_stays_in_the_house(client, posted):
    client.force_login(make_user(Role.PATIENT))
    assert client.post(reverse("set_language"), posted).url == "/"


@pytest.mark.parametrize("door", ["set_language", "settings"])
def test_a_language_chosen_on_a_page_is_the_language_of_messages_and_calls(client, door):
    patient = make_patient(user=True)
    client.force_login(patient.user)
    for _twice in range(2):
        client.post(reverse(door), ALL)
    patient.refresh_from_db()
    assert patient.language == "es"
    told = Event.objects.filter(patient=patient, action="patient_updated")
    assert [(event.actor, event.detail) for event in told] == [(patient.user, {"changed": ["language"]})]


def test_saving_another_setting_says_nothing_about_the_language_of_messages(client):
    patient = make_patient(user=True)
    patient.language = "es"  # as it may have been before the two were one
    patient.save()
    client.force_login(patient.user)
    page = client.post(reverse("settings"), {**ALL, "language": "en"}, follow=True).content.decode()
    patient.refresh_from_db()
    assert patient.language == "es" and patient.user.theme == "dark"
    assert "write and call you" not in page


def test_what_the_office_writes_on_the_chart_is_the_language_of_the_patients_pages(client):
    patient = make_patient(user=True, language="es")
    client.force_login(patient.user)
    assert in_spanish(client.get(reverse("my-home")).content.decode())
    patient_changes.update_patient(patient_id=patient.pk, wish={"language": "en"}, by=make_user())
    assert not in_spanish(client.get(reverse("my-home")).content.decode())


def test_a_choice_that_cannot_reach_the_chart_is_not_half_saved(client, monkeypatch):
    patient = make_patient(user=True)
    client.force_login(patient.user)
    monkeypatch.setattr("scheduling.services.languages.events.write", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        client.post(reverse("set_language"), {"language": "es"})
    patient.refresh_from_db()
    assert (patient.language, patient.user.language) == ("en", "en")
