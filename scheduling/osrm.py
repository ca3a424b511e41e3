"""Minutes of road, and the line of it, from an OSRM server: its table and route services over HTTP.

Asks one server of ours and never a proxy, follows no redirect, and names no place in an error: the places
are homes of patients. API: https://project-osrm.org/docs/v5.24.0/api/#table-service and #route-service
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from math import ceil, isfinite
from socket import SHUT_RDWR, socket
from threading import Timer
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

MOST_PLACES = 100  # in one question: what a server allows when nobody told it otherwise
MOST_SECONDS = 2.0  # for one question, from the first knock to the last byte
MOST_BYTES = 4_000_000
SNAPPED_METRES = (
    1_000  # a place further from any road lies outside the server's map: its answer means nothing
)
DAY_SECONDS = 86_400
# What the route service answers, with 400, when it is well and there is no such road.
NO_ROAD = frozenset({"NoRoute", "NoSegment", "TooBig"})

Place = tuple[float, float]  # latitude, longitude in degrees


class NoAnswer(Exception):
    """The server gave nothing usable. The sentence holds no place."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The road between two places: whole minutes, rounded up, without parking; metres."""

    minutes: int
    metres: int


@dataclass(frozen=True, slots=True)
class Route:
    """The road through some places in order: its legs, and its line simplified for a picture."""

    legs: tuple[Leg, ...]
    line: tuple[Place, ...]


def route(base_url: str, places: Sequence[Place], *, seconds: float = MOST_SECONDS) -> Route | None:
    """The road from the first place over the others to the last; at least two. None without one. Raises NoAnswer."""
    path = f"/route/v1/driving/{_where(places)}?overview=simplified&geometries=geojson&steps=false"
    answer = _ask(base_url, path, min(seconds, MOST_SECONDS), also=400)
    code = answer.get("code") if isinstance(answer, dict) else None
    if isinstance(code, str) and code in NO_ROAD:
        return None
    routes = answer.get("routes") if code == "Ok" else None
    if not isinstance(routes, list) or not routes or not isinstance(routes[0], dict):
        raise NoAnswer("it did not say Ok")
    if not all(_on_road(answer.get("waypoints"), len(places))):
        return None
    geometry = routes[0].get("geometry")
    line = _line(geometry.get("coordinates") if isinstance(geometry, dict) else None)
    return Route(_legs(routes[0].get("legs"), len(places) - 1), line)


def legs(
    base_url: str, sources: Sequence[Place], targets: Sequence[Place], *, seconds: float = MOST_SECONDS
) -> Iterator[tuple[Place, Place, Leg | None]]:
    """Every leg from a source to a target, None without a road, as the answers come in. Raises NoAnswer.

    `seconds` is for all questions together. What was given before NoAnswer is good.
    """
    until = monotonic() + seconds
    for some_sources, some_targets in _questions(sources, targets):
        left = min(MOST_SECONDS, until - monotonic())
        if left <= 0:
            raise NoAnswer("it took too long")
        answer = _ask(base_url, _table(some_sources, some_targets), left)
        yield from _read(answer, some_sources, some_targets)


def _questions(
    sources: Sequence[Place], targets: Sequence[Place]
) -> Iterator[tuple[Sequence[Place], Sequence[Place]]]:
    """The product of both in parts of MOST_PLACES together; few against many in as few parts as can be."""
    if not sources or not targets:
        return
    fewer = min(len(sources), len(targets), MOST_PLACES // 2)
    step, other = (
        (fewer, MOST_PLACES - fewer) if len(sources) <= len(targets) else (MOST_PLACES - fewer, fewer)
    )
    for row in range(0, len(sources), step):
        for column in range(0, len(targets), other):
            yield sources[row : row + step], targets[column : column + other]


def _table(sources: Sequence[Place], targets: Sequence[Place]) -> str:
    first = ";".join(map(str, range(len(sources))))
    last = ";".join(map(str, range(len(sources), len(sources) + len(targets))))
    return (
        f"/table/v1/driving/{_where([*sources, *targets])}"
        f"?sources={first}&destinations={last}&annotations=duration,distance"
    )


def _where(places: Sequence[Place]) -> str:
    return ";".join(f"{lng:.5f},{lat:.5f}" for lat, lng in places)


def _ask(base_url: str, path: str, seconds: float, *, also: int = 200) -> Any:
    """The JSON of a 200, or of the status `also`. Raises NoAnswer."""
    parts = urlsplit(base_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    until = monotonic() + seconds
    # A name may stand for two addresses, each tried for its own half.
    server = kind(parts.hostname or "", parts.port, timeout=seconds / 2)
    try:
        return json.loads(_body(server, parts.path.rstrip("/") + path, until, {200, also}))
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        if isinstance(error, TimeoutError) or monotonic() >= until:
            raise NoAnswer("it took too long") from None
        # The kind of the error only: its sentence may quote the address, which holds the places.
        raise NoAnswer(type(error).__name__) from None


def _body(server: HTTPConnection, path: str, until: float, good: Collection[int]) -> bytes:
    """The bytes of an answer with a good status.

    A socket's time-out counts from byte to byte; the timer ends a server that drips.
    """
    with closing(server):
        server.connect()
        left = max(until - monotonic(), 0.001)
        server.sock.settimeout(left)
        alarm = Timer(left, _hang_up, [server.sock])
        alarm.daemon = True
        alarm.start()
        try:
            server.request("GET", path, headers={"Accept": "application/json"})
            answer = server.getresponse()
            if answer.status not in good:
                raise NoAnswer(f"it answered {answer.status}")
            body = answer.read(MOST_BYTES + 1)
        finally:
            alarm.cancel()
    if len(body) > MOST_BYTES:
        raise NoAnswer("the answer is too long")
    return body


def _hang_up(line: socket) -> None:
    with suppress(OSError):  # it hung up itself
        line.shutdown(SHUT_RDWR)


def _read(
    answer: Any, sources: Sequence[Place], targets: Sequence[Place]
) -> Iterator[tuple[Place, Place, Leg | None]]:
    """The legs of an answer that is what was asked for. Raises NoAnswer."""
    if not isinstance(answer, dict) or answer.get("code") != "Ok":
        raise NoAnswer("it did not say Ok")
    seconds = _matrix(answer.get("durations"), len(sources), len(targets))
    metres = _matrix(answer.get("distances"), len(sources), len(targets))
    from_road = _on_road(answer.get("sources"), len(sources))
    to_road = _on_road(answer.get("destinations"), len(targets))
    for row, source in enumerate(sources):
        for column, target in enumerate(targets):
            took, far = seconds[row][column], metres[row][column]
            known = took is not None and took < DAY_SECONDS and from_road[row] and to_road[column]
            yield source, target, Leg(ceil((took or 0) / 60), round(far or 0)) if known else None


def _matrix(rows: Any, height: int, width: int) -> list[list[float | None]]:
    if not isinstance(rows, list) or len(rows) != height:
        raise NoAnswer("its table has another size")
    for row in rows:
        if not isinstance(row, list) or len(row) != width:
            raise NoAnswer("its table has another size")
        if not all(cell is None or _amount(cell) for cell in row):
            raise NoAnswer("its table holds something that is no number")
    return rows


def _amount(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool) and isfinite(cell) and cell >= 0


def _on_road(waypoints: Any, count: int) -> list[bool]:
    """Whether each place lies on the server's map: how far it was moved to meet a road."""
    if not isinstance(waypoints, list) or len(waypoints) != count:
        raise NoAnswer("it does not say which places it took")
    return [
        isinstance(point, dict) and _amount(moved := point.get("distance", 0)) and moved <= SNAPPED_METRES
        for point in waypoints
    ]


def _legs(told: Any, count: int) -> tuple[Leg, ...]:
    if not isinstance(told, list) or len(told) != count:
        raise NoAnswer("its route has another number of legs")
    for leg in told:
        if not isinstance(leg, dict) or not _amount(leg.get("duration")) or not _amount(leg.get("distance")):
            raise NoAnswer("its route holds something that is no number")
    return tuple(Leg(ceil(leg["duration"] / 60), round(leg["distance"])) for leg in told)


def _line(points: Any) -> tuple[Place, ...]:
    """Latitude and longitude of each point; GeoJSON says longitude first."""
    if not isinstance(points, list) or len(points) < 2:
        raise NoAnswer("its route has no line")
    for point in points:
        if not isinstance(point, list) or len(point) != 2 or not _on_earth(*point):
            raise NoAnswer("its line leaves the earth")
    return tuple((float(lat), float(lng)) for lng, lat in points)


def _on_earth(lng: Any, lat: Any) -> bool:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (lng, lat))
    return numbers and abs(lng) <= 180 and abs(lat) <= 90
