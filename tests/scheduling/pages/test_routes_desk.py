"""The office's routes: every nurse of a day, one nurse's day to the minute, another order, and what was published."""

from __future__ import annotations

import re
from datetime import time

import pytest
from django.core.cache import cache

from scheduling.models import Event, RouteVersion, Visit
from scheduling.services import booking, outcomes, routes
from tests.makers import (
    DAY,
    FORT_WORTH,
    NOW,
    at,
    make_check,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling import osrm_server
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db
ON = today_at() + 7 * DAY
NEAR = (32.80, -96.80)


def short_visit(nurse, hour, *, minute=0, **fields):
    """A wellness check of an hour: several fit into one day."""
    check = make_check(make_patient(**fields), ON - DAY, minutes=60)
    return booking.book_check(
        check_id=check.pk, nurse_id=nurse.pk, starts_at=at(ON, hour, minute), by=make_user(), now=NOW
    )


@pytest.fixture
def day():
    """Three visits of one nurse at 8:00, 11:00 and 14:00; the one in the middle is far away."""
    nurse = make_nurse(first_name="Ana", last_name="Torres")
    return nurse, [
        short_visit(nurse, 8, last_name="Abara", access_notes="Gate 4471."),
        short_visit(nurse, 11, last_name="Silva", place=FORT_WORTH),
        short_visit(nurse, 14, last_name="Zhou", place=NEAR),
    ]


def list_url(on=ON) -> str:
    return f"/staff/routes/?on={on.isoformat()}"


def day_url(nurse, rest="") -> str:
    return f"/staff/routes/{nurse.pk}/{ON.isoformat()}/{rest}"


def order_url(nurse, *visits, **more) -> str:
    said = "&".join(f"{name}={value}" for name, value in more.items())
    return day_url(nurse, f"order/?order={','.join(str(x.pk) for x in visits)}&{said}")


def save(client, nurse, page, **fields):
    """Post the form of an effect as a browser would."""
    hidden = dict(
        re.findall(r'<input type="hidden" name="(order|shown|start|gaps|may)" value="([^"]*)"', page)
    )
    return client.post(day_url(nurse, "order/"), {**hidden, "reason_class": "organisation", **fields})


# --- all nurses ---------------------------------------------------------------------------------


def test_the_list_has_a_line_for_every_nurse_with_a_route_and_names_the_others(day):
    _nurse, _visits = day
    free = make_nurse(last_name="Quiet")
    with at_the_desk() as client:
        page = client.get(list_url()).content.decode()
    assert page.count("Torres") >= 1
    assert "Not published" in page
    assert "1 nurse without a visit" in page
    assert free.listed_name in page
    assert "Abara" not in page  # figures only: nobody's chart is read here
    assert not Event.objects.filter(action="chart_read").exists()


def test_the_list_costs_as_many_queries_for_many_nurses_as_for_few(day, django_assert_max_num_queries):
    with at_the_desk() as client:
        client.get(list_url())
        with django_assert_max_num_queries(26) as few:
            client.get(list_url())
        for _each in range(4):
            other = make_nurse()
            short_visit(other, 9)
            routes.publish(nurse_id=other.pk, on=ON, by=make_user(), now=NOW)
        with django_assert_max_num_queries(len(few)):
            client.get(list_url())


def test_what_does_not_fit_comes_first_and_says_which_stop(day):
    nurse, _visits = day
    make_time_off(nurse, at(ON, 13, 30), at(ON, 16))
    with at_the_desk() as client:
        page = client.get(list_url()).content.decode()
    assert "Stop 3: The nurse is away then." in page
    assert "1 route does not fit" in page


@pytest.mark.parametrize("said", ["2026-13-40", "", "x", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_is_today(said):
    with at_the_desk() as client:
        page = client.get(f"/staff/routes/?on={said}").content.decode()
    assert "Routes, Mon, Mar 2, 2026" in page


def test_publishing_one_and_all_tells_the_nurse_once(day):
    nurse, _visits = day
    other = make_nurse()
    short_visit(other, 9)
    with at_the_desk() as client:
        first = client.post(day_url(nurse, "publish/"), {"from": "list"})
        assert first.url == list_url()
        assert "Published, version 1" in client.get(list_url()).content.decode()
        client.post(f"/staff/routes/publish/{ON.isoformat()}/")
        page = client.get(list_url()).content.decode()
        assert "Published to 1 nurse." in page
        assert "Publish all" not in page
        again = client.post(day_url(nurse, "publish/"), follow=True).content.decode()
    assert "Nothing has changed since it was published." in again
    assert RouteVersion.objects.count() == 2


# --- one nurse's day ----------------------------------------------------------------------------


def test_the_day_shows_every_time_the_road_and_the_way_home(day):
    nurse, visits = day
    with at_the_desk() as client:
        page = client.get(day_url(nurse)).content.decode()
    for words in ("Abara", "Silva", "Zhou", "Leave by", "Arrive", "8:00 am", "Home base", "Show the map"):
        assert (words in page) == (words != "Show the map")
    assert page.count("google.com/maps/dir") == 3
    assert f'href="/staff/visits/{visits[0].pk}/"' in page
    assert "Gate 4471." in page  # on the sheet that is printed
    assert "G35" not in page


def test_whose_names_are_on_the_page_is_in_the_trail(day):
    nurse, visits = day
    with at_the_desk() as client:
        client.get(day_url(nurse))
    read = Event.objects.filter(action="chart_read", subject=f"route of {ON.isoformat()}")
    assert set(read.values_list("patient_id", flat=True)) == {visit.patient_id for visit in visits}


def test_a_day_costs_as_many_queries_for_many_stops_and_versions_as_for_few(
    day, django_assert_max_num_queries
):
    nurse, visits = day
    routes.publish(nurse_id=nurse.pk, on=ON, by=make_user(), now=NOW)
    booking.cancel_visit(visit_id=visits[0].pk, by=make_user(), reason_class="patient", now=NOW)
    with at_the_desk() as client:
        client.get(day_url(nurse))
        with django_assert_max_num_queries(32) as few:
            client.get(day_url(nurse))
        for hour in (8, 17):
            short_visit(nurse, hour)
        with django_assert_max_num_queries(len(few)):
            client.get(day_url(nurse))


def test_the_history_says_what_each_version_changed_and_whether_she_read_it(day):
    nurse, visits = day
    routes.publish(nurse_id=nurse.pk, on=ON, by=make_user(first_name="Carla", last_name="Diaz"), now=NOW)
    routes.seen(on=ON, version=1, by=nurse.user, now=NOW)
    booking.move_visit(visit_id=visits[0].pk, nurse_id=nurse.pk, starts_at=at(ON, 7, 30), by=make_user(),
                       reason_class="patient", now=NOW)  # fmt: skip
    booking.cancel_visit(visit_id=visits[2].pk, by=make_user(), reason_class="patient", now=NOW)
    with at_the_desk() as client:
        page = client.get(day_url(nurse)).content.decode()
    assert "Version 3" in page
    assert "Carla Diaz" in page
    assert "Pat Abara: from 8:00 am to 7:30 am" in page
    assert "Pat Zhou: no longer at 2:00 pm" in page
    assert page.count("Not read yet") == 2
    read = Event.objects.filter(action="chart_read", patient=visits[2].patient)
    assert read.exists()


def test_the_map_is_asked_for_and_only_where_there_is_one(day, settings):
    nurse, _visits = day
    with at_the_desk() as client:
        assert "<image" not in client.get(day_url(nurse, "?map=1")).content.decode()
        settings.MAP_TILE_URL = "https://tiles.example/{z}/{x}/{y}.png"
        page = client.get(day_url(nurse)).content.decode()
        assert "tiles.example/" not in page
        assert "Show map" in page
        shown = client.get(day_url(nurse, "?map=1")).content.decode()
    assert re.search(r'<image href="https://tiles\.example/\d+/\d+/\d+\.png"', shown)
    assert "Hide the map" in shown


def test_the_road_is_drawn_where_a_service_tells_it_and_straight_lines_are_called_so(day, settings):
    nurse, _visits = day
    with osrm_server.osrm_server() as server, at_the_desk() as client:
        settings.OSRM_URL = server.url
        page = client.get(day_url(nurse)).content.decode()
        assert "route-road" in page
        assert "the lines are straight" not in page
        assert "Drive times are estimated" not in page
        server.ill = osrm_server.no_route
        cache.clear()
        page = client.get(day_url(nurse)).content.decode()
    assert "route-road" not in page
    assert "the lines are straight" in page


def test_a_day_of_nobodys_is_not_found_and_an_empty_one_says_so():
    nurse = make_nurse()
    with at_the_desk() as client:
        assert client.get(f"/staff/routes/{nurse.pk + 99}/{ON.isoformat()}/").status_code == 404
        assert client.get(f"/staff/routes/{nurse.pk}/9999-12-31/").status_code == 404
        assert client.get(f"/staff/routes/{nurse.pk}/2026-02-30/").status_code == 404
        assert "No visits on" in client.get(day_url(nurse)).content.decode()
        assert "No visits on this day." in client.get(day_url(nurse, "order/")).content.decode()


# --- another order ------------------------------------------------------------------------------


def test_the_effect_of_an_order_is_shown_before_anything_is_saved(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        page = client.get(order_url(nurse, first, near, far)).content.decode()
    assert "2:00 pm" in page and "9:15 am" in page
    assert "Is told by e-mail." in page
    assert "2 visits get new times." in page
    assert "Save this order" in page
    assert not Visit.objects.filter(state="moved").exists()


def test_what_the_new_order_makes_tight_or_late_is_said_beforehand(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        page = client.get(order_url(nurse, first, near, far)).content.decode()
        assert "minutes to spare before this visit" in page
        early = make_nurse(hours=(time(7), time(12, 15)))
        away, close = short_visit(early, 8, place=FORT_WORTH), short_visit(early, 10, minute=30)
        assert client.get(order_url(early, away, close)).context["shown"].cautions == ()
        late = client.get(order_url(early, close, away)).context["shown"]
    assert late.savable
    assert [caution.code for caution in late.cautions] == ["HOME_LATE"]


@pytest.mark.parametrize("said", ["up", "number"])
def test_a_visit_goes_up_by_a_button_or_by_its_number(day, said):
    nurse, (first, far, near) = day
    more = {"up": near.pk} if said == "up" else {f"place-{near.pk}": 2}
    with at_the_desk() as client:
        shown = client.get(order_url(nurse, first, far, near, **more)).context["shown"]
    assert [line.visit.pk for line in shown.lines] == [first.pk, near.pk, far.pk]


def test_a_visit_goes_down_by_its_number_past_the_one_that_had_it(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        shown = client.get(order_url(nurse, first, far, near, **{f"place-{first.pk}": 2})).context["shown"]
    assert [line.visit.pk for line in shown.lines] == [far.pk, first.pk, near.pk]


def test_saving_moves_what_was_shown_and_goes_back_to_the_day(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        page = client.get(order_url(nurse, first, near, far)).content.decode()
        answer = save(client, nurse, page, note="A shorter way round.")
        assert (answer.status_code, answer.url) == (302, day_url(nurse))
        assert "Saved: 2 visits have new times." in client.get(answer.url).content.decode()
    live = Visit.objects.filter(nurse=nurse, state="booked").order_by("starts_at")
    assert [visit.patient.last_name for visit in live] == ["Abara", "Zhou", "Silva"]


def test_a_day_that_changed_meanwhile_is_shown_again_and_nothing_typed_is_lost(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        page = client.get(order_url(nurse, first, near, far)).content.decode()
        booking.move_visit(visit_id=first.pk, nurse_id=nurse.pk, starts_at=at(ON, 7), by=make_user(),
                           reason_class="patient", now=NOW)  # fmt: skip
        answer = save(client, nurse, page, note="A shorter way round.")
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Look again" in said
    assert "A shorter way round." in said
    assert Visit.objects.filter(state="moved").count() == 1


def test_without_whose_reason_it_is_the_form_comes_back(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        page = client.get(order_url(nurse, first, near, far)).content.decode()
        answer = save(client, nurse, page, reason_class="")
    assert answer.status_code == 422
    assert "Choose whose reason it is." in answer.content.decode()
    # Both pages showed whose visits these are.
    assert Event.objects.filter(action="chart_read", subject=f"order of {ON.isoformat()}").count() == 6


def test_a_confirmed_visit_moves_only_when_its_box_is_ticked(day):
    nurse, (first, far, near) = day
    outcomes.confirm_visit(visit_id=near.pk, by=make_user(), now=NOW)
    with at_the_desk() as client:
        kept = client.get(order_url(nurse, near, first, far)).content.decode()
        page = client.get(order_url(nurse, near, first, far, may=near.pk)).content.decode()
        save(client, nurse, page)
    assert "Confirmed: keeps its time" in kept
    assert "Must confirm again." in page
    near.refresh_from_db()
    assert near.state == "moved"


def test_what_stands_in_the_way_is_beside_the_visit_and_there_is_no_button_to_save(day):
    nurse, (first, far, near) = day
    for visit in (first, near):
        outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW)
    with at_the_desk() as client:
        page = client.get(order_url(nurse, near, first, far)).content.decode()
        tried = client.post(day_url(nurse, "order/"), {
            "order": f"{near.pk},{first.pk},{far.pk}", "reason_class": "organisation",
            "shown": client.get(order_url(nurse, near, first, far)).context["shown"].effect.signature,
        })  # fmt: skip
    assert "This visit keeps its time, and that is before the visit it would follow." in page
    assert "This order is not possible." in page
    assert "Save this order" not in page
    assert tried.status_code == 422
    assert "Abara, Pat: This visit keeps its time" in tried.content.decode()


def test_a_reason_is_asked_for_where_booking_asks_for_one():
    nurse = make_nurse()
    dose = make_dose(make_prescription(make_patient()), ready=False)
    visit = make_visit(dose, nurse, at(ON, 12), override="The papers come by fax.")
    Visit.objects.filter(pk=visit.pk).update(override_codes=[], override_reason="", override_by=None)
    first = short_visit(nurse, 8)
    with at_the_desk() as client:
        page = client.get(order_url(nurse, visit, first)).content.decode()
        assert "Needs a reason:" in page
        assert save(client, nurse, page).status_code == 422
        assert save(client, nurse, page, override="They came by fax.").status_code == 302
    assert Visit.objects.get(moved_from=visit).override_reason == "They came by fax."


@pytest.mark.parametrize(
    "query",
    [
        "order=x,-1,99999999999999999999,%00",
        "up=7&down=7",
        "place-1=0&place-x=1",
        "start=25:00&gaps=2",
        "may=a",
    ],
)
def test_what_cannot_be_read_in_an_address_is_the_day_as_it_stands(day, query):
    nurse, visits = day
    with at_the_desk() as client:
        shown = client.get(day_url(nurse, f"order/?{query}")).context["shown"]
    assert [line.visit.pk for line in shown.lines] == [visit.pk for visit in visits]
    assert shown.moved == 0


def test_the_day_may_begin_at_another_quarter_hour(day):
    nurse, (first, far, near) = day
    with at_the_desk() as client:
        shown = client.get(order_url(nurse, first, far, near, start="07:00")).context["shown"]
    assert [line.after for line in shown.lines] == ["7:00 am", "", ""]
