"""Store visits, and those that were moved or cancelled before them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scheduling.demo.batch import Batch
from scheduling.demo.charts import Chart
from scheduling.demo.histories import Meeting
from scheduling.models import PlannedDose, Visit

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
