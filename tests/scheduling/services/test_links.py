"""A link opens for one purpose, until its end, and for the visit as it was sent for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduling.models import MessageLink, Notice
from scheduling.rules import tokens
from scheduling.services import booking, links
from tests.makers import DAY, NOW, make_user, make_visit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _public(settings):
    settings.PUBLIC_URL = "https://visits.example.com"


def make_notice(visit, kind="confirm", **fields) -> Notice:
    """A message of the kind about the visit as it stands."""
    said = {
        "patient": visit.patient, "visit": visit, "visit_version": visit.version, "channel": "text",
        "about": f"visit {visit.pk} v{visit.version}", "due_at": NOW, "expires_at": visit.starts_at,
    }  # fmt: skip
    return Notice.objects.create(kind=kind, **(said | fields))


def token_in(address: str) -> str:
    return address.removeprefix("https://visits.example.com/s/").removesuffix("/")


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [("confirm", "confirm"), ("booked", "confirm"), ("moved", "confirm"), ("health_screen", "screen")],
)
def test_each_kind_of_message_leads_to_its_own_page(kind, purpose):
    visit = make_visit()
    Notice.objects.all().delete()
    notice = make_notice(visit, kind)
    address = links.for_notices([notice], now=NOW)[notice.pk]
    link = links.read(token_in(address), now=NOW)
    assert (link.purpose, link.visit, link.expires_at) == (purpose, visit, visit.starts_at)
    assert len(address) <= 60


@pytest.mark.parametrize("kind", ["cancelled", "on_the_way", "week_before", "preparation"])
def test_other_messages_carry_no_link(kind):
    assert links.for_notices([make_notice(make_visit(), kind)], now=NOW) == {}


def test_how_are_you_today_opens_for_three_days():
    notice = make_notice(make_visit(), "next_day", about="dose 1 +1")
    notice.visit = notice.visit_version = None
    token = token_in(links.for_notices([notice], now=NOW)[notice.pk])
    assert links.read(token, now=NOW + timedelta(days=3) - timedelta(seconds=1)) is not None
    assert links.read(token, now=NOW + timedelta(days=3)) is None


def test_a_message_that_is_tried_again_keeps_its_link():
    notice = make_notice(make_visit())
    assert links.for_notices([notice], now=NOW) == links.for_notices([notice], now=NOW + timedelta(hours=1))
    assert MessageLink.objects.count() == 1


def test_fifty_messages_take_two_queries(django_assert_num_queries):
    visit = make_visit()
    notices = [make_notice(visit, about=f"visit {visit.pk} v1 again {n}") for n in range(50)]
    with django_assert_num_queries(2):
        assert len(set(links.for_notices(notices, now=NOW).values())) == 50


def test_a_link_ends_when_the_visit_starts():
    visit = make_visit()
    token = token_in(next(iter(links.for_notices([make_notice(visit)], now=NOW).values())))
    assert links.read(token, now=visit.starts_at - timedelta(seconds=1)) is not None
    assert links.read(token, now=visit.starts_at) is None


def test_a_token_of_one_purpose_opens_no_other():
    visit = make_visit()
    links.for_notices([make_notice(visit)], now=NOW)
    link = MessageLink.objects.get()
    for purpose in ("move", "screen", "feel"):
        forged = tokens.base36(link.pk) + tokens.LETTERS[purpose] + links.token_of(link)[-tokens.SEAL :]
        assert links.find(forged) is None
        # Even a well sealed one: the row says what it is for.
        assert links.find(tokens.write(link.pk, purpose, next(links._seals()))) is None


def test_a_forged_token_asks_the_database_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert links.find("1c" + "A" * 16) is None


def test_a_link_of_before_the_secret_changed_opens_while_the_old_one_counts(settings):
    links.for_notices([make_notice(make_visit())], now=NOW)
    link = MessageLink.objects.get()
    token, old = links.token_of(link), settings.SECRET_KEY
    settings.SECRET_KEY = "another secret of fifty characters, or a few more than that"
    assert links.read(token, now=NOW) is None
    settings.SECRET_KEY_FALLBACKS = [old]
    assert links.read(token, now=NOW) == link


def test_a_link_to_a_visit_that_moved_or_is_cancelled_opens_no_more():
    by, visit, other = make_user(), make_visit(), make_visit()
    addresses = links.for_notices([make_notice(visit), make_notice(other)], now=NOW)
    booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=visit.starts_at + timedelta(hours=1), by=by,
        reason_class="patient", now=NOW,
    )  # fmt: skip
    booking.cancel_visit(visit_id=other.pk, by=by, reason_class="patient", now=NOW)
    assert [links.read(token_in(one), now=NOW) for one in addresses.values()] == [None, None]


def test_a_link_to_an_older_version_of_the_visit_opens_no_more():
    visit = make_visit()
    token = token_in(next(iter(links.for_notices([make_notice(visit)], now=NOW).values())))
    type(visit).objects.filter(pk=visit.pk).update(version=visit.version + 1)
    assert links.read(token, now=NOW) is None


def test_the_next_step_has_a_link_of_its_own_and_only_one():
    links.for_notices([make_notice(make_visit())], now=NOW)
    link = links.find(links.token_of(MessageLink.objects.get()))
    first, again = links.lead_on(link, "screen"), links.lead_on(link, "screen")
    assert first == again
    assert (first.purpose, first.visit_id, first.expires_at) == ("screen", link.visit_id, link.expires_at)
    alone = MessageLink.objects.create(
        purpose="confirm", patient=link.patient, visit=link.visit, visit_version=1, expires_at=NOW + DAY
    )
    assert links.lead_on(alone, "move") == links.lead_on(alone, "move")
