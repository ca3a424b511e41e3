"""A patient with a phone answers from a message in a real browser, in both languages; axe finds nothing on the way."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import translation

from scheduling.models import Alert, HealthScreen, MessageLink, Reply
from scheduling.services import links
from tests.makers import DAY, clock_stands_at, make_dose, make_patient, make_prescription, make_visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SAID = {
    "yes": "Yes, this time works",
    "set": "Your visit is set",
    "go": "Answer the questions",
    "next": "Continue",
    "send": "Send my answers",
    "flagged": "Thank you. A nurse will call you today about your answers. Your visit is not cancelled.",
    "move": "Ask for another time",
    "ask": "Send",
    "asked": "You asked for another time.",
}


@pytest.fixture(params=["en", "es"])
def words(request):
    """What the page says, in the language of this run."""
    with translation.override(request.param):
        return {key: translation.gettext(said) for key, said in SAID.items()} | {"language": request.param}


@pytest.fixture
def visit(words):
    return make_visit(make_dose(make_prescription(make_patient(language=words["language"]))))


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=True)
    yield context.new_page()
    context.close()


def opened(page, live_server, visit) -> None:
    """The page behind the link of the message that asks to confirm."""
    link = MessageLink.objects.create(
        purpose="confirm", patient=visit.patient, visit=visit, visit_version=1, expires_at=visit.starts_at
    )
    page.goto(live_server.url + reverse("answer", args=[links.token_of(link)]))


def looks_right(page, language) -> None:
    """No violation, nothing to scroll sideways, no cookie, the right language, main buttons 64 px high."""
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.context.cookies() == []
    assert page.locator("html").get_attribute("lang") == language
    for button in page.locator("main .btn-primary, main .choice").all():
        assert button.bounding_box()["height"] >= 64


def test_yes_and_the_health_questions_from_one_message(page, live_server, visit, words):
    with clock_stands_at(visit.starts_at - 2 * DAY):
        opened(page, live_server, visit)
        looks_right(page, words["language"])
        page.get_by_role("button", name=words["yes"]).click()
        assert words["set"] in page.locator("main").inner_text()
        looks_right(page, words["language"])
        page.get_by_role("button", name=words["go"]).click()
        for number in range(1, 6):
            looks_right(page, words["language"])
            page.locator(f"input[value={'unsure' if number == 5 else 'no'}]").check()
            page.get_by_role("button", name=words["next"]).click()
        looks_right(page, words["language"])
        page.get_by_role("button", name=words["send"]).click()
        assert words["flagged"] in page.locator("main").inner_text()
        looks_right(page, words["language"])
    visit.refresh_from_db()
    assert visit.state == "confirmed"
    assert HealthScreen.objects.get().state == "flagged"
    assert Alert.objects.get().screen.visit == visit


def test_a_question_without_an_answer_says_so_and_keeps_its_place(page, live_server, visit, words):
    link = MessageLink.objects.create(
        purpose="screen", patient=visit.patient, visit=visit, visit_version=1, expires_at=visit.starts_at
    )
    with clock_stands_at(visit.starts_at - 2 * DAY):
        page.goto(live_server.url + reverse("answer", args=[links.token_of(link)]))
        page.get_by_role("button", name=words["next"]).click()
        assert page.locator("[data-error-summary]").is_visible()
        looks_right(page, words["language"])
        page.locator("input[value=no]").press("Space")  # by keyboard alone
        page.keyboard.press("Enter")
        page.wait_for_url("**/2/**")


def test_asking_for_another_time_by_thumb(page, live_server, visit, words):
    with clock_stands_at(visit.starts_at - 2 * DAY):
        opened(page, live_server, visit)
        page.get_by_role("button", name=words["move"]).click()
        looks_right(page, words["language"])
        page.get_by_role("checkbox").first.check()
        page.locator("input[value=morning]").check()
        page.get_by_role("button", name=words["ask"], exact=True).click()
        assert words["asked"] in page.locator("main").inner_text()
        looks_right(page, words["language"])
    visit.refresh_from_db()
    reply = Reply.objects.get()
    assert (visit.state, reply.visit, reply.wishes["part"]) == ("booked", visit, "morning")
