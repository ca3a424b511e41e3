"""Tell every story, then store it all: one transaction, the same rows for the same seed and day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from patients.models import Patient
from scheduling import clock
from scheduling.demo import calls, pairs, patients, staff, writing
from scheduling.demo.charts import Chart
from scheduling.demo.diary import ZONE, Diary, NurseFile, at
from scheduling.demo.histories import Course, habit_of, start_for, tell
from scheduling.demo.stories import DIAGNOSES, RELAPSING, Story, all_stories
from scheduling.models import PlannedDose
from scheduling.regimens import catalogue
from scheduling.rules.orders import Hold, Order
from scheduling.services import absences, doses, patient_changes, records

Say = Callable[[str], None]


@transaction.atomic
def load(
    *, seed: int, size: int, nurses: int, now: datetime | None = None, say: Say = lambda line: None
) -> bool:
    """Store `size` charts (never fewer than the examples); False, and nothing done, when there is any patient already.

    Days are relative to the day of `now` in Dallas; `now` decides which of today's visits are over.
    """
    if Patient.objects.exists():
        return False
    now = now or timezone.now()
    today = clock.today_in(str(ZONE), now)
    say(f"People who sign in, {nurses} nurses and their hours")
    users = staff.make_users()
    files = staff.make_files(seed, nurses, today)
    say("Prescriptions, histories and dose calendars")
    charts = tell_all(seed, size, files, now, today)
    say(f"Storing {len(charts)} charts with their doses, visits and messages")
    writing.store(charts, files, users, now=now, today=today)
    with connection.cursor() as cursor:
        # PostgreSQL still takes the tables for empty ones, and would join them row by row for minutes. Ours alone:
        # those the whole server shares would stay locked for everybody until this commits.
        ours = connection.introspection.table_names(cursor)
        cursor.execute("ANALYZE " + ", ".join(connection.ops.quote_name(name) for name in ours))
    say("Lab draws the orders ask for")
    doses.extend_calendars(today=today, now=now)
    say("Four surprises, recorded as they would be")
    _tell_incidents(charts, users["coordinator"], now, today)
    _tell_hospital(charts, users["coordinator"], now, today)
    _tell_sick_nurse(files, users["coordinator"], now, today)
    pairs.tell(files, users["coordinator"], now, today)
    say("Calls that were made, and those that wait")
    calls.tell(users, now, today)
    return True


def tell_all(seed: int, size: int, files: list[NurseFile], now: datetime, today: date) -> list[Chart]:
    """The charts in the order of their MRN; nothing is stored."""
    diary = Diary(files, frozenset({(staff.SICK_NURSE, today + timedelta(days=1))}))
    charts = []
    for index, story in enumerate(all_stories(seed, size)):
        # A generator of their own for each patient: one story told longer changes no other.
        random = Random(f"{seed}:patient:{index}")  # noqa: S311  invented people need no secret numbers
        chart = _chart(index, story, random, today)
        tell(chart.course, diary, now, today)
        charts.append(chart)
    return charts


def _chart(index: int, story: Story, random: Random, today: date) -> Chart:
    patient = patients.make_patient(index, story, random, today)
    measurements = patients.make_measurements(patient, story, random, today)
    regimen = catalogue.get(story.regimen_id)
    latest = {each.kind: each.value for each in sorted(measurements, key=lambda each: each.measured_on)}
    expires_in = story.expires_in if story.expires_in is not None else random.randint(70, 340)
    order = Order(
        start_on=today,
        expires_on=today + timedelta(days=expires_in),
        weight_kg=latest["weight_kg"],
        height_cm=latest["height_cm"],
        prior_cumulative_mg_per_m2=story.prior_mg_per_m2,
        holds=_holds(story, today),
        discontinued_on=None if story.stopped_in is None else today + timedelta(days=story.stopped_in),
    )
    habit = habit_of(story, patient.place, today)
    course = Course(story, regimen, order, patient.place, patient.prefers, habit, random)
    start_on = start_for(regimen, order, story, today, habit)
    course.order = order._replace(start_on=start_on)
    prescribed_on = min(start_on - timedelta(days=random.randint(7, 12)), today - timedelta(days=2))
    if story.elsewhere:
        prescribed_on = max(prescribed_on, today - timedelta(days=6))
    prescribed_at = at(prescribed_on, time(random.randint(9, 16), random.choice((5, 20, 40))))
    return Chart(
        story=story,
        patient=patient,
        contacts=patients.make_contacts(patient, index, story, prescribed_at),
        measurements=measurements,
        course=course,
        prescriber=random.choice(staff.PRESCRIBERS),
        diagnosis=random.choice(DIAGNOSES.get(story.regimen_id, (RELAPSING,))),
        prescribed_at=prescribed_at,
    )


def _holds(story: Story, today: date) -> tuple[Hold, ...]:
    if story.hold is None:
        return ()
    clears_in = story.hold.clears_in
    clears_on = None if clears_in is None else today + timedelta(days=clears_in)
    return (Hold(today + timedelta(days=story.hold.starts_in), clears_on, story.hold.reason),)


def _tell_incidents(charts: list[Chart], by: User, now: datetime, today: date) -> None:
    """What the services make of a late dose and of a severe reaction: the next visit waits for a decision."""
    two_days_ago = today - timedelta(days=2)
    for chart in charts:
        if not chart.story.incident:
            continue
        first = chart.course.meetings[-2]
        late = chart.story.incident == "late"
        dose = PlannedDose.objects.get(
            prescription__patient=chart.patient, number=first.row.number, state=PlannedDose.State.PLANNED
        )
        records.record_given(
            dose_id=dose.pk,
            given_on=two_days_ago if late else first.booking.day,
            by=by,
            reaction="none" if late else "severe",
            reaction_type="" if late else "infusion_related",
            note="Given at the infusion center after the missed visit."
            if late
            else "Chest tightness, infusion stopped.",
            now=now,
        )


def _tell_hospital(charts: list[Chart], by: User, now: datetime, today: date) -> None:
    """The family called: when, and until when as far as they know."""
    for chart in charts:
        if chart.story.patient_status == Patient.Status.IN_HOSPITAL:
            patient_changes.set_status(
                patient_id=chart.patient.pk,
                status=chart.story.patient_status,
                since_on=today - timedelta(days=3),
                back_on=today + timedelta(days=4),
                why="Her son called: a fall, surgery tomorrow.",
                by=by,
                now=now,
            )


def _tell_sick_nurse(files: list[NurseFile], by: User, now: datetime, today: date) -> None:
    """She calls: not tomorrow. Her visits stay booked and wait for somebody else."""
    first, last = clock.day_bounds(today + timedelta(days=1), str(ZONE))
    nurse = files[staff.SICK_NURSE].nurse
    absences.record_time_off(
        nurse_id=nurse.pk, starts_at=first, ends_at=last, reason_class="sick", by=by, now=now
    )
