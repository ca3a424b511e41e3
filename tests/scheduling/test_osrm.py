"""What is taken from an OSRM server, and that everything else it may answer is no answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from scheduling import osrm
from scheduling.osrm import Leg, NoAnswer
from tests.scheduling import osrm_server as fake
from tests.scheduling.osrm_server import FakeOsrm

HOME, OFFICE, FARM = (32.7767, -96.7970), (32.7555, -97.3308), (33.1, -96.1)


@pytest.fixture
def server() -> Iterator[FakeOsrm]:
    with fake.osrm_server() as server:
        yield server


def test_each_leg_has_its_own_minutes_rounded_up_and_its_metres(server):
    server.road = lambda a, b: 1201.3 if a == HOME else 60
    found = list(osrm.legs(server.url, [HOME, OFFICE], [FARM]))
    assert found == [(HOME, FARM, Leg(21, 18620)), (OFFICE, FARM, Leg(1, 930))]


def test_the_question_is_the_one_the_table_service_knows(server):
    list(osrm.legs(server.url + "/maps/", [HOME], [OFFICE, FARM]))
    assert server.asked == [([HOME], [OFFICE, FARM])]


def test_no_road_is_none_and_not_a_failure(server):
    server.road = lambda a, b: None if b == FARM else 600
    assert list(osrm.legs(server.url, [HOME], [FARM, OFFICE])) == [
        (HOME, FARM, None),
        (HOME, OFFICE, Leg(10, 9300)),
    ]


def test_a_place_outside_the_servers_map_has_no_road_however_near_the_answer_says(server):
    server.road = lambda a, b: 0.0  # both ends moved to the same edge of the map
    server.snapped = lambda place: 90_000.0 if place == FARM else 12.0
    assert [leg for _, _, leg in osrm.legs(server.url, [HOME, FARM], [FARM, OFFICE])] == [
        None, Leg(0, 0), None, None,
    ]  # fmt: skip


def test_a_day_on_the_road_is_no_drive(server):
    server.road = lambda a, b: 86_400
    assert [leg for _, _, leg in osrm.legs(server.url, [HOME], [OFFICE])] == [None]


@pytest.mark.parametrize(("rows", "columns"), [(1, 250), (250, 1), (3, 220), (120, 130), (50, 50)])
def test_many_places_are_asked_for_in_parts_of_a_hundred_and_each_pair_once(server, rows, columns):
    sources = [(32 + n / 1000, -97.0) for n in range(rows)]
    targets = [(33 + n / 1000, -96.0) for n in range(columns)]
    pairs = [(a, b) for a, b, _leg in osrm.legs(server.url, sources, targets, seconds=60)]
    assert sorted(pairs) == sorted((a, b) for a in sources for b in targets)
    assert all(len(one) + len(other) <= 100 for one, other in server.asked)
    fewest = {(1, 250): 3, (250, 1): 3, (3, 220): 3, (120, 130): 9, (50, 50): 1}
    assert len(server.asked) == fewest[rows, columns]


def test_nothing_is_asked_about_nobody(server):
    assert list(osrm.legs(server.url, [], [HOME])) == list(osrm.legs(server.url, [HOME], [])) == []
    assert server.asked == []


@pytest.mark.parametrize(
    ("ill", "sentence"),
    [
        (fake.no_table, "it answered 400"),
        (fake.no_table_with_200, "it did not say Ok"),
        (fake.too_many_requests, "it answered 429"),
        (fake.broken, "it answered 500"),
        (fake.moved, "it answered 302"),
        (fake.garbage, "UnicodeDecodeError"),
        (fake.a_list, "it did not say Ok"),
        (fake.nested, "RecursionError"),
        (fake.endless, "the answer is too long"),
        (fake.cut_off, "JSONDecodeError"),
        (fake.hung_up, "RemoteDisconnected"),
        (fake.says(durations=...), "its table has another size"),
        (fake.says(durations=[]), "its table has another size"),
        (fake.says(durations=[[60, 60]]), "its table has another size"),
        (fake.says(durations=[[60], [60]]), "its table has another size"),
        (fake.says(durations={"0": [60]}), "its table has another size"),
        (fake.says(distances=[[]]), "its table has another size"),
        (fake.says(durations=[["60"]]), "its table holds something that is no number"),
        (fake.says(durations=[[True]]), "its table holds something that is no number"),
        (fake.says(durations=[[-1]]), "its table holds something that is no number"),
        (fake.says(durations=[[float("nan")]]), "its table holds something that is no number"),
        (fake.says(durations=[[float("inf")]]), "its table holds something that is no number"),
        (fake.says(sources=...), "it does not say which places it took"),
        (fake.says(destinations=[]), "it does not say which places it took"),
    ],
)
def test_whatever_is_not_the_answer_is_no_answer_and_names_no_place(server, ill, sentence):
    server.ill = ill
    with pytest.raises(NoAnswer) as refused:
        list(osrm.legs(server.url, [HOME], [OFFICE]))
    assert str(refused.value) == sentence


@pytest.mark.parametrize("ill", [fake.silent, fake.dripping])
def test_a_slow_server_costs_no_more_than_the_time_there_is(server, ill):
    server.ill = ill  # it would keep us for half a minute, and then hang up
    with pytest.raises(NoAnswer, match="it took too long"):
        list(osrm.legs(server.url, [HOME], [OFFICE], seconds=0.3))
    if ill is fake.dripping:  # no single wait was too long: it was the whole that was
        assert server.left_alone.wait(10)


def test_no_single_question_waits_longer_than_two_seconds():
    assert osrm.MOST_SECONDS <= 2


def test_what_came_before_the_failure_is_given(server):
    def then_ill(handler, body):
        if len(server.asked) > 1:
            fake.broken(handler, body)
        else:
            fake.says()(handler, body)

    server.ill, found = then_ill, []
    targets = [(33 + n / 1000, -96.0) for n in range(150)]
    answers = osrm.legs(server.url, [HOME], targets)
    with pytest.raises(NoAnswer):
        while True:
            found.append(next(answers))
    assert len(found) == 99


def test_nobody_at_home_is_no_answer():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        list(osrm.legs(f"http://127.0.0.1:{port}", [HOME], [OFFICE]))


def test_a_proxy_of_the_machine_is_never_told_where_patients_live(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert list(osrm.legs(server.url, [HOME], [OFFICE]))


# --- The route service -------------------------------------------------------------------------


def test_a_route_has_a_leg_between_each_two_places_and_a_line_to_draw(server):
    server.road = lambda a, b: 1201.3 if a == HOME else 60
    found = osrm.route(server.url, [HOME, OFFICE, FARM])
    assert found.legs == (Leg(21, 18620), Leg(1, 930))
    assert found.line[0] == HOME and found.line[-1] == FARM and OFFICE in found.line
    assert server.routed == [[HOME, OFFICE, FARM]]


@pytest.mark.parametrize("ill", [fake.no_route, fake.too_big])
def test_that_there_is_no_such_route_is_an_answer(server, ill):
    server.ill = ill
    assert osrm.route(server.url, [HOME, OFFICE]) is None


def test_a_route_to_a_place_outside_the_servers_map_is_none(server):
    server.snapped = lambda place: 90_000.0 if place == FARM else 12.0
    assert osrm.route(server.url, [HOME, FARM]) is None


def as_route(**changed):
    whole = {
        "geometry": {"type": "LineString", "coordinates": [[-96.8, 32.8], [-97.3, 32.7]]},
        "legs": [{"duration": 60, "distance": 900}],
    }
    parts = {name: part for name, part in {**whole, **changed}.items() if part is not ...}
    return fake.says(routes=[parts])


@pytest.mark.parametrize(
    ("ill", "sentence"),
    [
        (fake.invalid, "it did not say Ok"),
        (fake.broken, "it answered 500"),
        (fake.garbage, "UnicodeDecodeError"),
        (fake.a_list, "it did not say Ok"),
        (fake.says(routes=[]), "it did not say Ok"),
        (fake.says(routes=...), "it did not say Ok"),
        (fake.says(code=["Ok"]), "it did not say Ok"),
        (fake.says(waypoints=[]), "it does not say which places it took"),
        (as_route(legs=[]), "its route has another number of legs"),
        (as_route(legs=[{"duration": "60", "distance": 1}]), "its route holds something that is no number"),
        (as_route(legs=[{"duration": 60, "distance": -1}]), "its route holds something that is no number"),
        (as_route(geometry=...), "its route has no line"),
        (as_route(geometry="_p~iF~ps|U"), "its route has no line"),
        (as_route(geometry={"coordinates": [[-96.8, 32.8]]}), "its route has no line"),
        (as_route(geometry={"coordinates": [[-96.8, 32.8], [-97.3]]}), "its line leaves the earth"),
        (as_route(geometry={"coordinates": [[-96.8, 32.8], [-97.3, 132.7]]}), "its line leaves the earth"),
        (as_route(geometry={"coordinates": [[-96.8, 32.8], [True, 32.7]]}), "its line leaves the earth"),
        (as_route(geometry={"coordinates": [[-96.8, 32.8], [float("nan"), 32.7]]}), "its line leaves the earth"),
    ],
)  # fmt: skip
def test_whatever_is_no_route_is_no_answer_and_names_no_place(server, ill, sentence):
    server.ill = ill
    with pytest.raises(NoAnswer) as refused:
        osrm.route(server.url, [HOME, OFFICE])
    assert str(refused.value) == sentence


def test_a_slow_route_costs_no_more_than_the_time_there_is(server):
    server.ill = fake.silent
    with pytest.raises(NoAnswer, match="it took too long"):
        osrm.route(server.url, [HOME, OFFICE], seconds=0.2)
