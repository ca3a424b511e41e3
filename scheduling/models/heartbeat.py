"""When each background process and the travel service last gave a sign of life; and counts that only grow."""

from django.db import models

ROADS, ROADS_FAILED = "roads", "roads-failed"
BEAT, WORKER = "beat", "worker"  # a worker's own row is "worker " + its name


class Heartbeat(models.Model):
    """`name` is WORKER (any of them), "worker celery@host", BEAT, ROADS or ROADS_FAILED; `at` the last time
    it did anything for us, or failed to."""

    name = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def roads(cls) -> str:
        """How the travel service did last: "ok", "estimated" (it failed) or "not asked yet"."""
        marks = dict(cls.objects.filter(name__in=(ROADS, ROADS_FAILED)).values_list("name", "at"))
        answered, failed = marks.get(ROADS), marks.get(ROADS_FAILED)
        if failed is not None and (answered is None or failed >= answered):
            return "estimated"
        return "ok" if answered is not None else "not asked yet"


class Tally(models.Model):
    """How often something happened that leaves no row of its own: "refused signature"."""

    name = models.CharField(max_length=60, unique=True)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
