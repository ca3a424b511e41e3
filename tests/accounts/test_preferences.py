"""Theme, text size, language, shortcuts: saved for the person."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import Role
from tests.makers import PASSWORD, make_user

pytestmark = pytest.mark.django_db
ALL = {"theme": "dark", "text_size": "150", "language": "es"}


@pytest.mark.parametrize("role", list(Role))
def test_every_role_saves_how_it_likes_its_pages(client, role):
    user = make_user(role)
    client.force_login(user)
    answer = client.post(reverse("settings"), ALL, follow=True)
    user.refresh_from_db()
    assert (user.theme, user.text_size, user.language) == ("dark", 150, "es")
    page = answer.content.decode()
    assert 'data-theme="dark"' in page and 'data-text="150"' in page and '<html lang="es"' in page
    assert "Ajustes guardados." in page


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
    assert '<html lang="es"' in client.get(reverse("help")).content.decode()


def test_a_language_chosen_at_the_door_goes_in_with_the_person(client):
    user = make_user(Role.PATIENT)
    client.post(reverse("set_language"), {"language": "es", "next": reverse("sign-in")})
    assert "Contraseña" in client.get(reverse("sign-in")).content.decode()
    client.post(reverse("sign-in"), {"username": user.username, "password": PASSWORD})
    user.refresh_from_db()
    assert user.language == "es"


def test_who_chose_nothing_at_the_door_keeps_the_language_saved_before(client):
    user = make_user(Role.PATIENT, language="es")
    client.post(reverse("sign-in"), {"username": user.username, "password": PASSWORD})
    assert '<html lang="es"' in client.get(reverse("help")).content.decode()


@pytest.mark.parametrize("posted", [{"language": "xx"}, {}, {"language": "es", "next": "//evil.example"}])
def test_a_switch_that_makes_no_sense_stays_in_the_house(client, posted):
    client.force_login(make_user(Role.PATIENT))
    assert client.post(reverse("set_language"), posted).url == "/"
