"""/metrics: figures for Prometheus, from the tables alone, so that it does not matter which process is asked.

A registry of its own for each answer: nothing is counted in the memory of a process. Labels are few and bounded
and name no person: states, channels, kinds, and reasons as scheduling.readings.alive shortens them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from scheduling import clock
from scheduling.models import Alert, Call
from scheduling.readings import alive

PREFIX = "infusion_home_"


class Figures:
    """What one answer says, as of `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def describe(self) -> list[Metric]:
        return []  # or the registry would read the tables once more, to learn the names

    def collect(self) -> Iterator[Metric]:
        yield _gauge("notices", "Messages by state.", "state", alive.counts())
        yield self._age("oldest_due_notice_age_seconds", "Age of the oldest unsent message.")
        yield self._hearts()
        yield from self._work()
        failed = GaugeMetricFamily(
            f"{PREFIX}failures_7_days", "Failed or unknown messages.", labels=["channel", "reason"]
        )
        for one in alive.failures(self.now):
            failed.add_metric([one.channel, one.reason], one.count)
        yield failed
        tallies = CounterMetricFamily(f"{PREFIX}tally", "What leaves no row of its own.", labels=["name"])
        for tally in alive.tallies():
            tallies.add_metric([tally.name], tally.count)
        yield tallies

    def _age(self, name: str, help_text: str) -> Metric:
        oldest = alive.oldest_due(self.now)
        return GaugeMetricFamily(PREFIX + name, help_text, value=_seconds(self.now, oldest))

    def _hearts(self) -> Metric:
        family = GaugeMetricFamily(
            f"{PREFIX}heartbeat_age_seconds", "Since the last sign of life; absent: never.", labels=["name"]
        )
        for heart in alive.hearts(self.now):
            if heart.at is not None:
                family.add_metric([heart.name], _seconds(self.now, heart.at))
        return family

    def _work(self) -> Iterator[Metric]:
        """Calls and alerts. Overdue is by the agency's day, which a home in another zone may not have reached."""
        owed = Call.objects.filter(state=Call.State.OWED)
        today = clock.today_in(settings.AGENCY_TIME_ZONE, self.now)
        yield GaugeMetricFamily(f"{PREFIX}calls_owed", "Follow-up calls owed.", value=owed.count())
        overdue = owed.filter(due_on__lt=today).count()
        yield GaugeMetricFamily(f"{PREFIX}calls_overdue", "Calls owed since an earlier day.", value=overdue)
        found = Alert.objects.filter(handled_at=None).order_by().values_list("kind").annotate(n=Count("pk"))
        kinds = dict.fromkeys(Alert.Kind.values, 0) | dict(found)
        yield _gauge("alerts_open", "Alerts nobody has handled.", "kind", kinds)


def text(now: datetime) -> bytes:
    """All of it in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(now))  # type: ignore[arg-type]  # a collector by what it has
    return generate_latest(registry)


def _gauge(name: str, help_text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, help_text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _seconds(now: datetime, then: datetime | None) -> float:
    return max(0.0, (now - then).total_seconds()) if then else 0.0
