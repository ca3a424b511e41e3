"""How much waits for a person: for the navigation of every page of the office, in one query."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Case, Count, Value, When
from django.utils import timezone

from scheduling import selectors
from scheduling.models import Call


class Waiting(NamedTuple):
    """`alarms` are among the alerts."""

    calls: int
    alerts: int
    alarms: int
    answers: int


def counted(user: selectors.Viewer, *, now: datetime | None = None) -> Waiting:
    """Calls whose next try is due by now; alerts and answers of patients nobody has seen to."""
    due = selectors.calls_for(user).filter(state=Call.State.OWED, next_at__lte=now or timezone.now())
    unseen = selectors.alerts_for(user).filter(handled_at__isnull=True).select_related(None)
    what = Case(When(alarm=True, then=Value("alarm")), default=Value("alert"))
    calls = due.order_by().values_list(Value("call")).annotate(n=Count("pk"))
    alerts = unseen.order_by().values_list(what).annotate(n=Count("pk"))
    unread = (
        selectors.replies_for(user).filter(needs_a_person=True, handled_at__isnull=True).select_related(None)
    )
    answers = unread.order_by().values_list(Value("answer")).annotate(n=Count("pk"))
    found = dict(calls.union(alerts, answers, all=True))
    alarms = found.get("alarm", 0)
    return Waiting(found.get("call", 0), found.get("alert", 0) + alarms, alarms, found.get("answer", 0))
