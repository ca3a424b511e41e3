"""A visit put between two stops of a proposal, what comes after it moved back: how much longer would her day be?"""

from __future__ import annotations

from scheduling.planning.routing.gaps import Desk
from scheduling.planning.routing.problem import DAY, Window


def longer(desk: Desk, s: int, v: int, window: Window, most: int) -> int | None:
    """Seconds by which the hours of shift `s` must end later for visit `v` to begin in `window`, at most `most`.

    Her other stops keep their order, those before `v` their times too, each its window and pinned ones their start.
    0 when moving them is enough; None when nothing helps. Behind the last stop is a gap, and not asked here.
    """
    found = [_inserted(desk, s, v, window, k, most) for k in range(len(desk.routes.get(s, ())))]
    return min((more for more in found if more is not None), default=None)


def _inserted(desk: Desk, s: int, v: int, window: Window, k: int, most: int) -> int | None:
    shift, home = desk.shifts[s], len(desk.duration) + int(desk.nurse[s])
    stops = desk.routes[s]
    at, free, end = home, shift.start, 0
    if k:
        at, start = stops[k - 1]
        free = start + int(desk.duration[at])
    for place, (low, high) in [
        (v, (window.first, window.last)),
        *((x, _bounds(desk, x, y)) for x, y in stops[k:]),
    ]:
        begin = _begin(desk, s, place, max(free + int(desk.seconds[at, place]), low), most)
        if begin is None or begin > high:
            return None
        at, free = place, begin + int(desk.duration[place])
        end = max(end, free)
    spans = shift.spans or ((shift.start, shift.end),)
    more = max(end - spans[-1][1], free + int(desk.seconds[at, home]) - shift.end, 0)
    return more if more <= most else None


def _bounds(desk: Desk, v: int, start: int) -> tuple[int, int]:
    """No sooner than proposed, no later than its window lets it; a pinned one as it is."""
    visit = desk.problem.visits[v]
    if visit.pin is not None:
        return start, start
    return start, max((w.last for w in visit.windows if w.first <= start <= w.last), default=start)


def _begin(desk: Desk, s: int, v: int, earliest: int, most: int) -> int | None:
    """The first start from `earliest` on that lies in her hours, the last of them longer by `most`."""
    shift, step = desk.shifts[s], desk.problem.step
    spans = shift.spans or ((shift.start, shift.end),)
    pinned = desk.problem.visits[v].pin is not None
    for number, (low, high) in enumerate(spans, start=1):
        start = max(earliest, low, shift.day * DAY)
        if not pinned:
            start = -(-start // step) * step
        if start + int(desk.duration[v]) <= high + (most if number == len(spans) else 0):
            return start if start < (shift.day + 1) * DAY else None
    return None
