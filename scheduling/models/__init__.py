"""What is stored of the calendar, the visits, what happened, what is owed, and who did what."""

from scheduling.models.answer import HealthScreen, MessageLink, Reply
from scheduling.models.call import Alert, Call, CallAttempt
from scheduling.models.dose import PlannedDose
from scheduling.models.drive_time import DriveTime
from scheduling.models.event import Event
from scheduling.models.gate_override import GateOverride
from scheduling.models.heartbeat import Heartbeat, Tally
from scheduling.models.idempotency import IdempotencyKey
from scheduling.models.message_text import MessageText, NoticePolicy
from scheduling.models.notice import Notice
from scheduling.models.pinned_pair import PinnedPair
from scheduling.models.planned_check import PlannedCheck
from scheduling.models.record import DoseRecord
from scheduling.models.route import CalendarFeed, RouteVersion
from scheduling.models.site import Site
from scheduling.models.slot_hold import SlotHold
from scheduling.models.supply import SupplyStep
from scheduling.models.visit import Visit
from scheduling.models.week_plan import PlanLine, WeekPlan

__all__ = [
    "Alert",
    "CalendarFeed",
    "Call",
    "CallAttempt",
    "DoseRecord",
    "DriveTime",
    "Event",
    "GateOverride",
    "HealthScreen",
    "Heartbeat",
    "IdempotencyKey",
    "MessageLink",
    "MessageText",
    "Notice",
    "NoticePolicy",
    "PinnedPair",
    "PlanLine",
    "PlannedCheck",
    "PlannedDose",
    "Reply",
    "RouteVersion",
    "Site",
    "SlotHold",
    "SupplyStep",
    "Tally",
    "Visit",
    "WeekPlan",
]
