"""Behind a link: no password, one purpose, nothing changed by opening it, and nothing told that a link should not."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import Alert, Call, Event, HealthScreen, MessageLink, Notice, Reply, Visit
from scheduling.services import booking, consents, guesses, links
from tests.makers import (
    DAY,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
)
from tests.message_links import make_feel_link, make_link, two_days_before, url_of
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_tries():
    cache.clear()


@pytest.fixture
def visit() -> Visit:
    return make_visit(
        make_dose(make_prescription(make_patient(first_name="Xochitl", last_name="Quintanilla")))
    )


def rows() -> dict[str, int]:
    """How many rows every table of ours has."""
    return {
        model.__name__: model.objects.count()
        for model in (Event, HealthScreen, MessageLink, Notice, Reply, Call, Alert)
    }


def test_yes_confirms_by_link_and_says_the_next_step(client, visit):
    url = url_of(make_link(visit))
    with two_days_before(visit):
        page = client.get(url).content.decode()
        assert "Yes, this time works" in page
        done = client.post(url, {"do": "yes"}, follow=True).content.decode()
    visit.refresh_from_db()
    assert visit.state == "confirmed"
    assert "You&#x27;re set for" in done
    assert "Answer the questions" in done
    event = Event.objects.get(action="visit_confirmed")
    assert (event.actor, event.patient, event.detail["via"]) == (None, visit.patient, "link")


def test_confirming_twice_is_friendly_and_confirms_once(client, visit):
    url = url_of(make_link(visit))
    with two_days_before(visit):
        for _again in range(2):
            answer = client.post(url, {"do": "yes"}, follow=True)
            assert (answer.status_code, "You&#x27;re set for" in answer.content.decode()) == (200, True)
    assert Event.objects.filter(action="visit_confirmed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_taps_at_once_confirm_once(visit):
    url = url_of(make_link(visit))
    with two_days_before(visit):
        tapped = all_at_once([lambda: Client().post(url, {"do": "yes"})] * 2)
    assert {one.status_code for one in tapped} == {302}
    visit.refresh_from_db()
    assert visit.state == "confirmed"
    assert Event.objects.filter(action="visit_confirmed").count() == 1
    assert Reply.objects.filter(meaning="confirm", via="link", needs_a_person=False).count() == 1


@pytest.mark.parametrize("purpose", ["confirm", "move", "screen", "feel"])
def test_opening_a_link_changes_nothing_however_often_and_whoever_does_it(client, visit, purpose):
    link = make_feel_link(visit) if purpose == "feel" else make_link(visit, purpose)
    url = url_of(link)
    with two_days_before(visit):
        before = rows(), list(MessageLink.objects.values()), list(Visit.objects.values())
        seen, to_see = set(), [url, url + "new/", url + "check/", url + "1/", url + "2/"]
        while to_see:  # a scanner follows every link of the page, by GET and by HEAD
            address = to_see.pop()
            seen.add(address)
            with CaptureQueriesContext(
                connection,
            ) as asked:
                page = client.get(address, follow=True).content.decode()
                client.head(address)
            assert not [one for one in asked if not one["sql"].startswith("SELECT")]
            found = {one.replace("&amp;", "&") for one in re.findall(r'href="(/s/[^"]+|\?[^"]+)"', page)}
            to_see += sorted(one for one in found - seen if one.startswith("/s/"))
        assert (rows(), list(MessageLink.objects.values()), list(Visit.objects.values())) == before
    assert len(seen) > 4


def test_the_page_tells_date_time_and_first_name_and_no_more(client, visit):
    with two_days_before(visit):
        response = client.get(url_of(make_link(visit)))
    page = response.content.decode()
    words = re.sub(r"<[^>]+>", " ", page)
    start = visit.local_start
    for told in (f"{start:%A}, {start:%B} {start.day}", "9:00 am", visit.nurse.first_name):
        assert told in words, told
    hidden = (
        "Xochitl", "Quintanilla", visit.nurse.last_name, visit.patient.address, visit.patient.mrn, "nfusion",
        "Ocrevus", "ocrelizumab", "sclerosis", visit.dose.prescription.prescriber_name,
    )  # fmt: skip
    for secret in hidden:
        assert secret not in page, secret
    assert "Set-Cookie" not in response
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]


def test_no_cookie_is_needed_to_answer(visit):
    browser = Client(enforce_csrf_checks=True)
    with two_days_before(visit):
        url = url_of(make_link(visit))
        browser.get(url)
        browser.cookies.clear()
        browser.post(url, {"do": "yes"}, headers={"origin": "null"})
    visit.refresh_from_db()
    assert visit.state == "confirmed"


def dead_links(visit: Visit) -> dict[str, str]:
    """Links that must not open, by what is wrong with them."""
    good = make_link(visit)
    token = links.token_of(good)
    ended = make_link(visit, expires_at=visit.starts_at - 3 * DAY)
    other = make_visit()
    old = make_link(other)
    booking.cancel_visit(
        visit_id=other.pk, by=make_user(), reason_class="patient", now=visit.starts_at - 9 * DAY
    )
    return {
        "forged": reverse("answer", args=["1c" + "A" * 16]),
        "tampered": reverse("answer", args=[token[:-1] + ("A" if token[-1] != "A" else "B")]),
        "expired": url_of(ended),
        "cancelled": url_of(old),
        "of another purpose": reverse("answer-check", args=[token]),
    }


def test_every_dead_link_gets_the_same_answer(client, visit):
    answers = {}
    with two_days_before(visit):
        for what, url in dead_links(visit).items():
            got, posted = client.get(url), client.post(url, {"do": "yes", "said": "yes"})
            words = {re.sub(r'/s/[^"]+', "", one.content.decode()) for one in (got, posted)}
            answers[what] = (got.status_code, posted.status_code, words)
        assert {one[:2] for one in answers.values()} == {(410, 410)}
        assert len(set().union(*(one[2] for one in answers.values()))) == 1
        assert "This link has run out." in answers["forged"][2].pop()
    assert set(Visit.objects.values_list("state", flat=True)) == {"booked", "cancelled"}


def test_a_moved_visit_ends_its_link_and_a_new_one_is_sent_when_asked_for(client, visit):
    notice = Notice.objects.create(
        patient=visit.patient, visit=visit, visit_version=visit.version, about="told", kind="confirm", channel="text",
        due_at=visit.starts_at - 3 * DAY, expires_at=visit.starts_at, state="sent",
    )  # fmt: skip
    link = make_link(visit, notice=notice)
    with two_days_before(visit) as now:
        new = booking.move_visit(
            visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=1),
            by=make_user(), reason_class="patient", now=now,
        )  # fmt: skip
        assert client.post(url_of(link), {"do": "yes"}).status_code == 410
        asked = [client.post(url_of(link) + "new/") for _again in range(3)]
        unknown = client.post(reverse("answer-renew", args=["1c" + "A" * 16]))
    assert {one.status_code for one in (*asked, unknown)} == {200}
    assert len({re.sub(rb'/s/[^"]+', b"", one.content) for one in (*asked, unknown)}) == 1
    fresh = Notice.objects.get(about__contains="again by link")
    assert (fresh.patient, fresh.visit, fresh.channel, fresh.kind) == (visit.patient, new, "text", "confirm")
    new.refresh_from_db()
    assert new.state == "booked"


def test_who_has_stopped_texts_can_still_answer_by_the_link_they_have(client, visit):
    url = url_of(make_link(visit))
    consents.opt_out(visit.patient, "text", source="a text")
    with two_days_before(visit):
        client.post(url, {"do": "yes"})
    visit.refresh_from_db()
    assert visit.state == "confirmed"


def test_who_tries_many_links_is_not_answered_for_a_while_and_others_are(client, visit):
    url = url_of(make_link(visit))
    with two_days_before(visit):
        for number in range(guesses.MOST):
            client.get(reverse("answer", args=[f"{number}c" + "A" * 16]))
        assert client.get(url).status_code == 410
        assert client.get(url, REMOTE_ADDR="10.9.9.9").status_code == 200


def test_asking_for_another_time_keeps_the_visit_and_reaches_a_coordinator(client, visit):
    url = url_of(make_link(visit))
    with two_days_before(visit):
        moved = client.post(url, {"do": "move"})
        assert (moved.status_code, MessageLink.objects.filter(purpose="move").count()) == (302, 1)
        page = client.get(moved.url).content.decode()
        days = re.findall(r'name="days" value="([\d-]+)"', page)
        assert days
        said = {"days": days[:2], "part": "morning", "why": "I work late."}
        done = client.post(moved.url, said, follow=True).content.decode()
        client.post(moved.url, said)
    visit.refresh_from_db()
    reply = Reply.objects.get()
    assert (visit.state, reply.visit, reply.needs_a_person, reply.handled_at) == ("booked", visit, True, None)
    assert (reply.wishes["days"], reply.wishes["part"], reply.via) == (sorted(days[:2]), "morning", "link")
    assert "Your visit stays as it is" in done
    assert "I work late." not in done  # others may open the link


def test_only_days_that_are_safe_for_the_dose_are_offered(client, visit):
    dose, on = visit.dose, visit.local_start.date()
    type(dose).objects.filter(pk=dose.pk).update(
        due_on=on, floor_on=on - DAY, window_start_on=on - 2 * DAY, window_end_on=on + 2 * DAY
    )
    url = url_of(make_link(visit, "move"))
    with clock_stands_at(visit.starts_at - 6 * DAY):
        page = client.get(url).content.decode()
        refused = client.post(url, {"days": [(on + 9 * DAY).isoformat()]})
    offered = re.findall(r'name="days" value="([\d-]+)"', page)
    assert offered == [(on + n * DAY).isoformat() for n in (-1, 0, 1, 2)]
    assert refused.status_code == 422
    with clock_stands_at(visit.starts_at - timedelta(hours=1)):
        page = client.get(url).content.decode()
    assert re.findall(r'name="days" value="([\d-]+)"', page) == [(on + n * DAY).isoformat() for n in (1, 2)]


def test_well_and_not_right_land_in_the_call_that_is_owed(client, visit):
    link = make_feel_link(visit)
    url = url_of(link)
    with clock_stands_at(visit.starts_at + DAY + timedelta(hours=1)):
        assert "I feel well" in client.get(url).content.decode()
        for _again in range(2):
            client.post(url, {"do": "well"})
        assert link.call.attempts.count() == 1
        done = client.post(url, {"do": "symptoms"}, follow=True).content.decode()
        client.post(url, {"do": "symptoms"})
    assert sorted(link.call.attempts.values_list("outcome", flat=True)) == ["symptoms", "well"]
    assert "A nurse will call you today." in done
    assert Alert.objects.get().alarm


def test_the_page_speaks_the_patients_language_and_can_be_switched(client):
    patient = make_patient(language="es")
    visit = make_visit(make_dose(make_prescription(patient)))
    url = url_of(make_link(visit))
    with two_days_before(visit):
        spanish, english = client.get(url), client.get(url + "?lang=en")
        kept = client.post(url + "?lang=en", {"do": "move"}).url
    assert '<html lang="es"' in spanish.content.decode()
    assert spanish["Content-Language"] == "es"
    assert '<html lang="en"' in english.content.decode()
    assert kept.endswith("?lang=en")


def test_what_was_answered_by_link_shows_on_the_patients_own_page(client):
    patient = make_patient(user=True)
    visit = make_visit(make_dose(make_prescription(patient)))
    client.force_login(patient.user)
    with two_days_before(visit):
        home = client.get(reverse("my-home")).content.decode()
        assert "Yes, this time works" in home
        assert "Answer 5 health questions" in home
        Client().post(url_of(make_link(visit)), {"do": "yes"})
        assert "You said yes to this time." in client.get(reverse("my-home")).content.decode()


def test_a_yes_to_a_course_names_the_days_it_speaks_for(client):
    patient = make_patient(user=True)
    prescription = make_prescription(patient, regimen_id="methylprednisolone_iv_3d")
    nurse = make_nurse(competencies=("iv", "methylprednisolone"))
    first = make_visit(make_dose(prescription), nurse)
    days = [
        make_visit(make_dose(prescription, n), first.nurse, first.starts_at + (n - 1) * DAY) for n in (2, 3)
    ]
    url = url_of(make_link(first))
    with two_days_before(first):
        page = client.get(url).content.decode()
        for day in days:
            assert f"{day.local_start:%A}, {day.local_start:%B} {day.local_start.day} at 9:00 am" in page
        client.post(url, {"do": "yes"})
    assert set(Visit.objects.values_list("state", flat=True)) == {"confirmed"}


def test_a_cache_that_is_down_keeps_no_patient_out(client, visit, monkeypatch):
    class Down:
        def __getattr__(self, name):
            raise ConnectionError

    monkeypatch.setattr(guesses, "cache", Down())
    with two_days_before(visit):
        assert client.get(url_of(make_link(visit))).status_code == 200
        assert client.get(reverse("answer", args=["1c" + "A" * 16])).status_code == 410
