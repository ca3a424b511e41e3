"""What happened to each demo patient, told in days from today: named examples first, then everybody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

OCRELIZUMAB = "ocrelizumab_iv"
NATALIZUMAB = "natalizumab_q4w"
NATALIZUMAB_6 = "natalizumab_eid_q6w"
UBLITUXIMAB = "ublituximab_iv"
RITUXIMAB = "rituximab_ms_1000x2_then_1000_q6m"
RITUXIMAB_500 = "rituximab_ms_1000_then_500_q6m"
IVIG = "ivig_ms"
MITOXANTRONE = "mitoxantrone_ms_q3m"
CYCLOPHOSPHAMIDE = "cyclophosphamide_ssc_monthly"
ALEMTUZUMAB = "alemtuzumab_ms"
STEROID_3 = "methylprednisolone_iv_3d"
STEROID_5 = "methylprednisolone_iv_5d"

# How often each is ordered here, and the days between two doses that spread people over the calendar.
MIX = {
    OCRELIZUMAB: (31, 182),
    NATALIZUMAB: (29, 28),
    NATALIZUMAB_6: (10, 42),
    UBLITUXIMAB: (8, 168),
    RITUXIMAB: (4, 182),
    RITUXIMAB_500: (4, 182),
    IVIG: (4, 28),
    CYCLOPHOSPHAMIDE: (3, 28),
    MITOXANTRONE: (2, 91),
    ALEMTUZUMAB: (2, 365),
    STEROID_5: (2, 1),
    STEROID_3: (1, 1),
}
DAILY = frozenset({IVIG, ALEMTUZUMAB, STEROID_3, STEROID_5})  # they begin with doses on days in a row
RELAPSING, PROGRESSIVE, SECONDARY, UNSPECIFIED, SCLEROSIS = "G35.A", "G35.B1", "G35.C1", "G35.D", "M34.81"
DIAGNOSES = {
    OCRELIZUMAB: (RELAPSING, RELAPSING, RELAPSING, PROGRESSIVE, SECONDARY),
    MITOXANTRONE: (SECONDARY,),
    CYCLOPHOSPHAMIDE: (SCLEROSIS,),
    RITUXIMAB: (RELAPSING, SECONDARY, PROGRESSIVE),
    STEROID_3: (RELAPSING, UNSPECIFIED),
    STEROID_5: (RELAPSING, UNSPECIFIED),
}


HOLD_REASONS = (
    "Upper respiratory infection",
    "Waiting for the neurologist after the MRI",
    "Planned surgery",
    "Liver values above the limit, to be repeated",
    "Urinary tract infection, on antibiotics",
)


@dataclass(frozen=True)
class Hold:
    """No dosing from `starts_in` days from today until `clears_in`; None: nobody knows yet."""

    starts_in: int
    clears_in: int | None
    reason: str


@dataclass(frozen=True)
class Reaction:
    """To dose `number`."""

    number: int
    grade: str
    kind: str = ""


@dataclass(frozen=True)
class Who:
    """A person who is the same whatever the seed."""

    first_name: str
    last_name: str
    woman: bool
    age: int
    city: str
    language: str = "en"


@dataclass(frozen=True)
class Story:
    """One order: `given` doses so far, the next one due `next_in` days from today (negative: overdue).

    Of a series that is complete, `next_in` is the day of its last dose.

    `elsewhere` of the doses were given before the patient came to us. `book` is auto, always or never;
    `nurse` "demo" asks for the nurse who signs in, "sick" for the one who calls in sick tomorrow.
    `incident` is told by the services after loading.
    `stopped_in` is the day the drug was stopped; `missing` and `stale` name papers that are not good.
    """

    key: str
    regimen_id: str
    given: int
    next_in: int
    book: str = "auto"
    nurse: str = ""
    elsewhere: int = 0
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    hold: Hold | None = None
    reaction: Reaction | None = None
    stopped_in: int | None = None
    expires_in: int | None = None
    prior_mg_per_m2: int | None = None
    home_decision: bool = True
    override: str = ""
    incident: str = ""
    patient_status: str = "active"
    email: str = "yes"
    who: Who | None = None
    what: str = ""


def example(
    key: str, who: Who, regimen_id: str, given: int, next_in: int, what: str, **more: object
) -> Story:
    """A story with a person that docs/demo.md names."""
    return Story(key, regimen_id, given, next_in, who=who, what=what, **more)  # type: ignore[arg-type]


# The order decides the MRN (docs/demo.md lists them): add at the end.
EXAMPLES: tuple[Story, ...] = (
    example(
        "demo_patient", Who("Denise", "O’Connor", True, 43, "Irving"), NATALIZUMAB, 9, 5,
        "signs in as the patient: a booked visit within ten days and the doses after it",
        book="always", nurse="demo",
    ),
    example(
        "today_1", Who("Guadalupe", "Treviño", True, 51, "Irving", "es"), NATALIZUMAB, 15, 0,
        "on today's route of the demo nurse; reads Spanish", book="always", nurse="demo",
    ),
    example(
        "today_2", Who("Marcus", "Gaines", False, 38, "Irving"), NATALIZUMAB, 20, 0,
        "on today's route of the demo nurse", book="always", nurse="demo",
    ),
    example(
        "today_3", Who("Thảo", "Phạm", True, 34, "Grand Prairie"), NATALIZUMAB_6, 17, 0,
        "on today's route of the demo nurse", book="always", nurse="demo",
    ),
    example(
        "today_4", Who("Kathleen", "Whitaker", True, 62, "Irving"), NATALIZUMAB, 31, 0,
        "on today's route of the demo nurse", book="always", nurse="demo",
    ),
    example(
        "new", Who("Priya", "Iyer", True, 29, "Plano"), OCRELIZUMAB, 0, 7,
        "new: starts next week and has no laboratory result on file", book="never",
        missing=("hbv_screening", "serum_immunoglobulins", "liver_function_tests"),
    ),
    example(
        "blocked", Who("Terrence", "Booker", False, 41, "Dallas"), OCRELIZUMAB, 0, 4,
        "blocked by one missing paper, the hepatitis B screening: record it and the dose can be booked",
        book="never", missing=("hbv_screening",),
    ),
    example(
        "blocked_expired", Who("Layla", "Haddad", True, 36, "Richardson"), UBLITUXIMAB, 0, 6,
        "blocked by liver tests that have run out", book="never", stale=("liver_function_tests",),
    ),
    example(
        "hold_open", Who("Robert", "Kowalski", False, 57, "Garland"), OCRELIZUMAB, 5, -6,
        "on hold without an end: nothing has a date", book="never", hold=Hold(-14, None, "Pneumonia, on antibiotics"),
    ),
    example(
        "hold_dated", Who("Yolanda", "Castañeda", True, 48, "Fort Worth", "es"), NATALIZUMAB, 8, 3,
        "on hold until a day that is known: the dose is planned for that day", book="never",
        hold=Hold(-3, 12, "Dental surgery"),
    ),
    example(
        "overdue", Who("Douglas", "Parker", False, 66, "Arlington"), OCRELIZUMAB, 4, -20,
        "overdue by twenty days, still inside the window", book="never",
    ),
    example(
        "missed", Who("Imani", "Okafor", True, 31, "Dallas"), NATALIZUMAB, 10, -15,
        "overdue past the window: missed", book="never",
    ),
    example(
        "restart_review", Who("Heather", "Lindqvist", True, 45, "McKinney"), NATALIZUMAB_6, 12, -60,
        "a gap so long that the prescriber reviews the restart", book="never",
    ),
    example(
        "mid_course", Who("Andrés", "Salinas", False, 33, "Fort Worth", "es"), STEROID_5, 2, 0,
        "in the middle of a five-day steroid course", book="always",
    ),
    example(
        "mid_course_ivig", Who("Claire", "McAllister", True, 54, "Southlake"), IVIG, 3, 0,
        "in the middle of the immune globulin induction, dosed by weight", book="always",
    ),
    example(
        "severe_reaction", Who("Reginald", "Freeman", False, 50, "Mesquite"), OCRELIZUMAB, 3, 12,
        "after a severe reaction: the coming infusions take 210 minutes", book="always",
        reaction=Reaction(3, "severe"),
    ),
    example(
        "discontinued", Who("Ana", "Cantú", True, 39, "Dallas", "es"), NATALIZUMAB, 18, 6,
        "stopped by the prescriber twenty days ago", book="never", stopped_in=-20,
    ),
    example(
        "life_threatening", Who("Vikram", "Reddy", False, 44, "Irving"), RITUXIMAB, 1, 4,
        "a life-threatening reaction ended the drug for good", book="never",
        reaction=Reaction(1, "life_threatening"),
    ),
    example(
        "hypersensitivity", Who("Megan", "Dvořák", True, 27, "Denton"), NATALIZUMAB, 4, 2,
        "a mild allergic reaction, which ends this drug too", book="never",
        reaction=Reaction(4, "mild", "hypersensitivity"),
    ),
    example(
        "capped", Who("Cheryl", "Broussard", True, 60, "Dallas"), MITOXANTRONE, 4, 9,
        "the lifetime cap is reached: no further dose is planned", book="never", prior_mg_per_m2=84,
    ),
    example(
        "transferred", Who("Omar", "El-Sayed", False, 37, "Plano"), OCRELIZUMAB, 3, 9,
        "came from another agency with three doses given there", elsewhere=3, book="always",
    ),
    example(
        "order_expiring", Who("Laura", "Schneider", True, 58, "Frisco"), OCRELIZUMAB, 6, 15,
        "the order ends before the next dose: it needs a renewed order", book="never", expires_in=9,
    ),
    example(
        "alemtuzumab", Who("Wyatt", "Callahan", False, 35, "Fort Worth"), ALEMTUZUMAB, 5, 40,
        "first course recorded at a certified facility; never a nurse visit", book="never", elsewhere=5,
    ),
    example(
        "window_closing", Who("Denise", "Mosley", True, 46, "Grand Prairie"), UBLITUXIMAB, 4, -27,
        "the window closes tomorrow", book="never",
    ),
    example(
        "window_closing_soon", Who("Luis", "Ochoa", False, 52, "Arlington"), NATALIZUMAB, 11, -5,
        "the window closes in two days", book="never",
    ),
    example(
        "completed", Who("Soo-jin", "Park", True, 40, "Carrollton"), STEROID_3, 3, -10,
        "a steroid course that is complete", book="never",
    ),
    example(
        "attention_early", Who("Rebecca", "O’Neill", True, 49, "Irving"), NATALIZUMAB, 7, -12,
        "a dose was given late, so the visit already booked is now too early: it waits for a decision",
        book="never", incident="late",
    ),
    example(
        "attention_short", Who("Juan", "Hernández", False, 55, "Dallas"), RITUXIMAB, 0, -2,
        "a severe reaction two days ago makes the next visit too short: it waits for a decision",
        book="never", incident="severe",
    ),
    example(
        "in_course", Who("Brenda", "Thompson", True, 59, "Lewisville"), CYCLOPHOSPHAMIDE, 3, 5,
        "three of six monthly doses given, at home by a decision on file", book="always",
    ),
    example(
        "clinic_preferred", Who("Samir", "Khoury", False, 63, "Garland"), CYCLOPHOSPHAMIDE, 1, 6,
        "given in a clinic unless a decision for home is on file, and none is", book="never",
        elsewhere=1, home_decision=False,
    ),
    example(
        "rems_expired", Who("Tamika", "Washington", True, 42, "Mesquite"), NATALIZUMAB, 13, 3,
        "the REMS authorization of the patient has run out", book="never", stale=("touch_patient_authorization",),
    ),
    example(
        "override", Who("Patrick", "Sullivan", False, 47, "Denton"), OCRELIZUMAB, 5, -31,
        "booked after the window, with the coordinator's reason on the visit", book="always",
        override="Patient was abroad; the prescriber agrees to the later day (fax on file).",
    ),
    example(
        "in_hospital", Who("Lakshmi", "Krishnan", True, 53, "Richardson"), NATALIZUMAB, 6, 2,
        "in hospital: no visit can be booked", book="never", patient_status="in_hospital",
    ),
    example(
        "no_messages", Who("Curtis", "Jefferson", False, 68, "Dallas"), NATALIZUMAB, 16, 8,
        "opted out of e-mail: the message about the booked visit was not sent, and says why",
        book="always", email="opted_out",
    ),
    *(
        example(
            f"sick_{number}", who, NATALIZUMAB, given, 1,
            "booked tomorrow with a nurse who is sick then: needs somebody else", book="always", nurse="sick",
        )
        for number, (who, given) in enumerate(
            [
                (Who("Beatriz", "Luna", True, 44, "Garland", "es"), 16),
                (Who("Gerald", "Novak", False, 59, "Garland"), 22),
                (Who("Hye-won", "Kang", True, 36, "Garland"), 14),
                (Who("Dorothy", "Maxwell", True, 61, "Garland"), 27),
                (Who("Emmanuel", "Adeyemi", False, 48, "Garland"), 19),
            ],
            start=1,
        )
    ),
)  # fmt: skip


def ordinary(random: Random, regimen_id: str) -> Story:
    """Somebody nothing unusual happened to: a number of doses given, the next one due within one interval."""
    _share, interval = MIX[regimen_id]
    if regimen_id in (STEROID_3, STEROID_5):
        return _steroid_course(random, regimen_id)
    if regimen_id == ALEMTUZUMAB:
        given = random.choice((5, 8))  # one course or both; after both the series is complete
        next_in = random.randint(20, 330)
        return Story("ordinary", regimen_id, given, next_in if given == 5 else -next_in, elsewhere=given)
    most = {CYCLOPHOSPHAMIDE: 5, MITOXANTRONE: 6, NATALIZUMAB: 30, NATALIZUMAB_6: 22, IVIG: 16}
    given = random.randint(1, most.get(regimen_id, 7))
    if regimen_id in (NATALIZUMAB_6, IVIG):
        given += 5  # past the induction, past the first months
    elsewhere = 2 if given > 2 and random.random() < 0.25 else 0
    if regimen_id in (OCRELIZUMAB, UBLITUXIMAB, RITUXIMAB) and given <= 2:
        interval = 14 if given == 1 else 150  # the second dose is two weeks after the first
    story = Story(
        "ordinary",
        regimen_id,
        given,
        random.randint(0, interval - (3 if interval > 14 else 1)),
        elsewhere=elsewhere,
        stale=("touch_patient_authorization",) if random.random() < 0.05 else (),
        home_decision=random.random() < 0.75,
        email=random.choices(("yes", "none", "no_consent", "opted_out"), (82, 8, 6, 4))[0],
    )
    return _with_trouble(random, story, interval)


def _with_trouble(random: Random, story: Story, interval: int) -> Story:
    """One in nine has stopped, is on hold or is late."""
    kind = random.choices(("", "stopped", "held", "overdue"), (89, 4, 3, 4))[0]
    since_last = interval - story.next_in
    if kind == "stopped" and since_last > 7:
        return replace(story, stopped_in=-random.randint(1, since_last - 5), book="never")
    if kind == "held":
        clears_in = random.choice((None, 9, 16, 30))
        hold = Hold(-random.randint(2, 6), clears_in, random.choice(HOLD_REASONS))
        return replace(story, hold=hold, book="never")
    if kind == "overdue":
        return replace(story, next_in=-random.randint(1, 9), book="never")
    return story


def _steroid_course(random: Random, regimen_id: str) -> Story:
    """A relapse: ended some weeks ago, or about to start."""
    days = 3 if regimen_id == STEROID_3 else 5
    if random.random() < 0.7:
        return Story("ordinary", regimen_id, days, -random.randint(2, 50))
    return Story("ordinary", regimen_id, 0, random.randint(1, 3))


def newcomer(random: Random) -> Story:
    """Somebody who starts in the coming weeks; half of them still wait for a laboratory."""
    regimen_id = random.choice((OCRELIZUMAB, OCRELIZUMAB, NATALIZUMAB, UBLITUXIMAB, RITUXIMAB_500))
    waits = random.random() < 0.5
    lab = "brain_mri_baseline" if regimen_id == NATALIZUMAB else "serum_immunoglobulins"
    return Story("newcomer", regimen_id, 0, random.randint(3, 20), missing=(lab,) if waits else ())


def all_stories(seed: int, patients: int) -> list[Story]:
    """The examples, one ordinary course of every regimen, then the mix; never fewer than the examples."""
    random = Random(f"{seed}:stories")  # noqa: S311  invented people need no secret numbers
    stories = list(EXAMPLES)
    regimens = list(MIX)
    stories += [ordinary(random, regimen_id) for regimen_id in regimens]
    while len(stories) < patients:
        if random.random() < 0.06:
            stories.append(newcomer(random))
        else:
            shares = [share for share, _interval in MIX.values()]
            stories.append(ordinary(random, random.choices(regimens, shares)[0]))
    return stories[: max(patients, len(EXAMPLES))]
