"""Store visits, those that were moved or cancelled before them, and the message about each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from patients.models import Contact
from scheduling.demo.batch import Batch
from scheduling.demo.charts import Chart
from scheduling.demo.histories import Meeting
from scheduling.models import Notice, PlannedDose, Visit

UNDER_WAY = frozenset({"in_progress", "completed"})
AT_THE_DOOR = timedelta(minutes=12)  # from arriving to the go


def store_visits(charts: list[Chart], batch: Batch) -> None:
    """Visits by chart and dose number into `batch.visits`; a moved one names the row it came from."""
    keys = [
        (index, meeting, batch.doses[index, meeting.row.number])
        for index, chart in enumerate(charts)
        for meeting in chart.course.meetings
    ]
    changed = [
        (index, meeting, _earlier(charts[index], meeting, dose, batch))
        for index, meeting, dose in keys
        if meeting.change
    ]
    Visit.objects.bulk_create(old for _index, _meeting, old in changed)
    before = {(index, meeting.row.number): old for index, meeting, old in changed}
    rows = []
    for index, meeting, dose in keys:
        visit, old = _visit(charts[index], meeting, dose, batch), before.get((index, dose.number))
        if old is not None and old.state == "moved":
            visit.moved_from, visit.version = old, old.version
        batch.visits[index, dose.number] = visit
        rows.append(visit)
    Visit.objects.bulk_create(rows, batch_size=500)
    batch.earlier = before
    for key, visit in batch.visits.items():
        _tell(visit, before.get(key), batch)
        if visit.started_at is not None:
            batch.tell(
                visit.started_at, "visit_started", visit.patient, visit,
                dose=visit.dose_id, identity_checked=True, overridden=[],
            )  # fmt: skip


def _earlier(chart: Chart, meeting: Meeting, dose: PlannedDose, batch: Batch) -> Visit:
    """The visit as it was first booked, before it was moved or cancelled."""
    change = meeting.change
    assert change is not None
    visit = _visit(chart, meeting, dose, batch)
    visit.starts_at += timedelta(days=change.days)
    visit.ends_at += timedelta(days=change.days)
    visit.state, visit.version = change.state, 2
    visit.created_at = meeting.booked_at - timedelta(days=1, minutes=35)
    visit.cancel_class, visit.cancel_note = change.reason_class, change.note
    visit.cancelled_at = meeting.booked_at
    return visit


def _tell(visit: Visit, old: Visit | None, batch: Batch) -> None:
    """The trail of one visit and of the one it replaced, in the words of `services.booking`."""
    if old is not None:
        batch.tell(old.created_at, "visit_booked", old.patient, old, dose=old.dose_id, **_where(old))
    if old is not None and old.state == "moved":
        detail = {"old_visit": old.pk, "reason_class": old.cancel_class}
        batch.tell(
            visit.created_at,
            "visit_moved",
            visit.patient,
            visit,
            why=old.cancel_note,
            **detail,
            **_where(visit),
        )
        return
    if old is not None:
        cancelled_at, cause = visit.created_at - timedelta(minutes=3), old.cancel_class
        batch.tell(cancelled_at, "visit_cancelled", old.patient, old, why=old.cancel_note, reason_class=cause)
    why = visit.override_reason
    batch.tell(
        visit.created_at, "visit_booked", visit.patient, visit, why=why, dose=visit.dose_id, **_where(visit)
    )


def _where(visit: Visit) -> dict[str, Any]:
    return {
        "nurse": visit.nurse_id,
        "starts_at": visit.starts_at.isoformat(),
        "overridden": visit.override_codes,
    }


def _visit(chart: Chart, meeting: Meeting, dose: PlannedDose, batch: Batch) -> Visit:
    minutes, codes = meeting.row.minutes, list(meeting.codes)
    needs_site = "SITE_TOUCH_REQUIRED" in chart.course.regimen.site_of_care.flags
    return Visit(
        patient=chart.patient,
        kind=Visit.Kind.INFUSION,
        dose=dose,
        nurse=meeting.booking.file.nurse,
        site=next(site for site in batch.sites if site.covers_homes) if needs_site else None,
        starts_at=meeting.booking.span.start,
        ends_at=meeting.booking.span.end,
        time_zone=chart.patient.time_zone,
        preparation_minutes=minutes.preparation,
        infusion_minutes=minutes.infusion,
        observation_minutes=minutes.observation,
        wrap_up_minutes=minutes.wrap_up,
        state=meeting.state,
        started_at=meeting.booking.span.start + AT_THE_DOOR if meeting.state in UNDER_WAY else None,
        override_reason=chart.story.override if codes else "",
        override_codes=codes,
        override_by=batch.by if codes else None,
        booked_by=batch.by,
        created_at=meeting.booked_at,
    )


def store_notices(charts: list[Chart], batch: Batch) -> None:
    """The message about each change, settled long ago: the worker has nothing to send when it starts."""
    rows = []
    for (index, number), visit in batch.visits.items():
        reason = _not_sent_because(charts[index].contacts)
        old = batch.earlier.get((index, number))
        if old is not None:
            rows.append(_notice(old, Notice.Kind.BOOKED, 1, old.created_at, reason))
            if old.state == "cancelled":
                rows.append(_notice(old, Notice.Kind.CANCELLED, 2, visit.created_at, reason))
        kind = Notice.Kind.MOVED if visit.moved_from_id else Notice.Kind.BOOKED
        rows.append(_notice(visit, kind, visit.version, visit.created_at, reason))
    Notice.objects.bulk_create(rows, batch_size=500)
    Notice.objects.filter(state=Notice.State.SENT).update(
        message_id=Concat(Value("notice-"), Cast(F("pk"), CharField()))
    )


def _notice(visit: Visit, kind: str, version: int, owed_at: datetime, reason: str) -> Notice:
    """Sent five minutes later, or not sent for a reason."""
    due_at = owed_at + timedelta(minutes=5)
    return Notice(
        patient=visit.patient,
        visit=visit,
        visit_version=version,
        kind=kind,
        channel=Contact.Channel.EMAIL,
        state=Notice.State.SUPPRESSED if reason else Notice.State.SENT,
        reason=reason,
        due_at=due_at,
        expires_at=visit.starts_at,
        claimed_at=None if reason else due_at,
        attempted_at=None if reason else due_at,
        attempts=0 if reason else 1,
        settled_at=owed_at if reason else due_at + timedelta(seconds=2),
        created_at=owed_at,
    )


def _not_sent_because(contacts: list[Contact]) -> str:
    """The reasons `services.notices` gives."""
    address = next((each for each in contacts if each.channel == Contact.Channel.EMAIL), None)
    if address is None:
        return "no address on file"
    if address.opted_out_at:
        return "the patient opted out of this channel"
    return "" if address.consented_at else "no consent on file for this channel"
