"""When a nurse cannot come: the list, the best replacement for each, one plan for all, and patients who hear once."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from nurses.models import Licence, Shift, TimeOff
from scheduling.models import Event, Notice, Visit
from scheduling.readings import replacements, uncovered
from scheduling.rules import states
from scheduling.services import (
    absences,
    bookable,
    booking,
    dispatch,
    patient_changes,
    slot_holds,
    verdicts,
)
from tests.makers import (
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_check,
    make_dose,
    make_evidence,
    make_lab_visit,
    make_nurse,
    make_patient,
    make_prescription,
    make_user,
    make_visit,
    today_at,
)
from tests.scheduling.pages.booking_desk import at_the_desk

pytestmark = pytest.mark.django_db
TODAY = today_at()
MONDAY = TODAY + 7 * DAY


def steroid(by=None, on=MONDAY, **fields):
    """The first day of a short course: a visit of about two hours."""
    patient = make_patient(by=by, **fields)
    return make_dose(make_prescription(patient, "natalizumab_q4w", by=by, start_on=on), by=by)


def sick_day(visits: int = 3, *, others: int = 2, hours=(time(7), time(19)), **fields):
    """A nurse with visits one after another on MONDAY who is off all that day; colleagues who are free."""
    user = make_user()
    sick = make_nurse(last_name="Sick", day_limit_minutes=900)
    colleagues = [make_nurse(hours=hours, day_limit_minutes=900, **fields) for _n in range(others)]
    booked, starts_at = [], at(MONDAY, 7, 30)
    for _n in range(visits):
        dose = steroid(user)
        booked.append(make_visit(dose, sick, starts_at, by=user))
        starts_at += dose.length + 3 * MINUTE
    absence = absences.record_time_off(
        nurse_id=sick.pk, starts_at=at(MONDAY, 0), ends_at=at(MONDAY + DAY, 0), reason_class="sick", by=user, now=NOW
    )  # fmt: skip
    assert len(absence.uncovered) == visits
    return user, sick, colleagues, booked


def found(user):
    return uncovered.find(user, now=NOW)


def plan(user):
    return replacements.propose(user, found(user), now=NOW)


def test_what_a_nurse_no_longer_fits_is_found_whatever_the_cause():
    user = make_user()
    causes = {
        "TIME_OFF": lambda nurse: TimeOff.objects.create(
            nurse=nurse, starts_at=at(MONDAY, 0), ends_at=at(MONDAY + DAY, 0)
        ),
        "NURSE_INACTIVE": lambda nurse: type(nurse).objects.filter(pk=nurse.pk).update(active=False),
        "LICENCE_EXPIRED": lambda nurse: Licence.objects.filter(nurse=nurse).update(expires_on=MONDAY - DAY),
        "COMPETENCY_EXPIRED": lambda nurse: nurse.competencies.filter(code="iv").update(expires_on=MONDAY - DAY),
        "NO_SHIFT": lambda nurse: Shift.objects.filter(nurse=nurse).update(until_on=MONDAY - DAY),
        "OUTSIDE_SHIFT": lambda nurse: Shift.objects.filter(nurse=nurse).update(ends=time(10)),
    }  # fmt: skip
    expected = {}
    for code, cause in causes.items():
        visit = make_visit(nurse=make_nurse(user=False), by=user)
        assert visit.local_start.date() == MONDAY
        cause(visit.nurse)
        expected[visit.pk] = code
    make_visit(by=user)
    assert {one.visit.pk: one.why[0].code for one in found(user)} == expected
    assert uncovered.count(user, now=NOW) == len(expected)


def test_a_break_and_a_visit_somebody_accepted_outside_her_hours_are_not_uncovered():
    user, nurse = make_user(), make_nurse()
    dose = make_dose(by=user)
    make_visit(dose, nurse, at(dose.due_on, 16), by=user, override="She agreed to stay")
    Shift.objects.filter(nurse=nurse).update(break_starts=time(17), break_ends=time(17, 30))
    assert found(user) == []


def test_the_list_is_ordered_by_slack_and_a_past_visit_is_not_in_it():
    user, nurse = make_user(), make_nurse()
    late = make_visit(make_dose(by=user), nurse, by=user)
    soon = make_visit(steroid(user, MONDAY + DAY), nurse, by=user)
    lab = make_lab_visit(nurse=nurse, on=MONDAY + 2 * DAY)
    Visit.objects.filter(pk=lab.pk).update(state="completed")
    TimeOff.objects.create(nurse=nurse, starts_at=NOW - DAY, ends_at=NOW + 30 * DAY)
    ordered = found(user)
    assert [one.days_left for one in ordered] == sorted(one.days_left for one in ordered)
    assert {one.visit.pk for one in ordered} == {late.pk, soon.pk}
    assert uncovered.find(user, now=late.ends_at) == [] or all(
        one.visit.pk != late.pk for one in uncovered.find(user, now=late.ends_at)
    )


def test_time_off_taken_back_covers_the_visit():
    user, sick, _others, _booked = sick_day(1)
    off = TimeOff.objects.get(nurse=sick)
    absences.withdraw_time_off(time_off_id=off.pk, by=user, now=NOW)
    assert found(user) == []


def test_the_same_time_with_another_nurse_comes_before_any_other_time():
    user, sick, _others, (visit,) = sick_day(1)
    settlement = plan(user)
    (case,) = settlement.cases
    best = settlement.chosen(case)
    assert best.starts_at == visit.starts_at and best.nurse != sick.pk
    assert sick.pk not in {slot.nurse for slot in case.slots if slot.on == MONDAY}


def test_with_nobody_free_then_the_same_day_comes_before_another_day():
    user, _sick, (other,), (visit,) = sick_day(1, others=1)
    TimeOff.objects.create(nurse=other, starts_at=at(MONDAY, 7), ends_at=at(MONDAY, 9))
    settlement = plan(user)
    best = settlement.chosen(settlement.cases[0])
    assert best.starts_at == at(MONDAY, 9) and best.nurse == other.pk
    TimeOff.objects.create(nurse=other, starts_at=at(MONDAY, 7), ends_at=at(MONDAY, 19))
    settlement = plan(user)
    best = settlement.chosen(settlement.cases[0])
    assert best.on != MONDAY
    assert visit.dose.due_on < best.on


def test_a_nurse_who_is_away_for_the_morning_may_come_in_the_afternoon_herself():
    user, nurse = make_user(), make_nurse()
    visit = make_visit(steroid(user), nurse, at(MONDAY, 9), by=user)
    absences.record_time_off(
        nurse_id=nurse.pk, starts_at=at(MONDAY, 7), ends_at=at(MONDAY, 12), reason_class="other", by=user, now=NOW
    )  # fmt: skip
    settlement = plan(user)
    best = settlement.chosen(settlement.cases[0])
    assert (best.nurse, best.starts_at) == (nurse.pk, at(MONDAY, 12))
    assert visit.pk in settlement.plan.chosen


def test_a_slot_somebody_holds_is_not_proposed():
    user, _sick, (other,), (visit,) = sick_day(1, others=1)
    dose = steroid(user)
    slot_holds.hold_slot(
        dose_id=dose.pk, nurse_id=other.pk, starts_at=visit.starts_at, by=make_user(), now=NOW
    )
    settlement = plan(user)
    assert settlement.chosen(settlement.cases[0]).starts_at != visit.starts_at


def test_the_plan_for_all_serves_everybody_where_one_after_another_would_not():
    """Two visits want the only free nurse's morning; the one that can go elsewhere does."""
    user, _sick, (all_day, only_morning), booked = sick_day(2, others=2)
    Shift.objects.filter(nurse=only_morning).update(ends=time(10, 30))
    Shift.objects.filter(nurse=all_day).update(ends=time(13, 30))
    settlement = plan(user)
    assert settlement.plan.exact and len(settlement.plan.chosen) == len(booked)


def test_every_proposal_may_be_booked_as_it_is():
    user, _sick, others, booked = sick_day(3, others=3)
    busy = make_visit(make_dose(by=user, start_on=MONDAY), others[0], at(MONDAY, 9), by=user)
    make_visit(make_dose(make_prescription(make_patient(by=user, place=FORT_WORTH), by=user, start_on=MONDAY), by=user),
               others[1], at(MONDAY, 12), by=user)  # fmt: skip
    looked_at = 0
    for case in plan(user).cases:
        visit = case.visit
        for slot in case.slots:
            nurse = (
                next(x for x in others if x.pk == slot.nurse) if slot.nurse != visit.nurse_id else visit.nurse
            )
            wanted = bookable.of_dose(visit.dose)
            problems = verdicts.problems_of(wanted, nurse, slot.starts_at, by=user, now=NOW, moving=visit)
            # Its own day may be that of another visit being placed; nothing else may stand against it.
            assert [x.text for x in problems] == [], (slot, problems)
            looked_at += 1
    assert looked_at > len(booked) and busy.pk


def test_a_visit_nobody_can_take_says_what_would_help():
    user, sick, (other,), (visit,) = sick_day(1, others=1)
    Shift.objects.filter(nurse=other).update(starts=time(8), ends=time(9))
    Shift.objects.filter(nurse=sick).update(until_on=MONDAY)
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered"))
    (row,) = page.context["rows"]
    assert row.best is None and row.left == "No nurse fits on the days that need no reason."
    assert any(other.listed_name in line and "with a reason" in line for line in row.helps)
    assert "What would help" in page.content.decode()
    assert reverse("visit-move", args=[visit.pk]) in page.content.decode()


def test_one_click_gives_the_visit_to_the_best_nurse_and_says_so():
    user, _sick, _others, (visit,) = sick_day(1)
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered"))
        (row,) = page.context["rows"]
        assert row.best.label.endswith("same time") and f"Give to {row.best.label}" in page.content.decode()
        after = client.post(reverse("uncovered"), {"give": row.best.value}, follow=True)
    visit.refresh_from_db()
    moved = Visit.objects.get(moved_from=visit)
    assert (visit.state, visit.cancel_class) == ("moved", "provider")
    assert moved.starts_at == visit.starts_at and moved.nurse_id != visit.nurse_id
    assert "Every visit has its nurse." in after.content.decode()
    assert moved.nurse.listed_name in after.content.decode()


def test_what_is_posted_twice_or_changed_meanwhile_is_a_conflict_and_nothing_moves():
    user, _sick, _others, (visit,) = sick_day(1)
    with at_the_desk(user) as client:
        (row,) = client.get(reverse("uncovered")).context["rows"]
        client.post(reverse("uncovered"), {"give": row.best.value})
        again = client.post(reverse("uncovered"), {"give": row.best.value})
    assert again.status_code == 409
    assert Visit.objects.filter(moved_from=visit).count() == 1


@pytest.mark.parametrize(
    "value", ["", "x", "1|2", "1|1|1|never", "9999999|1|1|2026-03-09T12:00:00+00:00", "|||"]
)
def test_a_malformed_post_is_answered_and_moves_nothing(value):
    user, _sick, _others, _booked = sick_day(1)
    with at_the_desk(user) as client:
        assert client.post(reverse("uncovered"), {"give": value}).status_code == 409
        response = client.post(reverse("uncovered-settle"), {"take": ["1"], "choice-1": value})
        assert response.status_code == 409
    assert not Visit.objects.filter(state="moved").exists()


def settle_form(page):
    rows = page.context["solved"]
    return {
        "take": [str(row.visit.pk) for row in rows],
        **{f"choice-{row.visit.pk}": row.best.value for row in rows},
    }


def test_settle_all_moves_every_visit_in_one_request():
    user, sick, _others, booked = sick_day(3)
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered-settle") + f"?nurse={sick.pk}")
        after = client.post(reverse("uncovered-settle") + f"?nurse={sick.pk}", settle_form(page), follow=True)
    assert not Visit.objects.filter(nurse=sick, state__in=states.OPEN).exists()
    assert Visit.objects.filter(moved_from__in=booked, state="booked").count() == 3
    assert [one["lost"] for one in after.context["settled"]] == ["", "", ""]
    assert Event.objects.filter(action="visit_moved").count() == 3


def test_a_visit_that_is_lost_meanwhile_is_told_and_the_others_are_settled():
    user, _sick, (other,), booked = sick_day(2, others=1)
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered-settle"))
        form = settle_form(page)
        make_visit(steroid(user), other, booked[0].starts_at, by=user)  # somebody was first
        after = client.post(reverse("uncovered-settle"), form, follow=True)
    lost = [one for one in after.context["settled"] if one["lost"]]
    assert [one["visit"].pk for one in lost] == [booked[0].pk]
    booked[0].refresh_from_db()
    assert booked[0].state == "booked", "nothing half done"
    assert Visit.objects.get(moved_from=booked[1]).nurse == other
    assert lost[0]["lost"] in after.content.decode()


def test_only_the_chosen_rows_are_settled_and_an_alternative_can_be_taken():
    user, _sick, others, booked = sick_day(2)
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered-settle"))
        row = next(row for row in page.context["solved"] if row.visit.pk == booked[0].pk)
        another = next(choice for choice in row.choices if choice.value != row.best.value)
        form = {"take": [str(booked[0].pk)], f"choice-{booked[0].pk}": another.value}
        client.post(reverse("uncovered-settle"), form)
    moved = Visit.objects.get(moved_from=booked[0])
    assert f"|{moved.nurse_id}|{moved.starts_at.isoformat()}" in another.value
    booked[1].refresh_from_db()
    assert booked[1].state == "booked" and others


def test_no_row_chosen_is_said_and_everything_stays():
    user, _sick, _others, _booked = sick_day(1)
    with at_the_desk(user) as client:
        page = client.post(reverse("uncovered-settle"), {})
    assert page.status_code == 422 and "Choose at least one visit." in page.content.decode()
    assert not Visit.objects.filter(state="moved").exists()


def test_a_visit_that_has_its_nurse_again_is_left_alone():
    user, sick, _others, _booked = sick_day(1)
    with at_the_desk(user) as client:
        form = settle_form(client.get(reverse("uncovered-settle")))
        absences.withdraw_time_off(time_off_id=TimeOff.objects.get(nurse=sick).pk, by=user, now=NOW)
        assert client.post(reverse("uncovered-settle"), form).status_code == 409
    assert not Visit.objects.filter(state="moved").exists()


def test_a_visit_confirmed_before_must_be_confirmed_again_and_the_page_says_so():
    user, _sick, _others, (visit,) = sick_day(1)
    Visit.objects.filter(pk=visit.pk).update(state="confirmed")
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered-settle"))
        assert "had confirmed and must confirm again" in page.content.decode()
        client.post(reverse("uncovered-settle"), settle_form(page))
    assert Visit.objects.get(moved_from=visit).state == "booked"


def test_a_reason_given_for_the_day_counts_again_and_for_nothing_else():
    user, sick, other = make_user(), make_nurse(), make_nurse()
    dose = make_dose(ready=False, by=user)
    visit = make_visit(dose, sick, by=user, override="Result seen on paper")
    assert visit.override_codes
    day = visit.local_start.date()
    absences.record_time_off(
        nurse_id=sick.pk, starts_at=at(day, 0), ends_at=at(day + DAY, 0), reason_class="sick", by=user, now=NOW
    )  # fmt: skip
    with at_the_desk(user) as client:
        client.post(reverse("uncovered-settle"), settle_form(client.get(reverse("uncovered-settle"))))
    moved = Visit.objects.get(moved_from=visit)
    assert (moved.nurse, moved.override_reason) == (other, "Result seen on paper")


def test_the_patient_hears_once_however_often_the_visit_moves_before_the_message_goes(settings):
    settings.NOTICE_DELAY = 5 * MINUTE
    user, _sick, others, (visit,) = sick_day(1)
    dispatch.send_due(now=NOW + 10 * MINUTE)
    assert len(mail.outbox) == 1  # the booking
    soon = Notice.objects.filter(state="planned", due_at__lt=NOW + 30 * MINUTE)
    assert soon.count() == 0, "being uncovered is told to nobody"
    later = NOW + 20 * MINUTE
    first = booking.move_visit(
        visit_id=visit.pk, nurse_id=others[0].pk, starts_at=visit.starts_at, by=user, reason_class="provider", now=later
    )  # fmt: skip
    booking.move_visit(
        visit_id=first.pk, nurse_id=others[1].pk, starts_at=visit.starts_at + 60 * MINUTE, by=user,
        reason_class="provider", now=later + MINUTE,
    )  # fmt: skip
    dispatch.send_due(now=later + 2 * MINUTE)
    assert len(mail.outbox) == 1, "not before the delay"
    dispatch.send_due(now=later + 30 * MINUTE)
    assert len(mail.outbox) == 2
    said = mail.outbox[1].body
    assert "8:30" in said and others[1].first_name in said
    dispatch.send_due(now=later + 60 * MINUTE)
    assert len(mail.outbox) == 2


def test_lab_draws_are_given_to_somebody_else_too():
    user, sick, other = make_user(), make_nurse(), make_nurse()
    lab = make_lab_visit(nurse=sick, on=MONDAY)
    absences.record_time_off(
        nurse_id=sick.pk, starts_at=at(MONDAY, 0), ends_at=at(MONDAY + DAY, 0), reason_class="sick", by=user, now=NOW
    )  # fmt: skip
    with at_the_desk(user) as client:
        (row,) = client.get(reverse("uncovered")).context["rows"]
        client.post(reverse("uncovered"), {"give": row.best.value})
    assert Visit.objects.get(moved_from=lab).nurse == other


def test_nothing_is_proposed_for_somebody_who_is_in_hospital():
    user, _sick, _others, (visit,) = sick_day(1)
    nurse = make_nurse()
    check = make_check(visit.patient)
    draw = booking.book_check(
        check_id=check.pk,
        nurse_id=nurse.pk,
        starts_at=at(check.due_on, 15),
        by=user,
        now=NOW,
        override="soon",
    )
    TimeOff.objects.create(nurse=nurse, starts_at=NOW, ends_at=NOW + 60 * DAY)
    assert draw.pk in plan(user).plan.chosen
    patient_changes.set_status(
        patient_id=visit.patient_id, status="in_hospital", since_on=TODAY, why="fall", by=user, now=NOW
    )
    assert set(plan(user).plan.left) == {visit.pk, draw.pk}


def test_an_absence_of_one_nurse_can_be_looked_at_alone_and_taken_back_from_there():
    user, sick, _others, _booked = sick_day(1)
    with at_the_desk(user) as client:
        page = client.get(reverse("uncovered") + f"?nurse={sick.pk}")
        off = TimeOff.objects.get(nurse=sick)
        assert reverse("away-withdraw", args=[off.pk]) in page.content.decode()
        assert client.get(reverse("uncovered") + "?nurse=99999").status_code == 404
        assert client.get(reverse("uncovered") + "?nurse=x").status_code == 404
        back = client.post(reverse("away-withdraw", args=[off.pk]), {"why": "better"}, follow=True)
        assert "is not away any more" in back.content.decode()
        assert client.post(reverse("away-withdraw", args=[off.pk]), {}).status_code == 409


def test_the_pages_ask_the_database_as_often_for_many_visits_as_for_one():
    def asked(path: str) -> int:
        with at_the_desk(user) as client, CaptureQueriesContext(connection) as seen:
            assert client.get(reverse(path)).status_code == 200
        return len(seen)

    user, _sick, _others, _booked = sick_day(1)
    few = {path: asked(path) for path in ("uncovered", "uncovered-settle")}
    for _n in range(3):
        sick_day(2)
    assert {path: asked(path) for path in few} == few
    assert max(few.values()) <= 45


def test_off_today_is_one_click_and_leads_to_the_replacements():
    user, nurse = make_user(), make_nurse()
    make_nurse()
    dose = steroid(user, TODAY)
    visit = make_visit(dose, nurse, at(TODAY, 13), by=user)
    with at_the_desk(user) as client:
        assert "Off today" in client.get(reverse("nurse", args=[nurse.pk])).content.decode()
        response = client.post(reverse("nurse-away", args=[nurse.pk]), {"today": "1"}, follow=True)
    assert response.redirect_chain == [(reverse("uncovered") + f"?nurse={nurse.pk}", 302)]
    off = TimeOff.objects.get(nurse=nurse)
    assert (off.starts_at, off.ends_at, off.reason) == (NOW, at(TODAY + DAY, 0), "sick")
    assert [row.visit.pk for row in response.context["rows"]] == [visit.pk]


def test_leave_from_a_day_to_a_day_counts_both_and_without_visits_comes_back_to_the_nurse():
    user, nurse = make_user(), make_nurse()
    form = {
        "reason_class": "leave",
        "first_on": "3/9/2026",
        "last_on": "3/13/2026",
        "from_time": "",
        "to_time": "",
    }
    with at_the_desk(user) as client:
        response = client.post(reverse("nurse-away", args=[nurse.pk]), form, follow=True)
    off = TimeOff.objects.get(nurse=nurse)
    assert (off.starts_at, off.ends_at) == (at(date(2026, 3, 9), 0), at(date(2026, 3, 14), 0))
    assert "Mon, Mar 9 – Fri, Mar 13. No visit is affected." in response.content.decode()


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"last_on": "3/8/2026"}, 422),
        ({"first_on": "2/30/2026"}, 422),
        ({"reason_class": ""}, 422),
        ({"first_on": "2/1/2026", "last_on": "2/2/2026"}, 422),
        ({"from_time": "2:30", "first_on": "3/8/2026"}, 422),
    ],
)
def test_leave_that_makes_no_sense_keeps_what_was_typed(changed, status):
    nurse = make_nurse()
    form = {"reason_class": "leave", "first_on": "3/9/2026", "last_on": "3/13/2026", **changed}
    with at_the_desk() as client:
        page = client.post(reverse("nurse-away", args=[nurse.pk]), form)
    assert page.status_code == status and form["last_on"] in page.content.decode()
    assert not TimeOff.objects.exists()


def test_a_paper_somebody_forbids_is_no_way_to_another_day():
    user, _sick, (other,), (visit,) = sick_day(1, others=1)
    TimeOff.objects.create(nurse=other, starts_at=at(MONDAY, 0), ends_at=at(MONDAY + DAY, 0))
    assert plan(user).plan.chosen
    make_evidence(visit.patient, "touch_patient_authorization", TODAY, by=user, clear=False)
    assert not plan(user).plan.chosen
