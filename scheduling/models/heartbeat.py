"""When each background process and the travel service last gave a sign of life."""

from django.db import models

ROADS, ROADS_FAILED = "roads", "roads-failed"


class Heartbeat(models.Model):
    """`name` is "worker", ROADS or ROADS_FAILED; `at` the last time it did anything for us, or failed to."""

    name = models.CharField(max_length=20, unique=True)
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
