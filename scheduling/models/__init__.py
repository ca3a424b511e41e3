"""What is stored of the calendar, the visits, what happened, what is owed, and who did what."""

from scheduling.models.dose import PlannedDose
from scheduling.models.event import Event
from scheduling.models.heartbeat import Heartbeat
from scheduling.models.idempotency import IdempotencyKey
from scheduling.models.notice import Notice
from scheduling.models.record import DoseRecord
from scheduling.models.site import Site
from scheduling.models.visit import Visit

__all__ = [
    "DoseRecord",
    "Event",
    "Heartbeat",
    "IdempotencyKey",
    "Notice",
    "PlannedDose",
    "Site",
    "Visit",
]
