"""What differs between two versions of a nurse's day, as she should hear it. Pure.

Stops are those of `RouteVersion.stops`; times are ISO strings of UTC moments. A visit that was moved is the same stop
under another id: `root` names the first row of its chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NEW, MOVED, LEAVE, GONE = "new", "moved", "leave", "gone"
Stop = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One stop that is new, moved (`was_at`: its start before), gone, or left for at another time (`was_at`: when it
    was to be left for). `visit` is its id now; of a stop that is gone, as it was."""

    kind: str
    root: int
    visit: int
    was_at: datetime | None = None


def between(before: Iterable[Stop], after: Iterable[Stop]) -> list[Change]:
    """What a nurse who knows `before` must hear about `after`, in the order of the day; what is gone comes last."""
    known = {root_of(stop): stop for stop in before}
    found = [change for stop in after if (change := _change(known.pop(root_of(stop), None), stop))]
    return found + [
        Change(GONE, root, stop["visit"], datetime.fromisoformat(stop["starts_at"]))
        for root, stop in known.items()
    ]


def root_of(stop: Stop) -> int:
    return int(stop.get("root", stop["visit"]))


def _change(old: Stop | None, new: Stop) -> Change | None:
    root, visit = root_of(new), int(new["visit"])
    if old is None:
        return Change(NEW, root, visit)
    if old["starts_at"] != new["starts_at"]:
        return Change(MOVED, root, visit, datetime.fromisoformat(old["starts_at"]))
    if old["leave_by"] != new["leave_by"]:
        return Change(LEAVE, root, visit, datetime.fromisoformat(old["leave_by"]))
    if old["ends_at"] != new["ends_at"]:
        return Change(MOVED, root, visit, datetime.fromisoformat(old["starts_at"]))
    return None
