"""A server on this machine that answers as OSRM's table and route services do, well or badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

Place = tuple[float, float]
LONGEST_WAIT = 30  # seconds a silent server keeps quiet


class FakeOsrm(ThreadingHTTPServer):
    """`road(a, b)` answers seconds, None for no road. `ill` answers something else: see the functions below."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.road: Callable[[Place, Place], float | None] = lambda a, b: 0 if a == b else 1800
        self.snapped: Callable[[Place], float] = lambda place: 4.2
        self.ill: Callable[[Handler, dict[str, Any]], None] | None = None
        self.asked: list[tuple[list[Place], list[Place]]] = []
        self.routed: list[list[Place]] = []
        self.lock, self.released, self.left_alone = Lock(), Event(), Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: FakeOsrm
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        start, _, where = parts.path.rpartition("/")
        asked = parse_qs(parts.query, strict_parsing=True)
        places = [(float(lat), float(lng)) for lng, lat in (place.split(",") for place in where.split(";"))]
        if start.endswith("/route/v1/driving"):
            assert asked["geometries"] == ["geojson"] and asked["overview"] == ["simplified"]
            with self.server.lock:
                self.server.routed.append(places)
            self.answer(self.route(places))
            return
        assert start.endswith("/table/v1/driving"), parts.path
        assert asked["annotations"] == ["duration,distance"]
        sources = [places[int(n)] for n in asked["sources"][0].split(";")]
        targets = [places[int(n)] for n in asked["destinations"][0].split(";")]
        with self.server.lock:
            self.server.asked.append((sources, targets))
        self.answer(self.table(sources, targets))

    def answer(self, body: dict[str, Any]) -> None:
        if self.server.ill is not None:
            self.server.ill(self, body)
        else:
            self.say(200, json.dumps(body).encode())

    def table(self, sources: list[Place], targets: list[Place]) -> dict[str, Any]:
        took = [[self.server.road(a, b) for b in targets] for a in sources]
        return {
            "code": "Ok",
            "durations": took,
            "distances": [[None if s is None else s * 15.5 for s in row] for row in took],
            "sources": [self.waypoint(place) for place in sources],
            "destinations": [self.waypoint(place) for place in targets],
        }

    def route(self, places: list[Place]) -> dict[str, Any]:
        """A road that turns once between two places, north first."""
        took = [self.server.road(a, b) for a, b in pairwise(places)]
        line = [
            place
            for (lat, lng), (to_lat, to_lng) in pairwise(places)
            for place in ([lng, lat], [lng, to_lat])
        ]
        line.append([places[-1][1], places[-1][0]])
        legs = [
            {"steps": [], "duration": s, "distance": (s or 0) * 15.5, "summary": "", "weight": s}
            for s in took
        ]
        return {
            "code": "Ok",
            "routes": [{"geometry": {"type": "LineString", "coordinates": line}, "legs": legs}],
            "waypoints": [self.waypoint(place) for place in places],
        }

    def waypoint(self, place: Place) -> dict[str, Any]:
        lat, lng = place
        moved = self.server.snapped(place)
        return {"hint": "5B8AgP___38", "distance": moved, "name": "Elm Street", "location": [lng, lat]}

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the address holds the places."""


@contextmanager
def osrm_server() -> Iterator[FakeOsrm]:
    server = FakeOsrm()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


# --- Ill ways to answer ------------------------------------------------------------------------


def no_table(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(400, b'{"code":"NoTable","message":"No route found between points"}')


def no_route(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(400, b'{"code":"NoRoute","message":"Impossible route between points"}')


def too_big(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(400, b'{"code":"TooBig","message":"Too many trace coordinates"}')


def invalid(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(400, b'{"code":"InvalidQuery"}')


def no_table_with_200(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(200, b'{"code":"NoTable"}')


def too_many_requests(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(429, b"slow down", Retry_After="60")


def broken(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(500, b"Internal Server Error")


def moved(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(302, b"", Location="http://127.0.0.1:1/elsewhere")


def garbage(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(200, b"<html>\xff\x00 not what you asked")


def a_list(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(200, b"[1, 2]")


def nested(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(200, b"[" * 200_000)


def endless(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(200, b" " * 5_000_000)


def cut_off(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(200, json.dumps(body).encode()[:-30] + b" ", Content_Length="100000")
    handler.close_connection = True


def hung_up(handler: Handler, body: dict[str, Any]) -> None:
    handler.close_connection = True


def silent(handler: Handler, body: dict[str, Any]) -> None:
    handler.server.released.wait(LONGEST_WAIT)


def dripping(handler: Handler, body: dict[str, Any]) -> None:
    """A byte now and then, so that no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(LONGEST_WAIT * 20):
        if handler.server.released.wait(0.05):
            return
        try:
            handler.wfile.write(b" ")
        except OSError:  # whoever asked has hung up
            handler.server.left_alone.set()
            return


def says(**changed: Any) -> Callable[[Handler, dict[str, Any]], None]:
    """The right answer with some of its parts replaced; a part that is ... is left out."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        parts = {name: part for name, part in {**body, **changed}.items() if part is not ...}
        handler.say(200, json.dumps(parts).encode())

    return answer
