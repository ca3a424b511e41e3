"""The nurse's pages: the day in order, everything at the door, and the record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from patients.models import Contact
from scheduling.models import DoseRecord, Event, PlannedDose
from scheduling.readings import day as readings
from scheduling.services import booking, records
from tests.makers import (
    DALLAS,
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_nurse,
    make_papers,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db
TODAY = today_at(NOW)
SOON = TODAY + 7 * DAY  # the first dose of a new prescription
NINE = at(SOON, 9)
RECORD = {"amount_mg": "300", "reaction": "none", "reaction_type": "", "note": ""}


@pytest.fixture
def clock():
    """The morning of the visits: 7:00 in Dallas."""
    with clock_stands_at(NINE - 120 * MINUTE) as now:
        yield now


def open_visit(nurse=None, hour=9, *, place=DALLAS, regimen="ocrelizumab_iv", **fields):
    """A booked first dose on SOON."""
    patient = make_patient(place=place, **fields)
    prescription = make_prescription(patient, regimen)
    return make_visit(make_dose(prescription), nurse, at(SOON, hour))


def get(client, nurse, name, **kwargs):
    client.force_login(nurse.user)
    return client.get(reverse(name, kwargs=kwargs))


def test_today_shows_the_next_stop_with_what_opens_the_door(client, clock):
    nurse = make_nurse(place=FORT_WORTH)
    visit = open_visit(
        nurse, first_name="James", last_name="Osei", allergies="Latex", access_notes="Gate 4471. Ramp."
    )
    Contact.objects.create(patient=visit.patient, channel="voice", value="+12145550177")
    page = get(client, nurse, "nurse-today").content.decode()
    drive = readings.day_of(nurse.user, nurse, SOON).stops[0].leg.minutes
    assert f"leave by {'7' if drive > 60 else '8'}:{(120 - drive) % 60:02d} am" in page
    for words in ("James Osei", "Ocrelizumab 300 mg, dose 1", "Gate 4471. Ramp.", "Latex", "9:00 am"):
        assert words in page
    assert "tel:+12145550177" in page and "destination=32.77670,-96.79700" in page


def test_stops_come_in_order_with_the_road_between_them_and_home(client, clock):
    nurse = make_nurse(place=DALLAS)
    late = open_visit(nurse, 14, place=DALLAS, regimen="natalizumab_q4w")
    early = open_visit(nurse, 8, place=FORT_WORTH, regimen="natalizumab_q4w")
    found = readings.day_of(nurse.user, nurse, SOON)
    assert [stop.visit for stop in found.stops] == [early, late]
    assert [stop.leg.minutes > 30 for stop in found.stops] == [True, True] and found.home.minutes == 0
    assert found.stops[0].leave_by == early.starts_at - timedelta(minutes=found.stops[0].leg.minutes)
    assert found.drive_minutes == sum(stop.leg.minutes for stop in found.stops)


def test_a_road_longer_than_the_time_between_two_visits_is_said(clock):
    nurse = make_nurse(place=DALLAS)
    first = open_visit(nurse, 8, place=FORT_WORTH, regimen="natalizumab_q4w")
    second = open_visit(nurse, 15, place=DALLAS, regimen="natalizumab_q4w")
    type(second).objects.filter(pk=second.pk).update(starts_at=first.ends_at + 5 * MINUTE)
    found = readings.day_of(nurse.user, nurse, SOON)
    assert [stop.leg.unfit for stop in found.stops] == [False, True]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(-300, "leave by"), (10, "Now"), (600, "Not recorded yet")],
)
def test_the_hero_says_what_the_hour_means(minutes, words):
    nurse = make_nurse(place=FORT_WORTH)
    open_visit(nurse)
    found = readings.day_of(nurse.user, nurse, SOON, now=NINE + minutes * MINUTE)
    assert words in found.next_words


def test_a_recorded_visit_gives_way_to_the_next_one(clock):
    nurse = make_nurse()
    first, second = open_visit(nurse, 8), open_visit(nurse, 14)
    records.record_given(dose_id=first.dose_id, given_on=SOON, by=nurse.user, now=NINE + 300 * MINUTE)
    found = readings.day_of(nurse.user, nurse, SOON, now=NINE + 300 * MINUTE)
    assert found.next.visit == second and found.stops[0].over


def test_the_day_is_the_nurses_own_and_the_homes_clock_is_said_when_it_differs(client):
    """8:00 in Denver is 9:00 in Dallas; a nurse from Denver drives by Denver's clock."""
    nurse = make_nurse(time_zone="America/Denver")
    visit = open_visit(nurse, 9)
    with clock_stands_at(visit.starts_at - 60 * MINUTE):
        page = get(client, nurse, "nurse-today").content.decode()
    assert "8:00 am" in page and "9:00 am at the home" in page


def test_days_reach_two_weeks_either_way_and_no_further(client, clock):
    nurse = make_nurse()
    for days, status in ((-15, 404), (-14, 200), (0, 200), (14, 200), (15, 404)):
        assert get(client, nurse, "nurse-day", on=SOON + days * DAY).status_code == status, days
    edge = get(client, nurse, "nurse-day", on=SOON + 14 * DAY).content.decode()
    assert reverse("nurse-day", kwargs={"on": SOON + 13 * DAY}) in edge
    assert reverse("nurse-day", kwargs={"on": SOON}).replace(str(SOON), str(SOON + 15 * DAY)) not in edge


@pytest.mark.parametrize("day", ["2026-02-30", "2026-13-01", "tomorrow", "0000-00-00"])
def test_what_is_no_day_is_no_page(client, day):
    client.force_login(make_nurse().user)
    assert client.get(f"/n/days/{day}/").status_code == 404


def test_a_day_without_visits_says_so(client, clock):
    page = get(client, make_nurse(), "nurse-today").content.decode()
    assert "No visits on this day." in page


def test_a_sign_in_without_a_nurse_is_told_whom_to_call(client):
    client.force_login(make_user("nurse"))
    assert b"not linked to a nurse" in client.get(reverse("nurse-today")).content
    assert client.get(reverse("nurse-day", kwargs={"on": TODAY})).status_code == 404


def test_the_door_shows_two_identifiers_the_clock_and_what_is_open(client, clock):
    nurse = make_nurse()
    visit = open_visit(nurse, first_name="Ann", last_name="O'Neil", allergies="<b>nuts</b>")
    page = get(client, nurse, "nurse-visit", visit_id=visit.pk).content.decode()
    for words in ("Ann O&#x27;Neil", "May 17, 1980", "300 mg, dose 1", "&lt;b&gt;nuts&lt;/b&gt;", "911"):
        assert words in page
    # 30 minutes to set up and 30 for premedication; 150 of infusion, 60 of observation (ocrelizumab, first)
    for line in ("9:00 am", "9:30 am", "10:00 am", "12:30 pm", "1:30 pm", "Methylprednisolone"):
        assert line in page
    assert "No infection or fever" in page and "not yet verified by a pharmacist" in page
    assert "start 30 mL/h" in page


def test_papers_that_are_missing_on_the_day_are_named_at_the_door(client, clock):
    nurse = make_nurse(competencies=("iv", "natalizumab"))
    visit = open_visit(nurse, regimen="natalizumab_q4w")
    visit.patient.evidence.filter(kind="brain_mri_baseline").update(withdrawn_at=NOW)
    page = get(client, nurse, "nurse-visit", visit_id=visit.pk).content.decode()
    assert "Before you start" in page and "Baseline brain MRI" in page and "None on file." in page
    assert "none required" not in page.lower()  # no premedication is nothing to give
    assert page.index("checks are met") < page.index("REMS patient authorization")  # on file and in date


def test_earlier_reactions_are_told_with_what_to_do(client):
    nurse = make_nurse()
    prescription = make_prescription(make_patient())
    make_papers(prescription)
    first = prescription.doses.get(number=1)
    later = NOW + 7 * DAY
    records.record_given(
        dose_id=first.pk, given_on=SOON, by=make_user(), reaction="severe", note="rash", now=later
    )
    second = PlannedDose.objects.select_related("prescription__patient").get(
        prescription=prescription, number=2
    )
    visit = make_visit(second, nurse, now=later)
    with clock_stands_at(visit.starts_at - 60 * MINUTE):
        page = get(client, nurse, "nurse-visit", visit_id=visit.pk).content.decode()
    assert "Severe" in page and "rash" in page and "What to do in a reaction" in page


def test_every_chart_on_the_route_is_in_the_audit_trail(client, clock):
    nurse = make_nurse()
    first, second = open_visit(nurse, 8), open_visit(nurse, 14)
    get(client, nurse, "nurse-today")
    get(client, nurse, "nurse-visit", visit_id=first.pk)
    read = Event.objects.filter(action="chart_read", actor=nurse.user).values_list("patient", "subject")
    assert sorted(read) == sorted(
        [(first.patient_id, "route"), (second.patient_id, "route"), (first.patient_id, "visit")]
    )


@pytest.mark.parametrize("name", ["nurse-visit", "nurse-record"])
def test_another_nurses_visit_does_not_exist(client, clock, name):
    visit = open_visit(make_nurse())
    assert get(client, make_nurse(), name, visit_id=visit.pk).status_code == 404
    assert client.post(reverse(name, kwargs={"visit_id": visit.pk}), RECORD).status_code in (404, 405)
    assert get(client, make_nurse(), name, visit_id=visit.pk + 10_000).status_code == 404


def test_a_visit_more_than_two_weeks_away_is_not_open_yet(client):
    nurse = make_nurse()
    visit = open_visit(nurse)
    with clock_stands_at(visit.starts_at - 15 * DAY):
        assert get(client, nurse, "nurse-visit", visit_id=visit.pk).status_code == 404
    with clock_stands_at(visit.starts_at + 15 * DAY):
        assert get(client, nurse, "nurse-visit", visit_id=visit.pk).status_code == 404


def test_a_cancelled_visit_leaves_the_route(client, clock):
    nurse = make_nurse()
    visit = open_visit(nurse)
    booking.cancel_visit(visit_id=visit.pk, by=make_user(), reason_class="patient")
    assert get(client, nurse, "nurse-visit", visit_id=visit.pk).status_code == 404
    assert "No visits on this day." in client.get(reverse("nurse-today")).content.decode()


@pytest.mark.parametrize("role", ["coordinator", "lead", "admin", "patient", None])
def test_other_roles_find_no_nurse_pages(client, clock, role):
    visit = open_visit(make_nurse())
    if role:
        client.force_login(make_user(role))
    for name, kwargs in (
        ("nurse-today", {}),
        ("nurse-day", {"on": SOON}),
        ("nurse-visit", {"visit_id": visit.pk}),
        ("nurse-record", {"visit_id": visit.pk}),
    ):
        answer = client.get(reverse(name, kwargs=kwargs))
        assert answer.status_code == (404 if role else 302), name


# --- Recording ---------------------------------------------------------------------------------


def record_at(client, visit, **typed):
    client.force_login(visit.nurse.user)
    address = reverse("nurse-record", kwargs={"visit_id": visit.pk})
    return client.post(address, {"given_on": SOON.isoformat(), **RECORD, **typed})


def test_the_form_comes_filled_in_but_for_the_reaction(client, clock):
    visit = open_visit(make_nurse())
    page = get(client, visit.nurse, "nurse-record", visit_id=visit.pk)
    form = page.context["form"]
    assert form["given_on"].value() == SOON and form["amount_mg"].value() == "300"
    assert not form["reaction"].value()


def test_a_record_completes_the_visit_and_moves_the_calendar(client, clock):
    visit = open_visit(make_nurse())
    answer = record_at(client, visit, reaction="mild", note="Itchy for ten minutes.")
    assert answer.url == reverse("nurse-visit", kwargs={"visit_id": visit.pk})
    record = DoseRecord.objects.get(dose=visit.dose)
    assert (record.given_on, record.reaction, record.visit_id) == (SOON, "mild", visit.pk)
    visit.refresh_from_db()
    assert visit.state == "completed"
    page = client.get(answer.url).content.decode()
    assert "Recorded: dose 1 was given." in page and "Itchy for ten minutes." in page
    assert "Record given" not in page


def test_sending_the_record_twice_writes_it_once_and_says_so(client, clock):
    visit = open_visit(make_nurse())
    record_at(client, visit)
    again = record_at(client, visit)
    assert again.status_code == 409
    assert "recorded already" in again.content.decode()
    assert DoseRecord.objects.filter(dose=visit.dose).count() == 1


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("given_on", "2026-02-30", "Enter a day that exists"),
        ("given_on", "", "Enter the day it was given."),
        ("given_on", "2099-01-01", "future"),
        ("amount_mg", "", "Enter the amount given in mg."),
        ("amount_mg", "lots", "Enter the amount as a number"),
        ("amount_mg", "0", "more than 0"),
        ("amount_mg", "-5", "greater than or equal to 0"),
        ("amount_mg", "1e400", "Enter the amount"),
        ("amount_mg", "99999999999999999999", "Enter the amount given in mg"),
        ("amount_mg", "NaN", "Enter the amount as a number"),
        ("reaction", "", "Choose how strong"),
        ("reaction", "terrible", "valid choice"),
        ("reaction_type", "hypersensitivity", "You chose no reaction"),
        ("note", "x" * 10_000, "It has 10000."),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_typed_is_lost(
    client, clock, field, typed, words
):
    visit = open_visit(make_nurse())
    answer = record_at(client, visit, **{"note": "kept as typed", field: typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert any(words in error for error in answer.context["form"].errors[field])
    assert "<title>Error:" in page and "data-error-summary" in page
    assert ("x" * 10_000 if field == "note" else "kept as typed") in page
    assert not DoseRecord.objects.exists()


@pytest.mark.parametrize(("reaction", "stopped"), [("severe", False), ("life_threatening", True)])
def test_a_reaction_that_ends_the_drug_says_so_at_once(client, clock, reaction, stopped):
    visit = open_visit(make_nurse())
    page = client.get(record_at(client, visit, reaction=reaction).url).content.decode()
    assert ("No further dose of this drug is planned." in page) is stopped


def test_markup_in_a_note_stays_text(client, clock):
    visit = open_visit(make_nurse())
    record_at(client, visit, note="<script>alert(1)</script>")
    page = client.get(reverse("nurse-visit", kwargs={"visit_id": visit.pk})).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_tomorrows_visit_is_not_recorded_today(client):
    visit = open_visit(make_nurse())
    with clock_stands_at(visit.starts_at - DAY):
        answer = record_at(client, visit, given_on=(SOON - DAY).isoformat())
        page = get(client, visit.nurse, "nurse-visit", visit_id=visit.pk).content.decode()
    assert answer.status_code == 422 and "Record it on that day" in answer.content.decode()
    assert "Record given" not in page


def test_the_message_that_travels_in_a_cookie_names_nobody_and_no_drug(client, clock):
    visit = open_visit(make_nurse())
    answer = record_at(client, visit)
    cookies = " ".join(morsel.value for morsel in answer.cookies.values())
    assert "Ocrelizumab" not in cookies and visit.patient.last_name not in cookies


def test_a_dose_too_early_is_recorded_as_it_happened(client):
    """What happened is never refused for having broken a rule."""
    nurse = make_nurse()
    visit = open_visit(nurse)
    with clock_stands_at(visit.starts_at + 60 * MINUTE):
        assert record_at(client, visit, given_on=(SOON - DAY).isoformat()).status_code == 302


@pytest.mark.parametrize("name", ["nurse-today", "nurse-visit"])
def test_the_number_of_queries_does_not_grow_with_the_day(client, clock, django_assert_max_num_queries, name):
    nurse = make_nurse()
    client.force_login(nurse.user)
    client.get(reverse("nurse-today"))  # the first click writes the session
    counts = []
    for hours in ((8,), (12, 16)):
        for hour in hours:
            visit = open_visit(nurse, hour, regimen="natalizumab_q4w")
        kwargs = {"visit_id": visit.pk} if name == "nurse-visit" else {}
        with django_assert_max_num_queries(25) as asked:
            assert client.get(reverse(name, kwargs=kwargs)).status_code == 200
        counts.append(len(asked.captured_queries))
    assert counts[0] == counts[1]


def test_one_press_tells_the_patient_that_the_nurse_is_on_the_way(client, clock):
    nurse = make_nurse()
    visit = open_visit(nurse)
    assert "I am on my way" in get(client, nurse, "nurse-visit", visit_id=visit.pk).content.decode()
    for _ in range(2):
        answer = client.post(reverse("nurse-on-the-way", kwargs={"visit_id": visit.pk}))
        assert answer.status_code == 302
    visit.refresh_from_db()
    assert visit.state == "en_route"
    assert visit.notices.get(kind="on_the_way").state == "planned"
    assert "I am on my way" not in get(client, nurse, "nurse-visit", visit_id=visit.pk).content.decode()


def test_nobody_sets_off_for_another_nurses_visit(client, clock):
    visit = open_visit(make_nurse())
    get(client, make_nurse(), "nurse-today")
    assert client.post(reverse("nurse-on-the-way", kwargs={"visit_id": visit.pk})).status_code == 404
    visit.refresh_from_db()
    assert visit.state == "booked"
