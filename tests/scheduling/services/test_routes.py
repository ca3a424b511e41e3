"""A nurse's published day: versions, what follows by itself, and what she has seen."""

from __future__ import annotations

from functools import partial

import pytest

from scheduling.models import Event, RouteVersion, Visit
from scheduling.planning import route_changes
from scheduling.readings.route import day_route, day_routes
from scheduling.rules.errors import Conflict, RuleBroken, SlotTaken, StaleVersion
from scheduling.services import booking, outcomes, patient_changes, records, rehearsal, routes
from scheduling.services.guard import at_the_end, writes
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db
SOON = today_at(NOW) + 7 * DAY
PLANO = (33.0198, -96.6989)


def booked(nurse, hour=9, *, place=DALLAS, now=NOW, **fields):
    prescription = make_prescription(make_patient(place=place, **fields), "natalizumab_q4w")
    return make_visit(make_dose(prescription), nurse, at(SOON, hour), now=now)


def publish(nurse, on=SOON, now=NOW):
    return routes.publish(nurse_id=nurse.pk, on=on, by=make_user(), now=now)


def move(visit, starts_at, nurse=None, by=None, now=NOW + MINUTE):
    return booking.move_visit(
        visit_id=visit.pk, nurse_id=(nurse or visit.nurse).pk, starts_at=starts_at, by=by or make_user(),
        reason_class="patient", note="asked", override="asked", now=now,
    )  # fmt: skip


def cancel(visit, now=NOW + MINUTE):
    return booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient", now=now)


def versions(nurse, on=SOON):
    return list(RouteVersion.objects.filter(nurse=nurse, on=on).order_by("version"))


def told(version):
    return [(stop["visit"], stop["starts_at"]) for stop in version.stops]


# --- Publishing --------------------------------------------------------------------------------


def test_the_first_publication_is_version_one_and_the_same_day_is_not_told_twice():
    nurse, by = make_nurse(place=FORT_WORTH), make_user()
    visit = booked(nurse)
    first = routes.publish(nurse_id=nurse.pk, on=SOON, by=by, now=NOW)
    assert (first.version, first.made_by, first.why) == (1, by, "")
    (stop,) = first.stops
    assert stop["visit"] == stop["root"] == visit.pk
    assert stop["starts_at"] == visit.starts_at.isoformat() and stop["leave_by"] < stop["starts_at"]
    assert first.drive_minutes > 0 and first.metres > 0
    with pytest.raises(Conflict) as refused:
        routes.publish(nurse_id=nurse.pk, on=SOON, by=by, now=NOW)
    assert refused.value.code == "NOTHING_NEW"
    assert Event.objects.get(action="route_published").detail["version"] == 1


def test_a_version_keeps_ids_and_times_and_nothing_of_a_chart():
    nurse = make_nurse()
    booked(nurse, first_name="Xenia", city="Plano")
    assert set(publish(nurse).stops[0]) == {"visit", "root", "starts_at", "ends_at", "leave_by"}


@pytest.mark.parametrize(
    ("days", "code"), [(-8, "DAY_PASSED"), (1, "NOTHING_TO_PUBLISH"), (-7, "NOTHING_TO_PUBLISH")]
)
def test_a_day_that_is_over_or_empty_is_not_published(days, code):
    nurse = make_nurse()
    booked(nurse)
    with pytest.raises(RuleBroken) as refused:
        publish(nurse, SOON + days * DAY)
    assert refused.value.code == code and not RouteVersion.objects.exists()


def test_the_whole_day_is_published_for_whom_it_says_something_new():
    first, second, idle = make_nurse(), make_nurse(), make_nurse()
    booked(first)
    booked(second)
    publish(first)
    made = routes.publish_day(on=SOON, by=make_user(), now=NOW)
    assert [(row.nurse_id, row.version) for row in made] == [(second.pk, 1)]
    assert routes.publish_day(on=SOON, by=make_user(), now=NOW) == [] and versions(idle) == []


def test_the_day_is_the_nurses_own():
    """11:00 pm on the 9th in Phoenix is the 10th in UTC: the route of the 9th has it."""
    nurse = make_nurse(time_zone="America/Phoenix")
    visit = booked(nurse)
    Visit.objects.filter(pk=visit.pk).update(
        starts_at=at(SOON, 23, time_zone="America/Phoenix"),
        ends_at=at(SOON, 23, time_zone="America/Phoenix") + 30 * MINUTE,
    )
    assert len(publish(nurse).stops) == 1
    with pytest.raises(RuleBroken, match="no visit"):
        publish(nurse, SOON + DAY)


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_make_one_version():
    nurse = make_nurse()
    booked(nurse)
    office = make_user()
    answers = all_at_once(
        [partial(routes.publish, nurse_id=nurse.pk, on=SOON, by=office, now=NOW) for _ in range(4)]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 3 + ["RouteVersion"]
    assert len(versions(nurse)) == 1


# --- What follows by itself --------------------------------------------------------------------


def test_a_day_that_was_not_published_has_no_version_and_costs_one_query(django_assert_num_queries):
    nurse = make_nurse()
    visit = booked(nurse)
    cancel(visit)
    assert versions(nurse) == []
    with django_assert_num_queries(1):
        routes.follow(nurse.pk, visit.starts_at, why="visit_booked", now=NOW)


def test_a_visit_that_is_booked_moved_or_cancelled_makes_the_next_version():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    second = booked(nurse, 14)
    later = move(visit, at(SOON, 8))
    cancel(second)
    first, *followed = versions(nurse)
    assert [(row.version, row.why, row.made_by) for row in followed] == [
        (2, "visit_booked", None), (3, "visit_moved", None), (4, "visit_cancelled", None),
    ]  # fmt: skip
    assert told(followed[0]) == [*told(first), (second.pk, second.starts_at.isoformat())]
    assert told(followed[2]) == [(later.pk, later.starts_at.isoformat())]
    assert followed[2].stops[0]["root"] == visit.pk
    assert Event.objects.filter(action="route_followed", actor=None).count() == 3


def test_a_move_within_a_day_is_one_version_and_a_move_between_nurses_one_for_each():
    one, other = make_nurse(), make_nurse()
    visit, second = booked(one), booked(other, 15)
    publish(one)
    publish(other)
    visit = move(visit, at(SOON, 10))
    assert (len(versions(one)), len(versions(other))) == (2, 1)
    move(visit, at(SOON, 9), other)
    assert told(versions(one)[-1]) == []
    assert [key for key, _at in told(versions(other)[-1])] == [visit.moved_to.get().pk, second.pk]
    assert (len(versions(one)), len(versions(other))) == (3, 2)


def test_a_move_to_another_day_changes_the_days_that_were_published_alone():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    move(visit, at(SOON + DAY, 9))
    assert len(versions(nurse)) == 2 and versions(nurse, SOON + DAY) == []


def test_what_changes_no_time_makes_no_version():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW)
    make_time_off(nurse, visit.starts_at, visit.ends_at)
    later = visit.ends_at + MINUTE
    records.record_given(dose_id=visit.dose_id, given_on=SOON, by=nurse.user, reaction="none", now=later)
    assert len(versions(nurse)) == 1


def test_a_visit_nobody_opened_the_door_for_stays_on_the_day():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    outcomes.record_missed(
        visit_id=visit.pk, by=make_user(), reason_class="patient", now=visit.starts_at + MINUTE
    )
    assert len(versions(nurse)) == 1


def test_a_patient_who_moves_house_changes_the_roads_of_the_day():
    nurse = make_nurse()
    with clock_stands_at(NOW):
        visit = booked(nurse)
        publish(nurse)
        home = {"latitude": PLANO[0], "longitude": PLANO[1]}
        patient_changes.update_patient(patient_id=visit.patient_id, wish=home, by=make_user())
    first, second = versions(nurse)
    assert told(first) == told(second) and second.why == "home_moved"
    assert second.stops[0]["leave_by"] < first.stops[0]["leave_by"] and second.metres > first.metres


def test_a_day_that_is_over_is_not_told_again():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    cancel(visit, now=visit.starts_at + 3 * DAY)
    assert len(versions(nurse)) == 1


def test_a_refused_booking_leaves_no_version():
    nurse = make_nurse()
    booked(nurse)
    publish(nurse)
    with pytest.raises(SlotTaken):
        booked(nurse)
    assert len(versions(nurse)) == 1


def test_a_rehearsal_leaves_no_version():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    rehearsal.rehearse(partial(cancel, visit), patient_id=visit.patient_id)
    assert len(versions(nurse)) == 1


def test_many_changes_of_one_writer_are_one_version_whose_rows_cannot_part():
    nurse, other = make_nurse(), make_nurse()
    first, second = booked(nurse, 8), booked(nurse, 13)
    publish(nurse)

    @writes
    def swap():
        move(first, at(SOON, 8), other)
        move(second, at(SOON, 9))

    @writes
    def swap_and_fail():
        swap()
        raise Conflict("lost after all", code="LOST")

    with pytest.raises(Conflict):
        swap_and_fail()
    assert len(versions(nurse)) == 1
    swap()
    assert len(versions(nurse)) == 2 and len(told(versions(nurse)[-1])) == 1


def test_what_waits_for_the_end_of_a_writer_is_done_once_and_at_once_outside_of_any():
    done = []

    @writes
    def inner():
        at_the_end("a", lambda: done.append("a"))

    @writes
    def outer():
        inner()
        inner()
        at_the_end("b", lambda: done.append("b"))
        done.append("outer")

    outer()
    assert done == ["outer", "a", "b"]
    at_the_end("a", lambda: done.append("alone"))
    assert done[-1] == "alone"


# --- Seen --------------------------------------------------------------------------------------


def test_what_she_has_seen_is_the_version_she_was_shown():
    nurse = make_nurse()
    visit = booked(nurse)
    publish(nurse)
    row = routes.seen(on=SOON, version=1, by=nurse.user, now=NOW)
    assert row.seen_at == NOW
    again = routes.seen(on=SOON, version=1, by=nurse.user, now=NOW + MINUTE)
    assert again.seen_at == NOW and Event.objects.filter(action="route_seen").count() == 1
    cancel(visit)
    with pytest.raises(StaleVersion):
        routes.seen(on=SOON, version=1, by=nurse.user, now=NOW)
    routes.seen(on=SOON, version=2, by=nurse.user, now=NOW + MINUTE)
    assert [row.seen_at for row in versions(nurse)] == [NOW, NOW + MINUTE]


def test_nobody_sees_for_somebody_else_and_not_before_it_was_published():
    nurse = make_nurse()
    booked(nurse)
    for user in (nurse.user, make_nurse().user, make_user()):
        with pytest.raises(RuleBroken) as refused:
            routes.seen(on=SOON, version=1, by=user, now=NOW)
        assert refused.value.code == "NOT_PUBLISHED"
        if user == nurse.user:
            publish(nurse)
    assert versions(nurse)[0].seen_at is None


# --- What is new -------------------------------------------------------------------------------


def kinds(nurse):
    found = day_route(make_user(), nurse, SOON, now=NOW)
    return [(change.kind, change.visit) for change in found.changes]


def test_new_moved_and_gone_count_from_what_the_nurse_has_seen():
    nurse = make_nurse()
    visit, other = booked(nurse, 8), booked(nurse, 16)
    assert kinds(nurse) == []
    publish(nurse)
    assert kinds(nurse) == []
    third = booked(nurse, 12)
    later = move(visit, at(SOON, 9))
    cancel(other)
    assert kinds(nurse) == [("moved", later.pk), ("new", third.pk), ("gone", other.pk)]
    routes.seen(on=SOON, version=4, by=nurse.user, now=NOW)
    assert kinds(nurse) == []
    move(later, visit.starts_at)
    assert [kind for kind, _visit in kinds(nurse)] == ["moved"]


def test_a_visit_that_comes_back_to_where_it_was_is_no_news():
    nurse = make_nurse()
    visit, by = booked(nurse), make_user()
    publish(nurse)
    away = move(visit, at(SOON, 13), by=by)
    outcomes.undo(visit_id=away.pk, by=by, now=NOW + 2 * MINUTE)
    assert kinds(nurse) == [] and len(versions(nurse)) == 3


def test_another_time_to_leave_is_said_although_the_visit_stands():
    stop = {
        "visit": 1,
        "root": 1,
        "starts_at": "2026-03-09T14:00:00+00:00",
        "ends_at": "2026-03-09T18:00:00+00:00",
    }
    (change,) = route_changes.between(
        [{**stop, "leave_by": "2026-03-09T13:30:00+00:00"}],
        [{**stop, "leave_by": "2026-03-09T13:20:00+00:00"}],
    )
    assert (change.kind, change.was_at.minute) == ("leave", 30)


# --- Reading -----------------------------------------------------------------------------------


def test_the_routes_of_a_day_cost_the_same_for_one_nurse_and_for_many(django_assert_max_num_queries):
    office, counts = make_user(), []
    for size in (1, 3):
        for _ in range(size):
            nurse = make_nurse()
            booked(nurse, 8)
            booked(nurse, 14, place=PLANO)
            publish(nurse)
        with django_assert_max_num_queries(12) as asked:
            found = day_routes(office, SOON, now=NOW)
            assert all(len(route.stops) == 2 and route.up_to_date for route in found)
        counts.append(len(asked.captured_queries))
    assert len(found) == 4 and counts[0] == counts[1]


def test_a_nurse_reads_her_own_route_and_a_stranger_none():
    nurse = make_nurse()
    booked(nurse)
    assert [route.nurse for route in day_routes(nurse.user, SOON, now=NOW)] == [nurse]
    assert day_routes(make_patient(user=True).user, SOON, now=NOW) == []


def test_a_day_that_differs_from_what_was_published_says_so():
    nurse = make_nurse()
    booked(nurse)
    assert not day_route(make_user(), nurse, SOON, now=NOW).up_to_date
    publish(nurse)
    nurse.latitude += 0.2
    nurse.save()
    route = day_route(make_user(), nurse, SOON, now=NOW)
    assert not route.up_to_date and [change.kind for change in route.changes] == ["leave"]
