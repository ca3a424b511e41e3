"""A coordinator puts a day in another order: seen before it is saved, saved whole or not at all."""

from __future__ import annotations

import pytest

from scheduling.models import Event, Notice, RouteVersion, SlotHold, Visit
from scheduling.rules.errors import BadInput, NeedsReason, RuleBroken
from scheduling.services import booking, outcomes, reorder, routes
from scheduling.services.reorder import NotAsShown, Wish
from tests.makers import (
    DAY,
    FORT_WORTH,
    MINUTE,
    NOW,
    at,
    make_check,
    make_dose,
    make_nurse,
    make_patient,
    make_prescription,
    make_time_off,
    make_user,
    make_visit,
    today_at,
)

pytestmark = pytest.mark.django_db
ON = today_at() + 7 * DAY
NEAR = (32.80, -96.80)


def short_visit(nurse, hour, *, place=None, minute=0, by=None):
    """A wellness check of an hour: several fit into one day."""
    check = make_check(make_patient(place=place) if place else make_patient(), ON - DAY, minutes=60)
    return booking.book_check(
        check_id=check.pk, nurse_id=nurse.pk, starts_at=at(ON, hour, minute), by=by or make_user(), now=NOW
    )


@pytest.fixture
def day():
    """Three visits of one nurse at 8:00, 11:00 and 14:00; the one in the middle is far away."""
    nurse = make_nurse()
    return nurse, [
        short_visit(nurse, 8),
        short_visit(nurse, 11, place=FORT_WORTH),
        short_visit(nurse, 14, place=NEAR),
    ]


def effect(nurse, *order, by=None, **wish):
    return reorder.effect_of(
        nurse, ON, Wish(tuple(x.pk for x in order), **wish), by=by or make_user(), now=NOW
    )


def save(nurse, seen, *order, by=None, shown=None, **fields):
    wish = {"reason_class": "organisation", "note": "A shorter way round.", "now": NOW, **fields}
    may_move = wish.pop("may_move", frozenset())
    return reorder.reorder(
        nurse_id=nurse.pk, on=ON, wish=Wish(tuple(x.pk for x in order), may_move),
        shown=seen.signature if shown is None else shown, by=by or make_user(), **wish,
    )  # fmt: skip


def times(lines) -> list[tuple[int, str]]:
    return [
        (line.visit.pk, f"{line.starts_at.astimezone(line.visit.local_start.tzinfo):%H:%M}") for line in lines
    ]


def test_the_effect_says_old_and_new_times_the_road_and_the_end_of_the_day_and_writes_nothing(day):
    nurse, (first, far, near) = day
    rows = Visit.objects.count(), Event.objects.count(), Notice.objects.count()
    seen = effect(nurse, first, near, far)
    assert times(seen.lines) == [(first.pk, "08:00"), (near.pk, "09:15"), (far.pk, "11:45")]
    assert [line.moves for line in seen.lines] == [False, True, True]
    assert seen.possible and not seen.asks
    assert seen.after.legs[1].metres < seen.before.legs[1].metres
    assert seen.after.home_at < seen.before.home_at
    assert (Visit.objects.count(), Event.objects.count(), Notice.objects.count()) == rows


def test_saving_does_what_was_shown_in_one_go_and_leaves_one_line_of_the_day_in_the_trail(day):
    nurse, (first, far, near) = day
    seen = effect(nurse, first, near, far)
    moved = save(nurse, seen, first, near, far)
    assert [visit.moved_from_id for visit in moved] == [near.pk, far.pk]
    assert [visit.starts_at for visit in moved] == [line.starts_at for line in seen.lines[1:]]
    first.refresh_from_db()
    assert first.state == "booked"
    told = Event.objects.get(action="day_reordered")
    assert told.detail["moved"] == [visit.pk for visit in moved]
    assert effect(nurse, first, *moved).moves == []


def test_what_is_saved_is_what_was_shown_or_nothing(day):
    nurse, (first, far, near) = day
    seen = effect(nurse, first, near, far)
    booking.move_visit(
        visit_id=first.pk,
        nurse_id=nurse.pk,
        starts_at=at(ON, 7),
        by=make_user(),
        reason_class="patient",
        now=NOW,
    )
    with pytest.raises(NotAsShown) as no:
        save(nurse, seen, first, near, far)
    assert (no.value.status, no.value.code) == (409, "NOT_AS_SHOWN")
    assert not Event.objects.filter(action="day_reordered").exists()


def test_a_visit_that_joined_the_day_meanwhile_is_looked_at_first(day):
    nurse, (first, far, near) = day
    seen = effect(nurse, first, near, far)
    short_visit(nurse, 17)
    with pytest.raises(NotAsShown):
        save(nurse, seen, first, near, far)


def test_a_confirmed_visit_keeps_its_time_unless_somebody_says_it_may_move(day):
    nurse, (first, far, near) = day
    outcomes.confirm_visit(visit_id=near.pk, by=make_user(), now=NOW)
    seen = effect(nurse, near, first, far)
    assert (seen.lines[0].fixed, seen.lines[0].starts_at) == (True, at(ON, 14))
    assert seen.lines[1].starts_at > at(ON, 15)
    may = effect(nurse, near, first, far, may_move=frozenset({near.pk}))
    assert times(may.lines)[:2] == [(near.pk, "08:00"), (first.pk, "09:15")]
    moved = save(nurse, may, near, first, far, may_move=frozenset({near.pk}))
    assert moved[0].state == "booked"  # and must be confirmed again


def test_a_visit_under_way_or_done_never_moves(day):
    nurse, (first, far, near) = day
    outcomes.set_off(visit_id=first.pk, by=make_user(), now=at(ON, 7))
    seen = effect(nurse, near, first, far, may_move=frozenset({first.pk}))
    assert seen.lines[1].fixed and seen.lines[1].starts_at == at(ON, 8)
    assert seen.lines[1].code == "NO_TIME_TO_DRIVE"


def test_two_fixed_visits_in_the_wrong_order_are_refused_by_name(day):
    nurse, (first, far, near) = day
    for visit in (first, near):
        outcomes.confirm_visit(visit_id=visit.pk, by=make_user(), now=NOW)
    seen = effect(nurse, near, first, far)
    assert (seen.possible, seen.lines[1].code) == (False, "OUT_OF_ORDER")
    with pytest.raises(RuleBroken) as no:
        save(nurse, seen, near, first, far)
    assert (no.value.code, no.value.visit_id) == ("OUT_OF_ORDER", first.pk)


def test_nothing_is_saved_when_a_visit_finds_no_time(day):
    nurse, (first, far, near) = day
    make_time_off(nurse, at(ON, 10), at(ON, 19))
    seen = effect(nurse, first, near, far)
    assert [line.code for line in seen.lines] == ["", "NO_TIME", "NO_TIME"]
    with pytest.raises(RuleBroken) as no:
        save(nurse, seen, first, near, far)
    assert no.value.code == "NO_TIME"
    assert Visit.objects.filter(state="moved").count() == 0


def test_an_order_that_moves_nobody_is_no_change(day):
    nurse, (first, far, near) = day
    seen = effect(nurse, first, far, near)
    assert seen.moves == []
    with pytest.raises(BadInput):
        save(nurse, seen, first, far, near)


def test_each_patient_who_is_told_is_in_the_effect(day):
    nurse, (first, far, near) = day
    Notice.objects.filter(kind="booked").update(state="sent", settled_at=NOW)
    seen = effect(nurse, first, near, far)
    assert [[(x.kind, x.channel, x.state) for x in line.judged.notices] for line in seen.lines[1:]] == [
        [("moved", "email", "planned")]
    ] * 2
    moved = save(nurse, seen, first, near, far)
    owed = Notice.objects.filter(kind="moved", state="planned")
    assert set(owed.values_list("visit_id", flat=True)) == {visit.pk for visit in moved}


def test_a_reason_is_asked_for_where_booking_would_ask_and_serves_all(day):
    nurse, _visits = day
    dose = make_dose(make_prescription(make_patient()), ready=False)
    Visit.objects.all().update(state="cancelled")
    visit = make_visit(dose, nurse, at(ON, 12), override="The papers come by fax.")
    Visit.objects.filter(pk=visit.pk).update(override_codes=[], override_reason="", override_by=None)
    first = short_visit(nurse, 8)
    seen = effect(nurse, visit, first)
    assert seen.asks and seen.possible
    with pytest.raises(NeedsReason) as no:
        save(nurse, seen, visit, first)
    assert no.value.visit_id == visit.pk
    moved = save(nurse, seen, visit, first, override="The papers came by fax.")
    assert moved[0].override_reason == "The papers came by fax."
    assert moved[1].override_reason == ""


def test_a_time_somebody_else_holds_is_kept_free(day):
    nurse, (first, far, near) = day
    dose, other = make_dose(), make_user()
    SlotHold.objects.create(
        dose=dose, patient=dose.prescription.patient, nurse=nurse, starts_at=at(ON, 9), ends_at=at(ON, 10),
        held_by=other, expires_at=NOW + 5 * MINUTE,
    )  # fmt: skip
    seen = effect(nurse, first, near, far)
    assert times(seen.lines)[1] == (near.pk, "10:15")
    assert times(effect(nurse, first, near, far, by=other).lines)[1] == (near.pk, "09:15")


def test_a_published_day_follows_with_one_version(day):
    nurse, (first, far, near) = day
    routes.publish(nurse_id=nurse.pk, on=ON, by=make_user(), now=NOW)
    save(nurse, effect(nurse, first, near, far), first, near, far)
    versions = RouteVersion.objects.filter(nurse=nurse, on=ON)
    assert [(row.version, row.made_by_id is None) for row in versions] == [(2, True), (1, False)]


def test_an_order_with_unknown_and_missing_visits_is_the_day_all_the_same(day):
    nurse, (first, far, near) = day
    other = make_visit()
    seen = reorder.effect_of(nurse, ON, Wish((near.pk, other.pk, near.pk)), by=make_user(), now=NOW)
    assert [line.visit.pk for line in seen.lines] == [near.pk, first.pk, far.pk]


def test_a_day_without_visits_has_no_effect():
    seen = reorder.effect_of(make_nurse(), ON, Wish(), by=make_user(), now=NOW)
    assert (seen.lines, seen.moves, seen.after.home_at) == ((), [], None)


def test_whose_reason_it_is_must_be_said(day):
    nurse, (first, far, near) = day
    with pytest.raises(BadInput):
        save(nurse, effect(nurse, first, near, far), first, near, far, reason_class="")
