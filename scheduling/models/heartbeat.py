"""When each background process was last alive."""

from django.db import models


class Heartbeat(models.Model):
    """`name` is "worker"; `at` the last time it did anything for us."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
