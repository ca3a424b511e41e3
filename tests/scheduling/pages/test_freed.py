"""Time given back: offered for whoever's window closes first and who really fits; only a person books."""

from __future__ import annotations

from urllib.parse import parse_qs, urlparse

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scheduling.models import Visit
from scheduling.readings import freed
from scheduling.services import absences, bookable, booking, outcomes, prescribing, slot_holds, verdicts
from scheduling.services.prescribing import GivenElsewhere
from tests.makers import (
    DAY,
    NOW,
    at,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db
TODAY = today_at()
MONDAY = TODAY + 7 * DAY


def cancelled(user, nurse=None, **fields):
    """A visit on MONDAY at nine that was just cancelled."""
    visit = make_visit(
        make_dose(by=user, start_on=MONDAY, **fields), nurse or make_nurse(), at(MONDAY), by=user
    )
    return booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)


def waiting(user, closes_in: int, **fields):
    """A patient whose next dose, with a window, closes so many days after MONDAY and has no visit."""
    patient = make_patient(by=user, **fields)
    closes = MONDAY + closes_in * DAY
    given = [GivenElsewhere(1, closes - (28 + 7) * DAY)]
    prescription = make_prescription(patient, "natalizumab_q4w", by=user, given=given)
    return make_dose(prescription, 2, by=user)


def offered(user):
    return freed.offers(user, now=NOW)


def test_a_cancelled_visit_gives_its_time_to_those_whose_window_closes_first():
    user = make_user()
    tight, loose, middle = waiting(user, 1), waiting(user, 5), waiting(user, 3)
    assert tight.window_start_on <= MONDAY <= tight.window_end_on
    visit = cancelled(user)
    (stretch,) = offered(user)
    assert (stretch.visit, stretch.nurse) == (visit, visit.nurse)
    assert [offer.dose for offer in stretch.offers] == [tight, middle, loose]
    assert all(offer.starts_at == visit.starts_at for offer in stretch.offers)


def test_the_dose_that_gave_the_time_back_is_not_offered_it():
    user = make_user()
    visit = cancelled(user)
    (stretch,) = offered(user)
    assert visit.dose not in [offer.dose for offer in stretch.offers]


def test_a_visit_moved_away_frees_its_time_too():
    user, nurse, other = make_user(), make_nurse(), make_nurse()
    visit = make_visit(make_dose(by=user, start_on=MONDAY), nurse, by=user)
    booking.move_visit(
        visit_id=visit.pk, nurse_id=other.pk, starts_at=visit.starts_at, by=user, reason_class="patient", now=NOW
    )  # fmt: skip
    dose = waiting(user, 2)
    (stretch,) = offered(user)
    assert stretch.nurse == nurse and [offer.dose for offer in stretch.offers] == [dose]


def test_a_booking_undone_right_after_frees_nothing():
    user = make_user()
    waiting(user, 2)
    visit = cancelled(user)
    Visit.objects.filter(pk=visit.pk).update(cancel_note=outcomes.UNDONE)
    assert offered(user) == [] and freed.count(user, now=NOW) == 0


def test_what_is_offered_may_be_booked_as_it_is_and_the_link_opens_exactly_that_time():
    user, nurse = make_user(), make_nurse()
    doses = [waiting(user, n) for n in (1, 2, 3, 4)]
    make_visit(make_dose(by=user, start_on=MONDAY), nurse, at(MONDAY, 14), by=user, override="late shift")
    cancelled(user, nurse)
    (stretch,) = offered(user)
    assert len(stretch.offers) == freed.BEST
    for offer in stretch.offers:
        wanted = bookable.of_dose(offer.dose)
        assert verdicts.problems_of(wanted, nurse, offer.starts_at, by=user, now=NOW) == []
    with at_the_desk(user) as client:
        page = client.get(reverse("freed")).content.decode()
        first = stretch.offers[0]
        address = reverse("dose-book", args=[first.dose.pk])
        link = f"{address}?nurse={nurse.pk}&amp;day={MONDAY:%Y-%m-%d}&amp;start=09:00"
        assert link in page
        asked = parse_qs(urlparse(link.replace("&amp;", "&")).query)
        assert asked["start"] == ["09:00"]
        form = client.get(link.replace("&amp;", "&")).context["form"]
        assert (str(form["nurse"].value()), form["start"].value()) == (str(nurse.pk), "09:00")
        assert form["day"].value() == MONDAY.isoformat()
    assert not Visit.objects.filter(dose__in=doses).exists(), "the page books nothing"


def test_time_somebody_took_holds_or_that_is_away_is_not_offered():
    user = make_user()
    taken, held, away, gone = make_nurse(), make_nurse(), make_nurse(), make_nurse()
    for nurse in (taken, held, away, gone):
        cancelled(user, nurse)
    make_visit(make_dose(by=user, start_on=MONDAY), taken, at(MONDAY), by=user)
    dose = waiting(user, 2)
    slot_holds.hold_slot(dose_id=dose.pk, nurse_id=held.pk, starts_at=at(MONDAY), by=make_user(), now=NOW)
    absences.record_time_off(
        nurse_id=away.pk, starts_at=at(MONDAY, 8), ends_at=at(MONDAY, 10), reason_class="sick", by=user, now=NOW
    )  # fmt: skip
    type(gone).objects.filter(pk=gone.pk).update(active=False)
    assert offered(user) == []


def test_who_may_not_be_treated_that_day_is_not_named():
    user = make_user()
    held, closed, expired = waiting(user, 2), waiting(user, -3), waiting(user, 2)
    prescribing.hold(
        prescription_id=held.prescription_id, starts_on=MONDAY - DAY, clears_on=MONDAY + DAY, reason="cold", by=user
    )  # fmt: skip
    expired.prescription.expires_on = MONDAY - DAY
    expired.prescription.save()
    assert closed.window_end_on < MONDAY
    cancelled(user)
    (stretch,) = offered(user)
    assert stretch.offers == ()
    with at_the_desk(user) as client:
        assert "Nobody who waits fits here." in client.get(reverse("freed")).content.decode()


def test_a_nurse_who_may_not_give_the_drug_gets_no_offer_for_it():
    user = make_user()
    waiting(user, 2)
    nurse = make_nurse(competencies=("iv", "ocrelizumab"))
    cancelled(user, nurse)
    (stretch,) = offered(user)
    assert stretch.offers == ()


def test_only_time_freed_lately_and_still_to_come_is_shown():
    user = make_user()
    visit = cancelled(user)
    assert len(offered(user)) == 1
    assert freed.offers(user, now=visit.starts_at) == []
    Visit.objects.filter(pk=visit.pk).update(cancelled_at=NOW - 4 * DAY)
    assert offered(user) == []
    with at_the_desk(user) as client:
        assert "No time was freed" in client.get(reverse("freed")).content.decode()


def test_the_page_asks_the_database_as_often_for_many_stretches_as_for_one():
    user = make_user()

    def asked() -> int:
        with at_the_desk(user) as client, CaptureQueriesContext(connection) as seen:
            assert client.get(reverse("freed")).status_code == 200
        return len(seen)

    waiting(user, 2)
    cancelled(user)
    few = asked()
    for n in range(4):
        cancelled(user)
        waiting(user, n)
    make_time_off(make_nurse(), NOW, NOW + DAY)
    assert asked() == few <= 40
