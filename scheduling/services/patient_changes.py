"""What changes about a patient after registration: who they are, where they live, how to reach them, where they are.

Booked visits that no longer fit are flagged for a person, never moved (invariant 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from nurses.models import Nurse
from patients.models import Contact, Patient, Prescription
from patients.validators import e164
from scheduling import clock
from scheduling.models import Event, Visit
from scheduling.rules import states
from scheduling.rules.errors import BadInput, StaleVersion
from scheduling.services import (
    attention,
    call_rows,
    doses,
    events,
    languages,
    notices,
    preflight,
    routes,
    sendable,
    slot_holds,
    ways,
)
from scheduling.services.guard import fits, writes

FIELDS = (
    "first_name", "last_name", "date_of_birth", "mrn", "address", "city", "state", "postal_code", "latitude",
    "longitude", "time_zone", "access_notes", "language", "diagnosis_code", "allergies", "pregnancy_possible",
    "prefers", "wishes", "status",
)  # fmt: skip
RUNNING = (Prescription.Status.ACTIVE, Prescription.Status.ON_HOLD)
WAYS = {"email": Contact.Channel.EMAIL, "phone": Contact.Channel.VOICE}
HOME = {"state", "latitude", "longitude", "time_zone"}


def terms_of(patient: Patient) -> dict[str, Any]:
    """FIELDS, `email`, `phone` and `consent` (every way on file may be used) as they stand."""
    ways = {contact.channel: contact for contact in patient.contacts.all()}
    found = {name: getattr(patient, name) for name in FIELDS}
    for name, channel in WAYS.items():
        found[name] = ways[channel].value if channel in ways else ""
    known = [way for way in ways.values() if way.value]
    found["consent"] = bool(known) and all(way.usable for way in known)
    return found


def seen(patient: Patient) -> str:
    """A short sign of what a person saw before changing it; another one means that somebody was first."""
    return hashlib.sha256(repr(sorted(terms_of(patient).items())).encode()).hexdigest()[:32]


@writes
def update_patient(*, patient_id: int, wish: Mapping[str, Any], by: User, saw: str = "") -> Patient:
    """Save what differs of `wish` (keys of terms_of); the trail names the fields, never their values.

    A new e-mail or number needs consent of its own; consent taken back is an opt-out. A `status` goes the way
    of set_status, with `why` of the wish as its reason. Raises StaleVersion when the patient is not as `saw`
    any more, BadInput for an MRN somebody else has.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if saw and saw != seen(patient):
        raise StaleVersion(
            "Somebody changed this patient after you opened the page. Look again, then decide."
        )
    before = terms_of(patient)
    told = str(wish.get("why", ""))
    wish = {**before, **wish, "phone": e164(wish["phone"]) if wish.get("phone") else wish.get("phone", "")}
    changed = sorted(name for name in before if wish[name] != before[name])
    if not changed:
        return patient
    details = [name for name in changed if name != "status"]
    if details:
        _save(patient, {name: wish[name] for name in details if name in FIELDS})
        _reach(patient, wish, details)
        if "language" in details:
            languages.follow(patient)
        events.write("patient_updated", by=by, patient=patient, subject=patient, changed=details)
    if HOME & set(details):
        _flag_home(patient, zone_changed="time_zone" in details)
    if "status" in changed:
        today = clock.today_in(patient.time_zone)
        _change_status(patient, wish["status"], since_on=today, back_on=None, why=told, by=by)
    return patient


@writes
def set_status(
    *,
    patient_id: int,
    status: str,
    since_on: date,
    why: str,
    by: User,
    back_on: date | None = None,
    saw: str = "",
    now: datetime | None = None,
) -> Patient:
    """Say where the patient is; one step stops everything for somebody who is not at home, or starts it again.

    Away: messages waiting are not sent, held times are let go, open visits stand in the list of decisions, and
    nothing new can be booked; doses and checks stay as they are and are not due. Active again: flags go, the
    calendar is worked out again, messages that were stopped go out if their visit still stands.

    `since_on` and `back_on` (in hospital: the day somebody expects them home) are days of the home, kept in the
    trail; `saw` is the status on the page. Said twice it is told once. Locks the patient, then prescriptions,
    then visits. Raises BadInput, or StaleVersion when the status is not as `saw` any more.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient_id)
    if saw and saw != patient.status:
        raise StaleVersion("Somebody changed where this patient is. Look again, then decide.")
    return _change_status(patient, status, since_on=since_on, back_on=back_on, why=why, by=by, now=now)


def last_told(patient: Patient) -> Event | None:
    """Where the patient is as somebody last told it: `detail` has status, was, since_on and back_on (or "")."""
    return Event.objects.filter(patient=patient, action="patient_status").order_by("-pk").first()


def _check_status(patient: Patient, status: str, since_on: date, back_on: date | None, today: date) -> None:
    if status not in Patient.Status.values:
        raise BadInput("Choose where the patient is.", field="status")
    if since_on > today:
        raise BadInput("This day has not come yet. Save it when it has happened.", field="since_on")
    if since_on < patient.date_of_birth:
        raise BadInput("That is before the patient was born.", field="since_on")
    if back_on and status != Patient.Status.IN_HOSPITAL:
        raise BadInput("Only a stay in hospital has a day of coming home.", field="back_on")
    if back_on and back_on < since_on:
        raise BadInput("The day of coming home is before the first day.", field="back_on")


def _change_status(
    patient: Patient,
    status: str,
    *,
    since_on: date,
    back_on: date | None,
    why: str,
    by: User,
    now: datetime | None = None,
) -> Patient:
    """The one rule of every way to change a status. Call with the patient locked."""
    why, was = fits(why, "why"), patient.status
    said = {
        "status": status,
        "since_on": since_on.isoformat(),
        "back_on": back_on.isoformat() if back_on else "",
    }
    _check_status(patient, status, since_on, back_on, clock.today_in(patient.time_zone, now))
    last = last_told(patient) if status == was else None
    if status == was == Patient.Status.ACTIVE or (last and said.items() <= last.detail.items()):
        return patient
    if not why:
        raise BadInput("Say who told us, or why this is corrected.", field="why")
    patient.status = status
    patient.save(update_fields=["status"])
    stopped = _stop(patient, now) if status != Patient.Status.ACTIVE else _resume(patient, now)
    if status != was:
        _review(patient)
    events.write(
        "patient_status", by=by, patient=patient, subject=patient, why=why, was=was, **said, **stopped
    )
    return patient


def _stop(patient: Patient, now: datetime | None) -> dict[str, int]:
    """What waits for the patient waits no longer: messages, calls and held times, counted."""
    at = now or timezone.now()
    held = slot_holds.standing(at).filter(patient=patient)
    return {
        "messages": notices.stop(patient, now=now),
        "calls": call_rows.stop(patient, now=now),
        "slot_holds": held.update(released_at=at),
    }


def _resume(patient: Patient, now: datetime | None) -> dict[str, int]:
    """The calendar as of today, for running orders; and the messages and calls that were stopped."""
    for prescription in patient.prescriptions.filter(status__in=RUNNING).order_by("pk"):
        prescription = doses.lock(prescription.pk)
        prescription.patient = patient
        doses.sync(prescription, today=clock.today_in(patient.time_zone, now), now=now)
    return {"messages": notices.resume(patient, now=now), "calls": call_rows.resume(patient, now=now)}


def _save(patient: Patient, values: Mapping[str, Any]) -> None:
    if not values:
        return
    for name, value in values.items():
        setattr(patient, name, value)
    try:
        with transaction.atomic():
            patient.save(update_fields=[*values, "search_name"])
    except IntegrityError as error:
        raise BadInput("Another patient has this MRN.", field="mrn") from error


def _reach(patient: Patient, wish: Mapping[str, Any], changed: Iterable[str]) -> None:
    """Contacts as wished. Consent counts from now for what is new; without it nothing may be sent there."""
    now = timezone.now()
    for name, channel in WAYS.items():
        if name not in changed and "consent" not in changed:
            continue
        way = Contact.objects.filter(patient=patient, channel=channel).first()
        if way is None and not wish[name]:
            continue
        way = way or Contact(patient=patient, channel=channel)
        stopped = sendable.unreachable(way)
        renewed = name in changed or not way.usable
        way.value = wish[name]
        if name in changed:
            way.failed_at = None  # what did not work was the old one
        if wish["consent"] and renewed:
            way.consented_at, way.consent_source, way.opted_out_at = now, "office", None
            way.opt_out_source = ""
        elif not wish["consent"]:
            way.consented_at = None if name in changed else way.consented_at
            if way.opted_out_at is None:
                way.opted_out_at, way.opt_out_source = now, "told the office"
        way.save()
        if stopped and way.usable:
            ways.owed_again(patient, channel, stopped, now)


def _open_visits(patient: Patient) -> list[Visit]:
    visits = Visit.objects.filter(patient=patient, state__in=states.OPEN, starts_at__gt=timezone.now())
    return list(visits.select_for_update(no_key=True).order_by("pk"))


def _review(patient: Patient) -> None:
    """Flags of every open visit after a change of status: those with a dose by the usual review."""
    for prescription in patient.prescriptions.order_by("pk"):
        prescription = doses.lock(prescription.pk)
        prescription.patient = patient
        attention.review(prescription)
    code, sentence = attention.away(patient)
    for visit in _open_visits(patient):
        if visit.dose_id is None and visit.attention_code in {"", attention.AWAY}:
            _flag(visit, code, sentence)


def _flag_home(patient: Patient, *, zone_changed: bool) -> None:
    """Flag visits whose road, licence or clock the new home makes wrong."""
    nurse_ids = list(patient.visits.filter(state__in=states.OPEN).values_list("nurse_id", flat=True))
    rows = Nurse.objects.select_for_update(no_key=True).filter(pk__in=nurse_ids).order_by("pk")
    nurses = {nurse.pk: nurse for nurse in rows}
    for visit in _open_visits(patient):
        routes.follow(visit.nurse_id, visit.starts_at, why="home_moved", now=timezone.now())
        problems = preflight.nurse_problems(
            nurses[visit.nurse_id],
            patient,
            needs=(),
            starts_at=visit.starts_at,
            length=visit.ends_at - visit.starts_at,
            without=visit.pk,
        )
        wrong = next((one.text for one in problems if one.code in attention.HOME_CODES), "")
        if not wrong and zone_changed and visit.time_zone != patient.time_zone:
            wrong = f"It was booked by the clock of {visit.time_zone}; the home's is {patient.time_zone} now."
        if wrong and not visit.attention_code:
            _flag(visit, attention.HOME_MOVED, f"The home has changed. {wrong}"[:300])


def _flag(visit: Visit, code: str, sentence: str) -> None:
    visit.attention_code, visit.attention = code, sentence
    visit.save(update_fields=["attention_code", "attention", "changed_at"])
