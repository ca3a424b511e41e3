"""The audit trail in words: what happened, who did it, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from scheduling.models import Event

ACTIONS = {
    "chart_read": gettext_lazy("Read the chart"),
    "consented": gettext_lazy("Recorded a consent"),
    "contact_changed": gettext_lazy("Changed a number or address"),
    "contact_failed": gettext_lazy("A number or address was found not to work"),
    "day_reordered": gettext_lazy("Put the visits of a day in another order"),
    "dose_recorded": gettext_lazy("Recorded a dose as given"),
    "duplicate_dismissed": gettext_lazy("Said that this is a different person"),
    "evidence_recorded": gettext_lazy("Put a paper on file"),
    "evidence_withdrawn": gettext_lazy("Withdrew a paper"),
    "gate_overridden": gettext_lazy("Let a gate pass"),
    "gate_override_withdrawn": gettext_lazy("Took back a permission"),
    "history_entered": gettext_lazy("Entered doses given elsewhere"),
    "hold_cleared": gettext_lazy("Cleared a hold"),
    "hold_placed": gettext_lazy("Put dosing on hold"),
    "link_renewed": gettext_lazy("The patient asked for a new link"),
    "measured": gettext_lazy("Recorded a measurement"),
    "message_text_saved": gettext_lazy("Changed the words of a message"),
    "notice_call_owed": gettext_lazy("Put a call on the list instead of a message"),
    "notice_policy_changed": gettext_lazy("Changed when messages go"),
    "notice_put_aside": gettext_lazy("Put a failed message aside"),
    "notice_sent_again": gettext_lazy("Asked for a message to be sent again"),
    "notice_sent_now": gettext_lazy("Sent a message at once"),
    "notice_settled": gettext_lazy("Said whether a message arrived"),
    "notice_skipped": gettext_lazy("Left a message out"),
    "notices_paused": gettext_lazy("Paused all messages"),
    "notices_resumed": gettext_lazy("Let messages go again"),
    "nurse_away": gettext_lazy("Recorded a nurse's time off"),
    "nurse_back": gettext_lazy("Took a nurse's time off back"),
    "opted_in": gettext_lazy("Messages allowed again"),
    "opted_out": gettext_lazy("Messages stopped"),
    "pair_pinned": gettext_lazy("Said which nurse always or never comes"),
    "pair_taken_back": gettext_lazy("Took back which nurse always or never comes"),
    "patient_registered": gettext_lazy("Added the patient"),
    "patient_status": gettext_lazy("Changed where the patient is"),
    "patient_updated": gettext_lazy("Changed the patient's details"),
    "prescribed": gettext_lazy("Added a prescription"),
    "prescription_amended": gettext_lazy("Amended a prescription"),
    "prescription_stopped": gettext_lazy("Stopped a prescription"),
    "record_corrected": gettext_lazy("Corrected a record"),
    "reply_handled": gettext_lazy("Saw to an answer"),
    "reply_received": gettext_lazy("An answer came in"),
    "calendar_feed_made": gettext_lazy("Made an address for her calendar feed"),
    "calendar_feed_revoked": gettext_lazy("Took back the address of her calendar feed"),
    "route_followed": gettext_lazy("A published day followed what changed"),
    "route_published": gettext_lazy("Published a nurse's day"),
    "route_seen": gettext_lazy("The nurse read her day"),
    "screen_answered": gettext_lazy("The health questions were answered"),
    "sign_in_refused": gettext_lazy("Sign-in refused"),
    "signed_in": gettext_lazy("Signed in"),
    "signed_out": gettext_lazy("Signed out"),
    "supply_recorded": gettext_lazy("Recorded a step of the drug's way"),
    "supply_withdrawn": gettext_lazy("Took back a step of the drug's way"),
    "visit_booked": gettext_lazy("Booked a visit"),
    "visit_cancelled": gettext_lazy("Cancelled a visit"),
    "visit_confirmed": gettext_lazy("The visit was confirmed"),
    "visit_missed": gettext_lazy("Recorded a visit as not done"),
    "visit_moved": gettext_lazy("Moved a visit"),
    "visit_started": gettext_lazy("Gave the go for a visit"),
}


@dataclass(frozen=True)
class Happening:
    """One event as a page shows it."""

    event: Event
    what: str
    who: str
    when: str
    why: str


def action_words(action: str) -> str:
    """`visit_booked` as people say it."""
    return str(ACTIONS.get(action, "")) or action.replace("_", " ").capitalize()


def who(user: User | None) -> str:
    """A user's name; the system when nobody was signed in."""
    if user is None:
        return _("System")
    return user.get_full_name() or user.username


def moment(at: datetime, time_zone: str) -> str:
    """`Tue, Jan 6, 2026, 9:00 am` on the clock of `time_zone`."""
    local = at.astimezone(ZoneInfo(time_zone))
    return date_format(local, _("D, M j, Y, g:i")) + (" am" if local.hour < 12 else " pm")


def happenings(events: Iterable[Event], time_zone: str) -> list[Happening]:
    """The events in words; `actor` should be loaded with them."""
    return [
        Happening(one, action_words(one.action), who(one.actor), moment(one.at, time_zone), one.why)
        for one in events
    ]
