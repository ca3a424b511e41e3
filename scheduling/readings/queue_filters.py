"""How the queue is narrowed: plain values from the address, counted, never a name or a number of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.models import Visit
from scheduling.readings.patient_list import drug_name
from scheduling.readings.queue import Line

SOON = 7  # days until the latest date
SHOWN: dict[str, tuple[Any, Callable[[Line], bool]]] = {
    "": (gettext_lazy("All"), lambda line: True),
    "overdue": (gettext_lazy("Overdue"), lambda line: line.days_left < 0),
    "week": (gettext_lazy("Late soon"), lambda line: 0 <= line.days_left <= SOON),
    "ready": (gettext_lazy("Bookable"), lambda line: not line.blocked),
    "blocked": (gettext_lazy("Blocked"), lambda line: line.blocked and not line.on_hold),
    "hold": (gettext_lazy("On hold"), lambda line: line.on_hold),
}
READ: dict[str, tuple[Any, Callable[[Line], str]]] = {
    "kind": (gettext_lazy("All kinds"), lambda line: line.kind),
    "drug": (gettext_lazy("All drugs"), lambda line: line.drug_code),
    "city": (gettext_lazy("All cities"), lambda line: line.patient.city),
    "language": (gettext_lazy("All languages"), lambda line: line.patient.language),
    "wish": (gettext_lazy("All wishes"), lambda line: line.patient.prefers),
}


@dataclass(frozen=True)
class Wished:
    """What the address asks for; "" is everything."""

    show: str = ""
    kind: str = ""
    drug: str = ""
    city: str = ""
    language: str = ""
    wish: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wished:
        """From a query string; an unknown `show` counts as none, everything is cut to a sane length."""
        said = {name: str(query.get(name, ""))[:60] for name in cls.__dataclass_fields__}
        return cls(**said | {"show": said["show"] if said["show"] in SHOWN else ""})

    @property
    def narrowed(self) -> bool:
        return any(asdict(self).values())

    @property
    def values(self) -> list[tuple[str, str]]:
        """Name and value of what is asked for, to be carried through a form."""
        return [(name, value) for name, value in asdict(self).items() if value]

    def address(self, **changed: str) -> str:
        """The query string of this, with some values changed; "" when nothing is asked for."""
        parts = {name: value for name, value in {**asdict(self), **changed}.items() if value}
        return f"?{urlencode(parts)}" if parts else ""

    def keep(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that fit, in their order."""
        fits = SHOWN[self.show][1]
        return [line for line in self.keep_read(lines) if fits(line)]

    def keep_read(self, lines: Sequence[Line]) -> list[Line]:
        """The lines that fit what the selects say, whatever the tabs say."""
        asked = [(read, value) for name, (_all, read) in READ.items() if (value := getattr(self, name))]
        return [line for line in lines if all(read(line) == value for read, value in asked)]


def tabs(lines: Sequence[Line], wished: Wished) -> list[dict[str, Any]]:
    """The urgency and readiness filters as ui/filters.html shows them, counted within the selects' choice."""
    kept = wished.keep_read(lines)
    return [
        {
            "label": label,
            "url": wished.address(show=name) or "?",
            "current": wished.show == name,
            "count": sum(map(fits, kept)),
        }
        for name, (label, fits) in SHOWN.items()
    ]


def selects(lines: Sequence[Line], wished: Wished) -> list[dict[str, Any]]:
    """The choices of each select, with how many lines have each; one with a single choice is left out."""
    found = []
    for name, (everything, read) in READ.items():
        counted = Counter(value for line in lines if (value := read(line)))
        chosen = getattr(wished, name)
        if len(counted) < 2 and not chosen:
            continue
        options = sorted(((_say(name, value), value, n) for value, n in counted.items()))
        found.append({"name": name, "everything": everything, "options": options, "chosen": chosen})
    return found


def _say(name: str, value: str) -> str:
    if name == "drug":
        return drug_name(value)
    if name == "kind":
        return str(dict(Visit.Kind.choices).get(value, value))
    if name == "language":
        return {"en": _("English"), "es": _("Spanish")}.get(value, value)
    if name == "wish":
        return {"morning": _("Mornings"), "afternoon": _("Afternoons")}.get(value, value)
    return value
