"""How a plan's search goes and what it comes to: the curve, the proof, and the days before and after. No query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling import drawing_plan
from scheduling.models import WeekPlan

SILENT = timedelta(seconds=60)  # a search nobody hears of for so long has lost its worker
UNDER_WAY = (WeekPlan.State.WAITING, WeekPlan.State.RUNNING)


@dataclass(frozen=True)
class Going:
    """A search under way or over: best so far, and what a reader needs beside the curve."""

    plan: WeekPlan
    seconds: int  # since it began; 0 while it waits
    silent: bool
    curve: SafeString
    steps: tuple[tuple[str, str, int], ...]  # seconds, cost, visits placed: each better plan
    placed: int | None  # of the visits the plan is asked for; those booked already are not counted
    wanted: int
    best: str

    @property
    def under_way(self) -> bool:
        return self.plan.state in UNDER_WAY

    @property
    def stopping(self) -> bool:
        return self.under_way and self.plan.stop_asked_at is not None


def going(plan: WeekPlan, *, now: datetime) -> Going:
    """How the search stands at `now`. No query."""
    begun, over = plan.started_at, plan.finished_at
    seconds = int(((over or now) - begun).total_seconds()) if begun else 0
    heard = plan.beat_at or begun or plan.requested_at
    told = [step for step in plan.progress if isinstance(step, dict) and "cost" in step]
    better = _better(told)
    last = told[-1] if told else {}
    fixed = len(plan.about.get("fixed", ()))
    return Going(
        plan=plan,
        seconds=max(seconds, 0),
        silent=plan.state in UNDER_WAY and now - heard > SILENT,
        curve=_curve(plan, better, told, seconds),
        steps=tuple(
            (f"{step['seconds']:.1f}", cost_words(int(step["cost"])), _placed(step, fixed) or 0)
            for step in better
        ),
        placed=_placed(last, fixed),
        wanted=len(plan.about.get("visits", ())),
        best=cost_words(int(better[-1]["cost"])) if better else "",
    )


def _placed(step: dict[str, Any], fixed: int) -> int | None:
    served = step.get("served")
    return None if served is None else max(int(served) - fixed, 0)


def _better(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps that brought a better plan, and the last one."""
    found: list[dict[str, Any]] = []
    for step in told:
        if not found or step["cost"] < found[-1]["cost"]:
            found.append(step)
    return found


def _curve(
    plan: WeekPlan, better: Sequence[dict[str, Any]], told: Sequence[dict[str, Any]], seconds: int
) -> SafeString:
    if not better:
        return SafeString("")
    points = [(float(step["seconds"]), int(step["cost"])) for step in better]
    until = max(float(told[-1]["seconds"]), points[-1][0], seconds if plan.state in UNDER_WAY else 0)
    points.append((until, points[-1][1]))
    bounds = [int(step["bound"]) for step in told if step.get("bound") is not None]
    label = _("Best plan so far: from %(first)s to %(last)s in %(n)d s") % {
        "first": cost_words(points[0][1]),
        "last": cost_words(points[-1][1]),
        "n": round(points[-1][0]),
    }
    drawn = drawing_plan.curve(
        points,
        seconds=max(plan.seconds, seconds) if plan.state in UNDER_WAY else points[-1][0],
        bound=max(bounds) if bounds else None,
        label=label,
        say=cost_words,
        words=(_("no plan can be cheaper"), _("s")),
    )
    return mark_safe(drawn)  # noqa: S308  (escaped where it is drawn)


def cost_words(cost: int) -> str:
    """Seconds at the wheel as `3 h 20`."""
    hours, minutes = divmod(round(cost / 60), 60)
    return (
        _("%(h)s h %(m)02d") % {"h": f"{hours:,}", "m": minutes} if hours else _("%(m)d min") % {"m": minutes}
    )


def proof(plan: WeekPlan) -> str:
    """How far from the best possible the plan may be at most; "" where nothing is proven."""
    bound, total = plan.result.get("bound"), (plan.result.get("cost") or {}).get("total")
    if bound is None or not total:
        return ""
    share = max(total - bound, 0) / total * 100
    if share < 0.05:
        return _("No plan of these days is cheaper.")
    return _("No plan of these days is more than %(share)s %% cheaper.") % {"share": f"{share:.1f}"}


# --- Before and after ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """One line of the comparison. `status` and `word` say whether it is better, never colour alone."""

    name: str
    before: str
    after: str
    status: str
    word: str


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _minutes(value: float) -> str:
    return cost_words(int(value * 60))


# key -> name, how it is said, whether less of it is better, and whether it grows with every visit that is placed
FIGURES: dict[str, tuple[Any, Callable[[float], str], bool, bool]] = {
    "placed": (gettext_lazy("Visits with a time"), _number, False, False),
    "unserved": (gettext_lazy("Visits without a time"), _number, True, False),
    "late_unserved": (gettext_lazy("Past their window and without a time"), _number, True, False),
    "drive_minutes": (gettext_lazy("Driving"), _minutes, True, True),
    "drive_each": (gettext_lazy("Driving, a visit"), _minutes, True, False),
    "miles": (gettext_lazy("Miles"), _number, True, True),
    "overtime_minutes": (gettext_lazy("On the road outside their hours"), _minutes, True, True),
    "busiest_minutes": (gettext_lazy("The busiest nurse, away from home"), _minutes, True, True),
    "hours_spread": (gettext_lazy("Nurses' hours differ by about"), _minutes, True, False),
}
# key -> name, the key it is a part of, and whether more is better: told as a share, since there are more visits now
SHARES: dict[str, tuple[Any, str, bool]] = {
    "days_from_due": (gettext_lazy("Days away from due, a visit"), "placed", False),
    "known_nurse": (gettext_lazy("With a nurse they know"), "with_history", True),
    "wishes_met": (gettext_lazy("Morning or afternoon as wished"), "wishes", True),
}


def figures(plan: WeekPlan) -> list[Figure]:
    """The days as they were and as proposed, as far as both are known."""
    before, after = _with_each(plan, plan.before), _with_each(plan, plan.after)
    more = after.get("placed", 0) - before.get("placed", 0)
    found = []
    for key, (name, say, less, grows) in FIGURES.items():
        old, new = before.get(key), after.get(key)
        if old is None or new is None or (not old and not new and key.endswith("unserved")):
            continue
        status, word = _verdict(old, new, less=less)
        if grows and word == _("worse") and more > 0:
            status, word = "done", _("more visits")
        found.append(Figure(str(name), say(old), say(new), status, word))
    for key, (name, whole, good) in SHARES.items():
        if after.get(key) is not None and after.get(whole):
            found.append(_share(name, key, whole, before, after, more=good))
    return found


def _with_each(plan: WeekPlan, figures: dict[str, Any]) -> dict[str, Any]:
    """The figures with the driving for each visit of the days, booked ones too."""
    visits = figures.get("placed", 0) + len(plan.about.get("fixed", ()))
    if not visits or figures.get("drive_minutes") is None:
        return figures
    return figures | {"drive_each": figures["drive_minutes"] / visits}


def _verdict(old: float, new: float, *, less: bool) -> tuple[str, str]:
    if round(old, 1) == round(new, 1):
        return "done", _("the same")
    return ("ok", _("better")) if (new < old) == less else ("wait", _("worse"))


def _share(
    name: Any, key: str, whole: str, before: dict[str, Any], after: dict[str, Any], *, more: bool
) -> Figure:
    """A part of its whole: `14 of 20`, or an average; nothing is better than where there was nothing."""

    def said(row: dict[str, Any]) -> str:
        if not row.get(whole):
            return _("none yet")
        if more:
            return _("%(n)d of %(all)d") % {"n": row[key], "all": row[whole]}
        return f"{row[key] / row[whole]:.1f}"

    if not before.get(whole):
        return Figure(str(name), said(before), said(after), "done", "")
    if after[whole] > before[whole]:  # other visits: nothing to compare
        return Figure(str(name), said(before), said(after), "done", _("more visits"))
    status, word = _verdict(before[key] / before[whole], after[key] / after[whole], less=not more)
    return Figure(str(name), said(before), said(after), status, word)
