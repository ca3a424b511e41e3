"""When messages go is a setting with versions; what the law forbids cannot be set."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest
from django.test import override_settings

from scheduling.models import Event, Notice, NoticePolicy
from scheduling.rules.cadence import Timing
from scheduling.rules.errors import BadInput, RuleBroken, StaleVersion
from scheduling.services import policy
from tests.makers import DAY, NOW, at, clock_stands_at, make_dose, make_user, make_visit
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db


def change(*, by=None, version=None, now=NOW, why="the office asked", **fields):
    before = policy.current()
    wanted = {
        "hours": (9, 20), "per_day": 1, "per_week": 3, "sender": "", "timings": dict(before.timings), **fields,
    }  # fmt: skip
    return policy.change(
        by=by or make_user("admin"),
        why=why,
        version=before.version if version is None else version,
        now=now,
        **wanted,
    )


def timings(**changed):
    return {**policy.default().timings, **changed}


def test_without_a_change_the_hours_are_those_of_the_environment():
    with override_settings(NOTICE_HOURS=(9, 20)):
        assert (policy.current().version, policy.current().hours) == (0, (9, 20))


def test_the_version_saved_last_is_in_force_and_says_all_it_was_given():
    change(sender="Trinity Nurses", per_week=2)
    found = change(
        hours=(8, 21), sender="Trinity", timings=timings(week_before=Timing(10, time(11, 30), on=False))
    )
    assert found == policy.current() and found.version == 2
    assert (found.hours, found.sender, found.per_week) == ((8, 21), "Trinity", 3)
    assert found.timings["week_before"] == Timing(10, time(11, 30), on=False)
    assert policy.read(NoticePolicy.objects.get(version=1)).per_week == 2


def test_reading_the_settings_takes_one_query(django_assert_num_queries):
    change()
    with django_assert_num_queries(1):
        policy.current()


def test_a_change_says_who_and_why_in_the_trail():
    admin = make_user("admin")
    change(by=admin)
    row, event = NoticePolicy.objects.get(), Event.objects.get(action="notice_policy_changed")
    assert (row.by, row.why, event.actor, event.why) == (admin, "the office asked", admin, "the office asked")


def test_a_coordinator_changes_no_settings():
    with pytest.raises(RuleBroken):
        change(by=make_user())
    assert not NoticePolicy.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"hours": (7, 20)}, "hours"),
        ({"hours": (9, 22)}, "hours"),
        ({"hours": (20, 9)}, "hours"),
        ({"per_day": 2}, "per_day"),
        ({"per_day": 0}, "per_day"),
        ({"per_week": 4}, "per_week"),
        ({"per_week": 0}, "per_week"),
        ({"sender": "Trinity Infusion"}, "sender"),
        ({"sender": "MS Home Care"}, "sender"),
        ({"sender": "Trinity Home Nursing Care"}, "sender"),
        ({"sender": "Trinity 😀"}, "sender"),
        ({"sender": "{agency}"}, "sender"),
        ({"timings": timings(confirm=Timing(0, time(10)))}, "confirm"),
        ({"timings": timings(week_before=Timing(31, time(10)))}, "week_before"),
        ({"timings": timings(confirm=Timing(2, time(21)))}, "confirm"),
        ({"timings": timings(confirm=Timing(8, time(10)))}, "week_before"),
        ({"timings": timings(confirm=Timing(1, time(10)))}, "confirm"),
        ({"why": " "}, "why"),
    ],
)
def test_what_must_not_be_set_is_refused_beside_its_field(fields, field):
    with pytest.raises(BadInput) as no:
        change(**fields)
    assert no.value.field == field and not NoticePolicy.objects.exists()


def test_a_kind_that_is_off_stands_in_nobodys_way():
    off = Timing(2, time(22), on=False)
    assert change(timings=timings(week_before=off)).timings["week_before"] == off


def test_an_agency_with_a_long_name_must_give_a_short_one():
    with override_settings(AGENCY_NAME="Trinity Valley Home Nursing and Care"):
        with pytest.raises(BadInput):
            change()
        assert change(sender="Trinity Valley").version == 1


def test_who_looked_at_older_settings_is_told_and_overwrites_nothing():
    change()
    with pytest.raises(StaleVersion):
        change(version=0)
    assert NoticePolicy.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_at_once_one_is_told():
    admin = make_user("admin")
    ends = all_at_once([lambda n=n: change(by=admin, version=0, per_week=n) for n in (1, 2)])
    assert sorted(type(one).__name__ for one in ends) == ["Policy", "StaleVersion"]


def test_new_times_move_what_is_still_to_go():
    visit = make_visit(make_dose(start_on=at_day()), now=NOW)
    row = Notice.objects.filter(visit=visit, kind="day_before").first()
    assert row is not None and row.due_at == at(at_day() - DAY, 10)
    change(timings=timings(day_before=Timing(1, time(15))))
    row.refresh_from_db()
    assert row.due_at == at(at_day() - DAY, 15)
    assert row.state == Notice.State.PLANNED or row.reason == "no address on file"


def at_day():
    return NOW.date() + 20 * DAY


def test_anybody_in_the_office_may_stop_all_sending_and_let_it_go_on():
    coordinator = make_user()
    with clock_stands_at(NOW):
        assert policy.pause(by=coordinator, why="wrong texts").paused
        assert policy.pause(by=coordinator, why="again").version == 1
        assert policy.current().paused
        assert not policy.resume(by=coordinator).paused
        assert policy.resume(by=coordinator).version == 2
    kept = Event.objects.filter(action__startswith="notices_").order_by("pk")
    assert [event.action for event in kept] == ["notices_paused", "notices_resumed"]
    with pytest.raises(BadInput):
        policy.pause(by=coordinator, why="")


def test_a_pause_keeps_the_settings_and_a_change_keeps_the_pause():
    change(sender="Trinity")
    policy.pause(by=make_user(), why="look")
    assert policy.current() == replace(policy.current(), sender="Trinity", paused=True)
    assert change(sender="Trinity Care").paused
