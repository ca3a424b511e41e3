"""When messages go: the settings in force, and changing them. Each change is a new version with who and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Role, User
from scheduling.models import NoticePolicy
from scheduling.rules import cadence, gsm7, wording
from scheduling.rules.cadence import Policy, Timing
from scheduling.rules.errors import BadInput, StaleVersion
from scheduling.services import events, texts
from scheduling.services.guard import fits, writes

MAY_CHANGE = frozenset({Role.LEAD, Role.ADMIN})
SENDER = 20  # septets of the sender's name: more leaves no room for the words of a text
MOST_PER_DAY, MOST_PER_WEEK = 1, 3  # 47 CFR 64.1200(a)(9)(iv)(F)
MOST_DAYS = {"week_before": 30, "next_day": 7}  # the others: 14


def current() -> Policy:
    """The settings in force; those shipped with the product while nobody has changed them. One query."""
    row = NoticePolicy.objects.order_by("-version").first()
    return default() if row is None else read(row)


def default() -> Policy:
    """What is in force before the first change: the hours of the environment, the times of the field."""
    return Policy(hours=tuple(settings.NOTICE_HOURS))


def history(most: int = 20) -> list[NoticePolicy]:
    """The latest versions with who changed them, the newest first. One query."""
    return list(NoticePolicy.objects.select_related("by").order_by("-version")[:most])


def read(row: NoticePolicy) -> Policy:
    """A version as values. What a version does not say is as shipped."""
    data, shipped = row.data, default()
    timings = dict(shipped.timings)
    for kind, said in data.get("timings", {}).items():
        timings[kind] = Timing(int(said["days"]), time.fromisoformat(said["at"]), bool(said["on"]))
    first, last = data.get("hours", shipped.hours)
    return Policy(
        version=row.version,
        hours=(int(first), int(last)),
        per_day=int(data.get("per_day", shipped.per_day)),
        per_week=int(data.get("per_week", shipped.per_week)),
        timings=timings,
        sender=str(data.get("sender", "")),
        paused=bool(data.get("paused", False)),
    )


def written(policy: Policy) -> dict[str, Any]:
    """The same as the row keeps it."""
    return {
        "hours": list(policy.hours),
        "per_day": policy.per_day,
        "per_week": policy.per_week,
        "sender": policy.sender,
        "paused": policy.paused,
        "timings": {
            kind: {"days": timing.days, "at": f"{timing.at:%H:%M}", "on": timing.on}
            for kind, timing in policy.timings.items()
        },
    }


@writes
def change(
    *,
    by: User,
    why: str,
    version: int,
    hours: tuple[int, int],
    per_day: int,
    per_week: int,
    sender: str,
    timings: Mapping[str, Timing],
    now: datetime | None = None,
) -> Policy:
    """A new version; messages still to go get their new times in the same transaction.

    `version` is the one the person looked at: StaleVersion when another came in between. Raises BadInput beside the
    field for what must not be set.
    """
    texts.refuse_others(by)
    before = _locked(version)
    wanted = replace(
        before, hours=hours, per_day=per_day, per_week=per_week, sender=sender.strip(), timings=dict(timings)
    )
    check(wanted)
    after = _put(wanted, by=by, why=_reason(why), action="notice_policy_changed")
    if (before.timings, before.hours) != (after.timings, after.hours):
        from scheduling.services import notices  # it reads the settings, too: a circle at import time

        notices.replan(now=now or timezone.now())
    return after


@writes
def pause(*, by: User, why: str, now: datetime | None = None) -> Policy:
    """Send nothing until `resume`. Any of the office may: it is the emergency stop. Twice is once."""
    before = _locked()
    if before.paused:
        return before
    return _put(replace(before, paused=True), by=by, why=_reason(why), action="notices_paused")


@writes
def resume(*, by: User, why: str = "", now: datetime | None = None) -> Policy:
    """Send again. What makes no sense any more by then expires, the rest catches up within the caps."""
    before = _locked()
    if not before.paused:
        return before
    return _put(replace(before, paused=False), by=by, why=fits(why, "why"), action="notices_resumed")


def check(policy: Policy) -> None:
    """Refuse what no version may say. Raises BadInput with the field: hours, per_day, per_week, sender, or a kind."""
    first, last = policy.hours
    if not cadence.EARLIEST_HOUR <= first < last <= cadence.LATEST_HOUR:
        raise BadInput(
            "Messages go between 8 am and 9 pm, from an earlier hour to a later one.", field="hours"
        )
    if not 1 <= policy.per_day <= MOST_PER_DAY:
        raise BadInput("One text a day is the most the law allows.", field="per_day")
    if not 1 <= policy.per_week <= MOST_PER_WEEK:
        raise BadInput("Between one and three texts in seven days.", field="per_week")
    check_sender(policy.sender)
    for kind, timing in policy.timings.items():
        most = MOST_DAYS.get(kind, 14)
        if not 1 <= timing.days <= most:
            raise BadInput(f"Between 1 and {most} days.", field=kind)
        if timing.on and kind != "unconfirmed" and not first <= timing.at.hour < last:
            raise BadInput("This is in the quiet hours.", field=kind)
    _check_order(policy)


def _check_order(policy: Policy) -> None:
    """A week before, then please confirm, then not confirmed and the day before: never the other way round."""
    days = {kind: timing.days for kind, timing in policy.timings.items() if timing.on}
    for earlier, later in (
        ("week_before", "confirm"),
        ("confirm", "day_before"),
        ("confirm", "unconfirmed"),
    ):
        if earlier in days and later in days and days[earlier] <= days[later]:
            raise BadInput("This must be more days before than what follows it.", field=earlier)


def check_sender(sender: str) -> None:
    """The name texts begin with: short, plain and neutral; "" means the agency's name. Raises BadInput."""
    name = sender or settings.AGENCY_NAME
    if missing := gsm7.unwritable(gsm7.to_gsm7(name)):
        raise BadInput(f"A text cannot carry these characters: {missing}", field="sender")
    if gsm7.septets(gsm7.to_gsm7(name)) > SENDER:
        raise BadInput(
            f"At most {SENDER} characters, or the words of a text do not fit. “{name}” has "
            f"{gsm7.septets(gsm7.to_gsm7(name))}.",
            field="sender",
        )
    if word := wording.forbidden(name, drugs=texts.drugs(), strict=True):
        raise BadInput(f"“{word}” tells what the visit is for. Choose a neutral name.", field="sender")
    if any(mark in name for mark in "{}[]\n"):
        raise BadInput("No brackets in the name.", field="sender")


def _reason(why: str) -> str:
    said = fits(why, "why")
    if not said:
        raise BadInput("Say why, in a few words.", field="why")
    return said


def _locked(version: int | None = None) -> Policy:
    """The settings in force while nobody else changes them."""
    with connection.cursor() as cursor:  # an append-only table has no row to lock before the first one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('notice policy'))")
    policy = current()
    if version is not None and version != policy.version:
        raise StaleVersion("Somebody else changed the settings meanwhile. Look again, then save.")
    return policy


def _put(policy: Policy, *, by: User, why: str, action: str) -> Policy:
    row = NoticePolicy.objects.create(
        version=policy.version + 1, data=written(policy), why=why, by=by if by and by.pk else None
    )
    events.write(action, by=by, subject=row, why=why, version=row.version)
    return read(row)
