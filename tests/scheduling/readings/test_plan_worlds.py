"""Small agencies drawn at random, planned by the real engine: what a plan proposes can be booked, all of it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random

import pytest

from nurses.models import Nurse, Shift
from scheduling.models import PlanLine, PlannedDose, Visit
from scheduling.planning.plan_check import contradictions
from scheduling.planning.routing.files import plan_as_json, read_problem
from scheduling.planning.routing.solve import solve
from scheduling.readings.plan_problem import problem_of
from scheduling.rules.errors import Refused
from scheduling.services import booking, plan_search, plan_take, plans
from tests.makers import (
    DALLAS,
    DAY,
    at,
    make_check,
    make_dose,
    make_nurse,
    make_pair,
    make_patient,
    make_prescription,
    make_record,
    make_time_off,
    make_user,
    today_at,
)

pytestmark = pytest.mark.django_db
SPRING = datetime(2026, 3, 4, 15, tzinfo=UTC)  # the week has 8 March in it
AUTUMN = datetime(2026, 10, 28, 15, tzinfo=UTC)  # and this one 1 November
ZONES = ("America/Chicago", "America/Chicago", "America/Denver", "America/New_York")
DRUGS = {  # regimen -> days since the first dose, where it was given
    "ocrelizumab_iv": (10, 16, 30),
    "natalizumab_q4w": (24, 35, 60),
    "methylprednisolone_iv_3d": (),
}


@pytest.fixture(autouse=True)
def _engine_here(monkeypatch):
    """The engine in this process, for so many rounds: the same plan on any machine."""

    def search(problem, *, seed, **_rest):
        assert contradictions(problem) == []
        found = solve(read_problem(problem), seed=seed, iterations=6, processes=1)
        return plan_as_json(found, seed=seed, seconds=0.0)

    monkeypatch.setattr(plan_search, "search", search)


def near(draw):
    return (DALLAS[0] + draw.uniform(-0.3, 0.3), DALLAS[1] + draw.uniform(-0.4, 0.4))


def a_nurse(draw: Random, today):
    """Hours, breaks, days off, limits and a licence that may end within the week."""
    first = draw.choice([7, 8, 13])
    nurse = make_nurse(
        place=near(draw),
        time_zone=draw.choice(ZONES),
        hours=(time(first), time(draw.choice([first + 8, 22]))),
        licence_until=today + draw.choice([4, 900, 900, 900]) * DAY,
        day_limit_minutes=draw.choice([300, 480, 720]),
        competencies=("iv", "ocrelizumab", "rituximab", draw.choice(["methylprednisolone", "natalizumab"])),
    )
    if draw.random() < 0.5:
        Shift.objects.filter(nurse=nurse).update(break_starts=time(14), break_ends=time(14, 30))
    if draw.random() < 0.5:
        gone = at(today + draw.randrange(2, 8) * DAY, draw.randrange(6, 15))
        make_time_off(nurse, gone, gone + timedelta(hours=draw.choice([2, 30])))
    return nurse


def a_patient(draw: Random, nurses, by, now):
    """One order or two, a first dose given long ago or not, perhaps a check and a nurse who never or always comes."""
    today = today_at(now)
    patient = make_patient(
        place=near(draw), time_zone=draw.choice(ZONES), prefers=draw.choice(["", "morning", "afternoon"])
    )
    regimen, start = draw.choice(list(DRUGS)), today + draw.randrange(0, 10) * DAY
    order = make_prescription(patient, regimen, by=by, now=now, start_on=start)
    dose = make_dose(order, by=by, now=now)
    if DRUGS[regimen] and draw.random() < 0.4:
        make_record(dose, today - draw.choice(DRUGS[regimen]) * DAY, by=by, now=now)
        dose = PlannedDose.objects.select_related("prescription__patient").get(prescription=order, number=2)
    found = [dose]
    if draw.random() < 0.2:
        other = "rituximab_ms_1000x2_then_1000_q6m"
        found.append(
            make_dose(make_prescription(patient, other, by=by, now=now, start_on=start), by=by, now=now)
        )
    if draw.random() < 0.4:
        make_check(patient, today + draw.randrange(-9, 9) * DAY, minutes=draw.choice([30, 60]))
    if draw.random() < 0.3:
        make_pair(patient, draw.choice(nurses), draw.choice(["never", "always"]), by=by)
    return found


def book_somewhere(dose, draw: Random, nurses, by, now):
    """A booking at some hour, with a reason where one helps; or none."""
    for _try in range(12):
        on, minute = dose.due_on + draw.randrange(0, 3) * DAY, draw.choice([0, 0, 15, 20])
        wish = {
            "nurse_id": draw.choice(nurses).pk,
            "starts_at": at(on, draw.choice([6, 8, 9, 13, 16, 19]), minute),
        }
        try:
            visit = booking.book_visit(dose_id=dose.pk, by=by, override="asked for", now=now, **wish)
        except Refused:
            continue
        if draw.random() < 0.3:
            Visit.objects.filter(pk=visit.pk).update(state="confirmed", confirmed_at=now)
        return


@pytest.mark.parametrize(("seed", "now", "release"), [(12, SPRING, "unconfirmed"), (35, AUTUMN, "all")])
def test_everything_a_plan_proposes_can_be_booked(seed, now, release):
    draw, by, first_on = Random(seed), make_user(), today_at(now) + DAY
    nurses = [a_nurse(draw, today_at(now)) for _n in range(4)]
    doses = [dose for _n in range(7) for dose in a_patient(draw, nurses, by, now)]
    for dose in draw.sample(doses, 4):
        book_somewhere(dose, draw, nurses, by, now)
    Nurse.objects.filter(pk=draw.choice(nurses).pk).update(active=draw.random() < 0.7)
    days = {"first_on": first_on, "last_on": first_on + 6 * DAY, "release": release}
    found = problem_of(by, **days, now=now)
    plan = plans.ask(**days, seconds=5, seed=seed, problem=found.problem, about=found.about, by=by, now=now)
    assert plans.run(plan.pk) == "done"
    lines = plan.lines.exclude(kind=PlanLine.Kind.LEFT).values_list("pk", flat=True)
    taken = plan_take.take(plan_id=plan.pk, line_ids=lines, by=by, override="The window is over.", now=now)
    assert [(line.group, line.outcome) for line in taken.lost] == []
    assert len(taken.booked) == len(lines) >= 4
    for line in taken.booked:  # a reason for a late dose, and for nothing else
        late = any(reason["code"] == "LATE" for reason in line.reasons)
        if line.kind == PlanLine.Kind.PLACE:
            assert line.made_visit.override_codes == (["LATE_OUTSIDE_WINDOW"] if late else [])
