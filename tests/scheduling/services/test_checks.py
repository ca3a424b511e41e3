"""Lab draws an order owes and checks a person asks for: visits without a dose."""

from __future__ import annotations

from datetime import date

import pytest

from scheduling.models import PlannedCheck, Visit
from scheduling.rules.errors import BadInput, Conflict, NeedsReason, RuleBroken, SlotTaken
from scheduling.services import booking, checks, doses, prescribing
from scheduling.services import patients as patient_services
from scheduling.services.prescribing import GivenElsewhere
from tests.makers import (
    DAY,
    MINUTE,
    NOW,
    at,
    clock_stands_at,
    make_dose,
    make_evidence,
    make_nurse,
    make_patient,
    make_prescription,
    make_record,
    make_user,
    today_at,
)

pytestmark = pytest.mark.django_db
TODAY = today_at()


def draws(prescription, state="planned") -> list[date]:
    rows = prescription.planned_checks.filter(state=state).order_by("due_on")
    return list(rows.values_list("due_on", flat=True))


def make_treated():
    """A first course of alemtuzumab, given at a facility in the week before NOW."""
    given = [GivenElsewhere(n, TODAY - (8 - n) * DAY) for n in range(1, 6)]
    with clock_stands_at():
        return make_prescription(regimen_id="alemtuzumab_ms", now=NOW, given=given)


def book(check, nurse=None, starts_at=None, override="") -> Visit:
    return booking.book_check(
        check_id=check.pk, nurse_id=(nurse or make_nurse()).pk, starts_at=starts_at or at(check.due_on),
        by=make_user(), override=override, now=NOW,
    )  # fmt: skip


def ask(patient=None, **fields) -> PlannedCheck:
    said = {"kind": "wellness", "due_on": TODAY + 7 * DAY, "reason": "New home oxygen."}
    with clock_stands_at():
        return checks.ask_check(
            patient_id=(patient or make_patient()).pk, by=make_user(), **{**said, **fields}
        )


def test_an_order_owes_its_draws_a_week_before_each_maintenance_dose():
    prescription = make_prescription()
    third = prescription.doses.get(number=3)
    check = prescription.planned_checks.order_by("due_on").first()
    assert (check.due_on, check.what) == (third.due_on - 7 * DAY, ["serum_immunoglobulins"])
    assert check.window_end_on < third.due_on
    assert "Ocrevus" in check.source


def test_draws_follow_a_calendar_that_moves_and_those_that_fell_away_are_kept_as_cancelled():
    prescription = make_prescription()
    before = draws(prescription)
    make_record(make_dose(prescription, ready=False), TODAY)  # a week earlier than ordered
    after = draws(prescription)
    assert after[0] == prescription.doses.get(number=3).due_on - 7 * DAY != before[0]
    assert set(before) - set(after) <= set(draws(prescription, "cancelled"))


def test_a_result_closes_the_draws_it_answers_and_its_withdrawal_opens_them_again():
    prescription = make_treated()
    first = prescription.planned_checks.order_by("due_on").first()
    later = at(first.due_on)
    with clock_stands_at(later):
        paper = make_evidence(prescription.patient, first.what[0], first.due_on)
        first.refresh_from_db()
        assert (first.state, first.done_on) == ("done", first.due_on)
        patient_services.withdraw_evidence(evidence_id=paper.pk, by=make_user(), why="Another patient's.")
        first.refresh_from_db()
        assert (first.state, first.done_on) == ("planned", None)


def test_a_draw_said_to_be_done_stays_done_while_its_result_is_on_the_way():
    prescription = make_treated()
    check = prescription.planned_checks.order_by("due_on").first()
    with clock_stands_at(at(check.due_on)):
        checks.record_done(check_id=check.pk, done_on=check.due_on, by=make_user())
        doses.sync(prescription)
    check.refresh_from_db()
    assert (check.state, check.done_on) == ("done", check.due_on)


def test_draws_go_on_after_the_drug_is_stopped_where_the_label_says_so():
    with clock_stands_at():
        prescription = make_prescription(regimen_id="alemtuzumab_ms", now=NOW)
        make_record(make_dose(prescription, ready=False), TODAY)
        prescribing.stop(prescription_id=prescription.pk, stopped_on=TODAY, why="Reaction.", by=make_user())
    assert draws(prescription)


def test_a_check_is_booked_once_and_a_wellness_check_needs_no_drug_skill():
    check, nurse = ask(), make_nurse(competencies=())
    visit = book(check, nurse)
    assert (visit.kind, visit.planned_check, visit.dose) == ("wellness", check, None)
    assert visit.ends_at - visit.starts_at == checks.DRAW_MINUTES * MINUTE
    with pytest.raises(SlotTaken):
        book(check, make_nurse(), at(check.due_on, 14))


def test_a_lab_draw_needs_a_nurse_who_finds_a_vein():
    check = ask(kind="lab_draw")
    with pytest.raises(RuleBroken) as refused:
        book(check, make_nurse(competencies=()))
    assert refused.value.code == "NOT_COMPETENT"


def test_a_check_outside_its_days_needs_a_reason():
    check = ask()
    with pytest.raises(NeedsReason) as asked:
        book(check, starts_at=at(check.window_end_on + DAY))
    assert asked.value.codes == ("LATE_OUTSIDE_WINDOW",)
    assert book(check, starts_at=at(check.window_end_on + DAY), override="The patient travels.")


def test_a_moved_check_stays_the_same_check():
    check = ask()
    visit = book(check)
    moved = booking.move_visit(
        visit_id=visit.pk, nurse_id=visit.nurse_id, starts_at=at(check.due_on, 14), by=make_user(),
        reason_class="patient", now=NOW,
    )  # fmt: skip
    assert (moved.planned_check, moved.kind) == (check, "wellness")


def test_a_check_done_completes_its_visit_of_that_day():
    check = ask()
    visit = book(check)
    with clock_stands_at(visit.ends_at):
        checks.record_done(check_id=check.pk, done_on=check.due_on, by=make_user())
    visit.refresh_from_db()
    assert visit.state == "completed"


def test_a_visit_still_to_come_for_a_check_that_is_done_is_kept_and_asks_for_a_decision():
    check = ask()
    visit = book(check)
    for day in (TODAY, check.due_on):  # another day, and the same day before its hour
        check.refresh_from_db()
        check.state = PlannedCheck.State.PLANNED
        check.save()
        Visit.objects.filter(pk=visit.pk).update(attention_code="", attention="")
        with clock_stands_at(min(visit.starts_at - MINUTE, at(day, 8))):
            checks.record_done(check_id=check.pk, done_on=day, by=make_user())
        visit.refresh_from_db()
        assert (visit.state, visit.attention_code) == ("booked", "CHECK_DONE")


def test_what_is_booked_or_owed_by_an_order_is_not_called_off_by_hand():
    user, check = make_user(), ask()
    visit = book(check)
    with pytest.raises(Conflict):
        checks.cancel_check(check_id=check.pk, by=user, why="Not needed.")
    booking.cancel_visit(visit_id=visit.pk, by=user, reason_class="patient", now=NOW)
    assert checks.cancel_check(check_id=check.pk, by=user, why="Not needed.").state == "cancelled"
    owed = make_prescription().planned_checks.first()
    with pytest.raises(Conflict) as refused:
        checks.cancel_check(check_id=owed.pk, by=user, why="Not needed.")
    assert refused.value.code == "CHECK_OWED"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "infusion"),
        ("due_on", TODAY - DAY),
        ("minutes", 0),
        ("reason", " "),
        ("due_on", date(2099, 1, 1)),
    ],
)
def test_what_makes_no_sense_is_told_beside_its_field(field, value):
    with pytest.raises(BadInput) as refused:
        ask(**{field: value})
    assert refused.value.field == field


def test_the_same_wish_sent_twice_is_one_check():
    patient = make_patient()
    assert ask(patient).pk == ask(patient).pk


def test_a_booked_draw_the_order_no_longer_asks_for_is_put_before_a_person_and_kept():
    prescription = make_prescription()
    check = prescription.planned_checks.order_by("due_on").first()
    visit = book(check)
    with clock_stands_at():
        prescribing.stop(
            prescription_id=prescription.pk, stopped_on=TODAY - DAY, why="Moved away.", by=make_user()
        )
    visit.refresh_from_db()
    check.refresh_from_db()
    assert (visit.state, visit.attention_code, check.state) == ("booked", "CHECK_NOT_OWED", "planned")


def test_a_booked_draw_whose_result_came_in_is_put_before_a_person_until_the_result_is_taken_back():
    prescription = make_treated()
    check = prescription.planned_checks.order_by("due_on").first()
    visit = book(check)
    with clock_stands_at(at(check.due_on - DAY)):
        paper = make_evidence(prescription.patient, check.what[0], check.due_on - DAY)
        visit.refresh_from_db()
        assert (visit.state, visit.attention_code) == ("booked", "CHECK_DONE")
        patient_services.withdraw_evidence(evidence_id=paper.pk, by=make_user(), why="Another patient's.")
    visit.refresh_from_db()
    assert visit.attention_code == ""
