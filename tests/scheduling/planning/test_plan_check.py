"""The checker of plans: a good plan has nothing to say against it, a bad one is told what is wrong, in its words."""

from copy import deepcopy

import pytest

from scheduling.planning.plan_check import contradictions, cost, violations

HOUR, DAY = 3_600, 86_400
EIGHT = 8 * HOUR


def nurse(name, lat, lon, *, skills=("iv",), days=(0, 1), **more):
    shifts = [{"day": day, "start": day * DAY + EIGHT, "end": day * DAY + EIGHT + 9 * HOUR} for day in days]
    return {"id": name, "lat": lat, "lon": lon, "skills": list(skills), "shifts": shifts, **more}


def visit(name, lat, lon, *, days=(0, 1), prize=9_000, duration=2 * HOUR, **more):
    windows = [[day * DAY + EIGHT, day * DAY + 15 * HOUR] for day in days]
    row = {"id": name, "lat": lat, "lon": lon, "duration": duration, "skills": ["iv"], "windows": windows}
    return row | {"prize": prize, "preferred_nurse": None, "pinned": None} | more


def problem():
    """Two nurses, two days; 0.01 degrees of latitude are 1.112 km, 1.446 by road: 370 s."""
    first = nurse("Ana", 32.80, -97.0, target=5 * HOUR)
    first["shifts"][0] |= {"spans": [[EIGHT, 12 * HOUR], [12 * HOUR + 1_800, 17 * HOUR]], "limit": 5 * HOUR}
    first["shifts"][1]["skills"] = ["iv", "port"]
    return {
        "meta": {"continuity_penalty": 1_800, "step": 900, "fairness": 0.5, "course_change": 700},
        "nurses": [first, nurse("Ben", 32.90, -97.0)],
        "visits": [
            visit("a", 32.81, -97.0, preferred_nurse="Ana", patient="p"),
            visit("b", 32.82, -97.0, windows=[[13 * HOUR, 14 * HOUR, 250]]),
            visit("c", 32.81, -97.0, patient="p", nurses=["Ana"], skills=["port"], days=(1,)),
            visit("k0", 32.91, -97.0, patient="q", course="k", course_day=0),
            visit("k1", 32.91, -97.0, patient="q", course="k", course_day=1, preferred_nurse="Ana"),
            visit(
                "pin",
                32.90,
                -97.01,
                pinned={"nurse": "Ben", "day": 0, "start": 45_001},
                windows=[[45_001, 45_001]],
            ),
            visit("far", 47.6, -122.3, prize=30_000),
        ],
    }


def plan():
    """Made by hand: every start as early as the drive, the step and the hours let it be."""
    routes = [
        route("Ana", 0, ("a", 28_800 + 900), ("b", 46_800), drive=370 + 370 + 500, legs=(370, 500)),
        route("Ana", 1, ("c", DAY + 28_800 + 900), drive=740, legs=(370, 370)),
        route("Ben", 0, ("k0", 28_800 + 900), ("pin", 45_001), drive=0, legs=(370, 0)),
        route("Ben", 1, ("k1", DAY + 28_800 + 900), drive=740, legs=(370, 370)),
    ]
    made = {"routes": routes, "left": ["far"], "bound": None}
    # Ben's ways of day 0 are not whole hundredths: east-west 0.01 degrees are 0.934 km, 1.214 by road.
    there, back = 240 + round(90 * DIAGONAL_KM), 240 + round(90 * WEST_KM)
    routes[2] |= {"drive": 370 + there + back, "back": 45_001 + 2 * HOUR + back}
    drive = sum(route["drive"] for route in routes)
    away = sum(route["back"] - route["leave"] for route in routes[:2])
    figures = {
        "drive": drive,
        "nurses": 1_800,
        "windows": 250,
        "courses": 0,
        "fairness": round((away - 5 * HOUR) / 2),
        "prizes": 30_000,
    }
    return made | {"cost": figures | {"total": sum(figures.values())}}


DIAGONAL_KM, WEST_KM = 1.8877, 1.2137  # by road


def route(name, day, *stops, drive, legs):
    rows = [{"visit": one, "start": start} for one, start in stops]
    leave, back = stops[0][1] - legs[0], stops[-1][1] + 2 * HOUR + legs[1]
    return {"nurse": name, "day": day, "leave": leave, "back": back, "drive": drive, "stops": rows}


def test_a_plan_that_keeps_every_rule_has_nothing_said_against_it():
    assert violations(problem(), plan()) == []
    assert cost(problem(), plan()) == plan()["cost"]


def change(what):
    """A plan with one thing wrong, its own figures put right where that can be."""
    case, made = problem(), deepcopy(plan())
    what(case, made)
    return case, made


def starts(at, stop, start):
    def edit(_case, made):
        made["routes"][at]["stops"][stop]["start"] = start

    return edit


def swap_nurse(_case, made):
    made["routes"][1]["nurse"] = "Ben"
    made["routes"].pop(3)
    made["left"].append("k1")


def case_edit(path, value):
    def edit(case, _made):
        row = case
        for part in path[:-1]:
            row = row[part]
        row[path[-1]] = value

    return edit


def both(_case, made):
    made["left"].append("a")


def lost(_case, made):
    made["routes"][0]["stops"].pop()


def half_a_course(_case, made):
    made["routes"].pop()
    made["left"].append("k1")


def turned_course(_case, made):
    made["routes"][2]["stops"][0]["visit"], made["routes"][3]["stops"][0]["visit"] = "k1", "k0"


def same_patient(_case, made):
    made["routes"][0]["stops"].insert(0, made["routes"][1]["stops"][0] | {"start": 29_700})
    made["routes"].pop(1)


def promise_moved(_case, made):
    made["routes"][2]["stops"][1]["start"] = 45_900


def promise_left(_case, made):
    made["routes"][2]["stops"].pop()
    made["left"].append("pin")


def nobody(_case, made):
    made["routes"][0]["nurse"] = "Zoe"


def stranger(_case, made):
    made["left"].append("zzz")


def twice_a_day(_case, made):
    made["routes"].append(made["routes"][0] | {"stops": []})


def no_stops(_case, made):
    made["routes"].append({"nurse": "Ana", "day": 5, "leave": 0, "back": 0, "drive": 0, "stops": []})


def figure(field, value, at=None):
    def edit(_case, made):
        (made["cost"] if at is None else made["routes"][at])[field] = value

    return edit


def bound(_case, made):
    made["bound"] = made["cost"]["total"] + 1


BROKEN = [
    (starts(0, 0, 29_699), "no multiple of 900"),
    (starts(0, 0, 28_800), "leaves at 28430 for visit a, before her shift"),
    (starts(0, 0, 36_900), "is not whole inside her hours"),  # over her lunch
    (starts(0, 0, 44_100), "cannot be at visit b at 46800"),
    (starts(0, 1, 45_900), "visit b with nurse Ana at 45900: that is outside its windows"),
    (starts(1, 0, 29_700), "that is not on day 1"),
    (case_edit(("nurses", 0, "shifts", 0, "end"), 54_400), "after her shift of day 0"),
    (
        case_edit(("nurses", 0, "shifts", 0, "limit"), 4 * HOUR - 1),
        "14400 s at bedsides on day 0, more than 14399",
    ),
    (case_edit(("nurses", 0, "shifts", 1, "skills"), ["iv"]), "she lacks port on day 1"),
    (case_edit(("nurses", 0, "skills"), []), "she lacks iv on day 0"),
    (case_edit(("visits", 0, "nurses"), ["Ben"]), "not one of those who may come"),
    (case_edit(("nurses", 1, "shifts"), []), "when she does not work"),
    (case_edit(("roads",), [[32.81, -97.0, 32.82, -97.0, 15_000]]), "from visit a she is there at 51900"),
    (swap_nurse, "not one of those who may come"),
    (both, "visit a is there 2 times"),
    (lost, "visit b is there 0 times"),
    (half_a_course, "course k is served in part: k1 is left"),
    (turned_course, "not as many days apart"),
    (same_patient, "patient p has visits a and c on day 0"),
    (promise_moved, "visit pin is promised with nurse ben on day 0 at 45001"),
    (promise_left, "visit pin is promised"),
    (nobody, "there is no nurse zoe"),
    (stranger, "there is no visit zzz"),
    (twice_a_day, "nurse ana has 2 routes on day 0"),
    (no_stops, "nurse ana on day 5 has no stops"),
    (figure("leave", 29_329, 0), "says leave 29329, and it is 29330"),
    (figure("back", 1, 0), "says back 1, and it is"),
    (figure("drive", 1, 0), "says drive 1, and it is 1240"),
    *((figure(name, -1), f"its cost in {name} is -1") for name in (*plan()["cost"],)),
    (bound, "it costs"),
]


@pytest.mark.parametrize(("what", "words"), BROKEN, ids=[words for _what, words in BROKEN])
def test_every_broken_rule_is_named(what, words):
    said = violations(*change(what))
    assert any(words.lower() in line.lower() for line in said), said


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"routes": [], "left": []},
        {"routes": [7], "left": [], "cost": {}},
        {"routes": [], "left": [7], "cost": {}},
        {"routes": [{"nurse": "Ana"}], "left": [], "cost": {}},
        {"routes": [{"nurse": "Ana", "stops": [], "day": 0.5}], "left": [], "cost": {}},
        {
            "routes": [{"nurse": "Ana", "stops": [{}], "day": 0, "leave": 0, "back": 0, "drive": 0}],
            "left": [],
            "cost": {},
        },
    ],
)
def test_a_plan_that_is_none_is_one_sentence(broken):
    assert len(violations(problem(), broken)) == 1


def test_a_course_with_two_nurses_costs_the_change():
    def edit(_case, made):
        made["routes"][3]["nurse"] = "Ana"
        made["routes"].pop(1)
        made["left"].append("c")

    assert cost(*change(edit))["courses"] == 700


def test_a_course_promised_in_part_may_be_left_but_not_split_in_its_rest():
    def edit(case, made):
        case["visits"][3]["pinned"] = {"nurse": "Ben", "day": 0, "start": 29_700}
        half_a_course(case, made)

    case, made = change(edit)
    made["cost"] = cost(case, made)
    assert violations(case, made) == []
    case["visits"].append(visit("k2", 32.91, -97.0, days=(0,), patient="q", course="k", course_day=2))
    made["left"] = ["far", "k2"]
    made["routes"] = plan()["routes"]
    assert "Course k is served in part: k2 is left." in violations(case, made)


def test_a_drive_fits_to_the_second():
    case, made = problem(), plan()
    case["meta"]["step"] = 1
    case["visits"][1]["windows"] = [[0, DAY - 1]]
    case["nurses"][0]["shifts"][0].pop("spans")
    arrived = made["routes"][0]["stops"][0]["start"] + 2 * HOUR + 370
    for start, said in ((arrived, False), (arrived - 1, True)):
        made["routes"][0]["stops"][1]["start"] = start
        assert any("cannot be at visit b" in line for line in violations(case, made)) is said


def test_door_to_door_is_whole_minutes_and_told_roads_count_in_their_direction():
    case, made = problem(), plan()
    made["routes"], made["left"] = made["routes"][1:2], []
    case["meta"]["travel"] = "door_to_door"
    assert (
        cost(case, made)["drive"] == 2 * 7 * 60
    )  # 1.446 km at 50 km/h are 1.7 minutes: 2, and 5 to find the door
    case["roads"] = [[32.80, -97.0, 32.81, -97.0, 100]]
    assert cost(case, made)["drive"] == 100 + 7 * 60


def pinned(**fields):
    case = problem()
    case["visits"][0] |= {"pinned": {"nurse": "Ana", "day": 0, "start": 29_700}} | fields
    return case


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (pinned(), ""),
        (pinned(skills=["port"]), "lacks port"),
        (pinned(nurses=["Ben"]), "not one of those"),
        (pinned(windows=[[0, 1]]), "outside its windows"),
        (pinned(pinned={"nurse": "Ana", "day": 0, "start": 36_900}), "not whole inside"),
        (pinned(pinned={"nurse": "Ana", "day": 0, "start": 28_900}), "before her shift"),
        (pinned(duration=10 * HOUR), "not whole inside"),
        (pinned(pinned={"nurse": "Ben", "day": 0, "start": 39_600}), "cannot be at visit pin"),
        (pinned(pinned={"nurse": "Ana", "day": 2, "start": 2 * DAY + EIGHT}), "does not work"),
    ],
)
def test_a_promise_that_breaks_a_rule_by_itself_is_a_contradiction(case, words):
    said = contradictions(case)
    assert (said == []) is (not words)
    assert not words or any(words in line for line in said), said


def test_promises_that_stand_against_each_other_are_contradictions():
    case = pinned(patient="q")
    case["visits"][4]["pinned"] = {"nurse": "Ben", "day": 0, "start": 30_600}
    case["visits"][5] |= {
        "pinned": {"nurse": "Ben", "day": 1, "start": DAY + 30_600},
        "windows": [[DAY, DAY + 40_000]],
    }
    assert any("Patient q has visits a and k1" in line for line in contradictions(case))
    case["visits"][5] |= {"course": "k", "course_day": 0}
    assert any("Course k" in line for line in contradictions(case))


def test_promises_of_one_patient_on_one_day_stand_when_they_do_not_overlap():
    case = pinned(patient="q")
    case["visits"][5]["patient"] = "q"
    assert contradictions(case) == []
