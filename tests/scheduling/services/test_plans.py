"""A plan is asked for, searched in a process of its own, kept whole or not at all, and can be stopped."""

from __future__ import annotations

import fcntl
import json
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from scheduling.models import Event, PlanLine, Visit, WeekPlan
from scheduling.readings.plan_problem import problem_of
from scheduling.rules.errors import BadInput, Conflict
from scheduling.services import pairs, plan_search, plan_take, plans
from tests.makers import DAY, NOW, at, make_dose, make_nurse, make_plan, make_user, make_visit, today_at
from tests.threads import all_at_once

pytestmark = pytest.mark.django_db
MONDAY = today_at() + 7 * DAY

# Stands where the planner would: reads the question, says lines of JSON.
ANSWERS = "import json,sys;asked=json.load(sys.stdin);say=lambda x:print(json.dumps(x),flush=True);"
NOTHING_FOUND = (
    ANSWERS
    + "cost=dict.fromkeys(['drive','nurses','windows','courses','fairness'],0);"
    + "lost=sum(v['prize'] for v in asked['problem']['visits'] if not v.get('pinned'));"
    + "cost|={'prizes':lost,'total':lost};"
    + "left=[v['id'] for v in asked['problem']['visits']];"
    + "say({'progress':{'seconds':0.1,'cost':lost,'served':0,'bound':None,'phase':'first'}});"
    + "plan={'cost':cost,'bound':None,'routes':[],'left':left,'iterations':1,'seed':1,'seconds':0.1};"
)


@pytest.fixture
def planner(monkeypatch):
    """Puts another program where the planner is; returns the function that does."""

    def is_now(source: str) -> None:
        monkeypatch.setattr(plan_search, "PROGRAM", ("-c", source))

    return is_now


def asked(*, doses=1, now=NOW, **fields):
    """A plan of next week with so many doses due, and one nurse."""
    for _n in range(doses):
        make_dose(now=now)
    make_nurse()
    release = fields.get("release", "none")
    gathered = problem_of(make_user(), MONDAY, MONDAY + 6 * DAY, release, now=now)
    wish = {"release": release, "seconds": 5, "by": make_user(), "now": now, **fields}
    return plans.ask(
        first_on=MONDAY, last_on=MONDAY + 6 * DAY, problem=gathered.problem, about=gathered.about, **wish
    )


def test_what_the_search_found_is_kept_with_its_course_and_nothing_is_booked(planner):
    planner(NOTHING_FOUND + "say({'plan':plan})")
    plan = asked()
    assert plans.run(plan.pk) == "done"
    plan.refresh_from_db()
    assert plan.state == "done" and plan.finished_at and not Visit.objects.exists()
    assert [point["phase"] for point in plan.progress] == ["first"]
    (line,) = plan.lines.all()
    assert (line.kind, line.state, line.dose.due_on) == ("left", "proposed", MONDAY)
    assert plan.before["unserved"] == plan.after["unserved"] == 1
    assert set(Event.objects.filter(subject=f"weekplan {plan.pk}").values_list("action", flat=True)) == {
        "plan_asked",
        "plan_made",
    }


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys;sys.exit(3)", "ended without a plan"),
        (ANSWERS + "say({'error':'visits[0].duration: a whole number'})", "visits[0].duration"),
        ("print('no json')", "ended without a plan"),
        (NOTHING_FOUND + "plan['left']=[];say({'plan':plan})", "did not keep every rule"),
        (NOTHING_FOUND + "plan['cost']['total']-=1;say({'plan':plan})", "did not keep every rule"),
    ],
)
def test_a_search_that_fails_says_so_and_leaves_nothing_half_done(planner, program, said):
    planner(program)
    plan = asked()
    assert plans.run(plan.pk) == "failed"
    plan.refresh_from_db()
    assert said in plan.failure and plan.state == "failed"
    assert not PlanLine.objects.exists() and plan.result == {} and not Visit.objects.exists()


def test_a_booked_visit_the_search_leaves_out_is_held_where_it_is_and_it_looks_again(planner):
    """The stand-in serves what is pinned and nothing else."""
    visit = make_visit(starts_at=at(MONDAY))
    serves_pins = (
        "p=asked['problem'];n={x['id']:x for x in p['nurses']};pins=[v for v in p['visits'] if v.get('pinned')];"
        "from scheduling.planning.travel import drive_minutes as d;"
        "leg=lambda v:60*d((n[v['pinned']['nurse']]['lat'],n[v['pinned']['nurse']]['lon']),(v['lat'],v['lon']));"
        "plan['routes']=[{'nurse':v['pinned']['nurse'],'day':v['pinned']['day'],'drive':2*leg(v),"
        "'leave':v['pinned']['start']-leg(v),'back':v['pinned']['start']+v['duration']+leg(v),"
        "'stops':[{'visit':v['id'],'start':v['pinned']['start']}]} for v in pins];"
        "plan['left']=[v['id'] for v in p['visits'] if not v.get('pinned')];"
        "plan['cost']['drive']=sum(r['drive'] for r in plan['routes']);"
        "plan['cost']['total']+=plan['cost']['drive'];"
    )
    planner(NOTHING_FOUND + serves_pins + "say({'plan':plan})")
    plan = asked(release="unconfirmed")
    assert plans.run(plan.pk) == "done"
    plan.refresh_from_db()
    assert [row["pinned"] for row in plan.problem["visits"] if row["id"] == f"v{visit.pk}"] == [
        {"nurse": str(visit.nurse_id), "day": 0, "start": 9 * 3600}
    ]
    assert not plan.lines.filter(visit=visit).exists(), "it stays as it is booked"


def test_stopping_keeps_the_best_so_far(planner):
    listens = (
        "import signal,threading;end=threading.Event();signal.signal(signal.SIGTERM,lambda *_:end.set());"
    )
    planner(listens + NOTHING_FOUND + "end.wait();say({'plan':plan})")
    plan = asked(seconds=300)
    WeekPlan.objects.filter(pk=plan.pk).update(stop_asked_at=NOW)
    assert plans.run(plan.pk) == "cancelled"
    assert plan.lines.count() == 1


def test_a_search_that_does_not_listen_is_ended(planner, monkeypatch):
    monkeypatch.setattr(plan_search, "LONGEST_SILENCE", 0.2)
    planner("import signal;signal.signal(signal.SIGTERM,signal.SIG_IGN);signal.pause()")
    plan = asked(seconds=300)
    WeekPlan.objects.filter(pk=plan.pk).update(stop_asked_at=NOW)
    assert plans.run(plan.pk) == "failed"


def test_a_search_that_finds_nothing_better_for_minutes_is_alive_all_the_same(monkeypatch):
    """News comes with every better plan alone, and a good one may be the last for minutes."""
    monkeypatch.setattr(plans, "BEATS_EVERY", 0)

    def quiet(problem, *, stopped, **_rest):
        WeekPlan.objects.update(beat_at=timezone.now() - timedelta(minutes=3))
        assert not stopped()
        assert plans.keep_up() == 0
        raise plan_search.SearchFailed("Enough of this.")

    monkeypatch.setattr(plan_search, "search", quiet)
    plan = asked()
    assert plans.run(plan.pk) == "failed"
    plan.refresh_from_db()
    assert plan.failure == "Enough of this."


def test_a_search_that_is_ended_leaves_no_helper_behind(planner, tmp_path):
    """The helper holds a lock as long as it lives, and would write a word on its way out."""
    lock = tmp_path / "lock"
    helper = (
        f"import fcntl,threading;f=open({str(lock)!r},'w');fcntl.flock(f,fcntl.LOCK_EX);"
        "print('locked',flush=True);threading.Event().wait(20);f.write('ended by itself')"
    )
    planner(
        "import json,subprocess,sys;"
        f"child=subprocess.Popen([sys.executable,'-c',{helper!r}],stdout=subprocess.PIPE,text=True);"
        "child.stdout.readline();print(json.dumps({'error':'no more'}),flush=True);child.wait()"
    )
    assert plans.run(asked().pk) == "failed"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert held.read() == ""


def test_a_long_course_of_a_search_keeps_its_ends_and_does_not_grow_for_ever():
    plan = make_plan(progress=[])
    diary = plans._Diary(plan)
    for n in range(5 * plans.MOST_POINTS):
        diary({"seconds": n, "cost": 9, "served": 1, "bound": None, "phase": "improve"})
    seconds = [point["seconds"] for point in diary.points]
    assert len(seconds) <= plans.MOST_POINTS and seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (0, 5 * plans.MOST_POINTS - 1)


def test_a_plan_stopped_before_it_began_never_begins(planner):
    planner("raise SystemExit(9)")
    plan = asked()
    assert plans.stop(plan_id=plan.pk, by=make_user(), now=NOW).state == "cancelled"
    assert plans.run(plan.pk) == ""
    with pytest.raises(Conflict) as no:
        plans.stop(plan_id=plan.pk, by=make_user(), now=NOW)
    assert no.value.code == "PLAN_OVER"


def test_the_second_worker_finds_the_plan_taken_and_takes_over_one_that_fell_silent(planner):
    planner(NOTHING_FOUND + "say({'plan':plan})")
    plan = asked()
    alive = timezone.now()
    WeekPlan.objects.filter(pk=plan.pk).update(state="running", started_at=alive, beat_at=alive)
    assert plans.run(plan.pk) == ""
    WeekPlan.objects.filter(pk=plan.pk).update(beat_at=alive - timedelta(minutes=2))
    assert plans.run(plan.pk) == "done"


def test_what_a_worker_finds_after_another_took_over_is_not_kept(planner):
    planner(NOTHING_FOUND + "say({'plan':plan})")
    plan = asked()
    mine = plans._taken(plan.pk)
    WeekPlan.objects.filter(pk=plan.pk).update(started_at=timezone.now() + timedelta(minutes=2))
    result = plan_search.search(
        mine.problem, seconds=5, seed=1, iterations=None, told=lambda said: None, stopped=lambda: False
    )
    assert plans._finished(mine, result) == "running"
    assert not plan.lines.exists()


def test_a_search_that_was_given_up_meanwhile_ends_and_keeps_nobody_elses_plan_alive(monkeypatch):
    monkeypatch.setattr(plans, "BEATS_EVERY", 0)
    ended = []

    def given_up(problem, *, stopped, **_rest):
        WeekPlan.objects.update(beat_at=NOW)
        plans.keep_up()
        ended.append(stopped())
        raise plan_search.SearchFailed("Ended.")

    monkeypatch.setattr(plan_search, "search", given_up)
    plan = asked()
    plans.run(plan.pk)
    plan.refresh_from_db()
    assert ended == [True] and plan.beat_at == NOW
    assert (plan.state, plan.failure) == ("failed", "Its worker stopped. Nothing was changed.")


def test_a_lost_message_is_made_good_and_a_dead_search_is_ended(planner, monkeypatch):
    started = []
    monkeypatch.setattr(plans, "_start", lambda pk: started.append(pk) or True)
    waiting = make_plan(state="waiting", requested_at=NOW, finished_at=None)
    fresh = make_plan(state="waiting", requested_at=NOW + timedelta(seconds=50), finished_at=None)
    silent = make_plan(state="running", beat_at=NOW, finished_at=None)
    alive = make_plan(state="running", beat_at=NOW + timedelta(seconds=50), finished_at=None)
    assert plans.keep_up(now=NOW + timedelta(seconds=61)) == 2
    assert started == [waiting.pk]
    states = {plan.pk: WeekPlan.objects.get(pk=plan.pk).state for plan in (fresh, silent, alive)}
    assert states == {fresh.pk: "waiting", silent.pk: "failed", alive.pk: "running"}


def test_a_dead_broker_does_not_keep_anybody_from_asking(monkeypatch, django_capture_on_commit_callbacks):
    def dead(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr("celery.canvas.Signature.apply_async", dead)
    with django_capture_on_commit_callbacks(execute=True):
        plan = asked()
    assert plan.state == "waiting"


def test_days_that_are_being_planned_are_not_planned_twice():
    plan = asked()
    with pytest.raises(Conflict) as no:
        asked()
    assert (no.value.code, no.value.field) == ("PLAN_UNDER_WAY", "first_on")
    WeekPlan.objects.filter(pk=plan.pk).update(state="done")
    asked()


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_for_the_same_days_get_one_plan():
    make_dose()
    by, days = make_user(), {"first_on": MONDAY, "last_on": MONDAY + 6 * DAY}
    found = problem_of(by, **days, now=NOW)
    wish = {
        "release": "none",
        "seconds": 5,
        "problem": found.problem,
        "about": found.about,
        "by": by,
        "now": NOW,
    }
    answers = all_at_once([partial(plans.ask, **days, **wish)] * 2)
    assert {type(answer) for answer in answers} == {Conflict, WeekPlan}
    assert WeekPlan.objects.count() == 1


@pytest.mark.parametrize("fields", [{"seconds": 1}, {"seconds": 301}, {"seed": -1}, {"seed": 2**31}])
def test_a_search_of_no_sense_is_refused_beside_its_field(fields):
    with pytest.raises(BadInput) as no:
        asked(**fields)
    assert no.value.field in fields and not WeekPlan.objects.exists()


def test_the_search_is_told_no_secret_and_no_name(planner, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not for you")
    monkeypatch.setenv("DATABASE_URL", "postgres://not-for-you")
    planner("import json,os,sys;sys.stdin.read();print(json.dumps({'error':' '.join(sorted(os.environ))}))")
    plan = asked()
    plans.run(plan.pk)
    plan.refresh_from_db()
    assert "PATH" in plan.failure and "SECRET" not in plan.failure and "DATABASE" not in plan.failure
    told = json.dumps([plan.problem, plan.about])
    assert "Tester" not in told and "Rivera" not in told and "Elm Street" not in told


def test_a_plan_of_the_real_planner_is_taken_whole_when_nothing_changed():
    make_visit(starts_at=at(MONDAY))
    other = make_nurse(competencies=("iv", "methylprednisolone"))
    make_dose(regimen_id="methylprednisolone_iv_3d")
    plan = asked(doses=4, seconds=3, iterations=5)
    assert plans.run(plan.pk) == "done"
    assert not plan.lines.filter(kind="left").exists()
    taken = plan_take.take(
        plan_id=plan.pk, line_ids=list(plan.lines.values_list("pk", flat=True)), by=make_user(), now=NOW
    )
    assert [line.outcome for line in taken.lost] == []
    assert len(taken.booked) == 7 and Visit.objects.filter(nurse=other).count() == 3


def test_a_line_says_that_the_patient_always_has_this_nurse():
    dose, nurse, _other = make_dose(), make_nurse(), make_nurse()
    by = make_user()
    pairs.pin(
        patient_id=dose.prescription.patient_id, nurse_id=nurse.pk, kind="always", why="asked", by=by, now=NOW
    )
    plan = asked(doses=0, seconds=3, iterations=5)
    assert plans.run(plan.pk) == "done"
    (line,) = plan.lines.all()
    codes = [reason["code"] for reason in line.reasons]
    assert line.nurse_id == nurse.pk and "PINNED" in codes and "ONLY_NURSE" not in codes
