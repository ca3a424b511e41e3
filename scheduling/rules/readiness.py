"""The gates between a dose and its visit, as data: what each means, when it bites and who may open it.

A gate bites at one moment: at `booking`, at `start` (the nurse's go / no-go) or `never`, when it only warns.
`absolute`: no reason and no role opens it. `reason`: the person who books says why. `lead`: the clinical lead
overrides it with a reason. docs/readiness.md holds the same table; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BOOKING, START, NEVER = "booking", "start", "never"
ABSOLUTE, REASON, LEAD, WARNING = "absolute", "reason", "lead", "warning"
STATES = ("met", "missing", "expired", "too_soon", "forbids", "pending", "not_yet")
MISSING = "MISSING_"  # + the kind of a prerequisite: the code of a first result that is not there


@dataclass(frozen=True, slots=True)
class GateRule:
    """One row of the table. `codes`: the booking problems that stand for it; `who` does the next step."""

    key: str
    title: str
    means: str
    bites: str
    power: str
    next: str
    who: str
    codes: tuple[str, ...] = ()


GATES: tuple[GateRule, ...] = (
    GateRule(
        "stopped", "Drug not stopped", "The drug was stopped, the series is complete, or nothing is planned any more.",
        BOOKING, ABSOLUTE, "Ask the prescriber", "clinical lead",
        (
            "DISCONTINUED", "DISCONTINUE_PERMANENT", "SERIES_COMPLETE", "DOSE_NOT_PLANNED", "CHECK_NOT_PLANNED",
            "REFUSED",
        ),
    ),
    GateRule(
        "lifetime_cap", "Lifetime dose", "The dose would go above the lifetime limit.",
        BOOKING, ABSOLUTE, "Ask the prescriber", "clinical lead", ("CAP_REACHED",),
    ),
    GateRule(
        "floor", "Minimum separation", "The day is before the first day the dose is allowed, or makes the next one so.",
        BOOKING, ABSOLUTE, "Choose a later day", "coordinator",
        ("MIN_SEPARATION_VIOLATION", "NEXT_DOSE_TOO_CLOSE"),
    ),
    GateRule(
        "site", "Site of care", "The drug may be given in this home: never, by site authorization, or by a decision.",
        BOOKING, ABSOLUTE, "Record the site or the decision", "clinical lead",
        ("SITE_NOT_HOME", "SITE_NOT_AUTHORIZED", "SITE_CLINIC_PREFERRED"),
    ),
    GateRule(
        "patient_away", "Patient at home", "The patient is in hospital, transferred or has died.",
        BOOKING, ABSOLUTE, "Change the patient's status", "coordinator", ("PATIENT_AWAY",),
    ),
    GateRule(
        "licence", "Licence", "The nurse works here and is licensed for the home's state on that day.",
        BOOKING, ABSOLUTE, "Choose another nurse", "coordinator",
        ("NOT_LICENSED", "LICENCE_EXPIRED", "NURSE_INACTIVE"),
    ),
    GateRule(
        "competency", "Competency", "The nurse has every competency the drug needs on that day.",
        BOOKING, ABSOLUTE, "Choose another nurse", "coordinator", ("NOT_COMPETENT", "COMPETENCY_EXPIRED"),
    ),
    GateRule(
        "time_free", "Time free", "Nurse, patient and dose are free then, the drive fits, and the time is to come.",
        BOOKING, ABSOLUTE, "Choose another time", "coordinator",
        (
            "NURSE_TAKEN", "PATIENT_TAKEN", "DOSE_TAKEN", "SLOT_HELD", "NO_TIME_TO_DRIVE", "TIME_OFF", "IN_THE_PAST",
        ),
    ),
    GateRule(
        "window", "Dose window", "The day is inside the window around the due date.",
        BOOKING, REASON, "Choose a day in the window", "coordinator",
        ("EARLY_OUTSIDE_WINDOW", "LATE_OUTSIDE_WINDOW", "WARNING"),
    ),
    GateRule(
        "order_ends", "Order covers the day", "The order does not end before the visit.",
        BOOKING, REASON, "Ask for a renewed order", "coordinator", ("ORDER_EXPIRES",),
    ),
    GateRule(
        "first_result", "First results", "A result wanted before the first dose is there, and none on file forbids it.",
        BOOKING, REASON, "Record the result", "coordinator", (f"{MISSING}*",),
    ),
    GateRule(
        "hold", "No hold", "No hold covers the day; one without a clear date covers every day.",
        BOOKING, REASON, "Enter the clear date", "coordinator", ("ON_HOLD",),
    ),
    GateRule(
        "nurse_hours", "Nurse's hours", "The visit lies in a shift, outside breaks and within the daily maximum.",
        BOOKING, REASON, "Choose another time", "coordinator",
        ("NO_SHIFT", "OUTSIDE_SHIFT", "ON_BREAK", "DAY_TOO_LONG"),
    ),
    GateRule(
        "pair", "Nurse and patient", "The nurse is not one who is never to come, nor the patient always another's.",
        BOOKING, REASON, "Choose another nurse", "coordinator", ("NURSE_NOT_WANTED", "OTHER_NURSE_PINNED"),
    ),
    GateRule(
        "still_allowed", "Still allowed", "What forbids a booking has not come true since: stopped, too early, site.",
        START, ABSOLUTE, "Call the office", "clinical lead",
    ),
    GateRule(
        "identity", "Identity", "Name and date of birth are checked at the door.",
        START, ABSOLUTE, "Ask for name and birthday", "nurse",
    ),
    GateRule(
        "rems", "REMS", "The programme's authorization and checklist are there on the day.",
        START, ABSOLUTE, "Complete the programme's form", "coordinator",
    ),
    GateRule(
        "forbidding_result", "Nothing forbids", "No result, screen or check says the dose must not be given.",
        START, ABSOLUTE, "Record a newer result", "clinical lead",
    ),
    GateRule(
        "infection", "No infection", "The nurse finds no infection (and no new PML symptom) on the day.",
        START, ABSOLUTE, "Check at the door", "nurse",
    ),
    GateRule(
        "order_in_force", "Order in force", "The order is active and not ended on the day.",
        START, LEAD, "Ask for a renewed order", "coordinator",
    ),
    GateRule(
        "hold_today", "No hold on the day", "No hold covers the day of the visit.",
        START, LEAD, "Clear the hold", "coordinator",
    ),
    GateRule(
        "result_in_date", "Results in date", "Every result the label or the house asks for counts on the day.",
        START, LEAD, "Record the result", "coordinator",
    ),
    GateRule(
        "authorization", "Authorization", "The payer's authorization covers the day and the units of the dose.",
        START, LEAD, "Record the authorization", "coordinator",
    ),
    GateRule(
        "drug_received", "Drug received", "The drug is in the home, kept in the range its label allows.",
        START, LEAD, "Record the parcel", "coordinator",
    ),
    GateRule(
        "health_screen", "Health screen", "A clear health screen is dated within 3 days before the visit.",
        START, LEAD, "Call for the health screen", "coordinator",
    ),
    GateRule(
        "nurse_booked", "Nurse booked", "A nurse is booked for the dose.",
        NEVER, WARNING, "Find times", "coordinator",
    ),
    GateRule(
        "confirmed", "Patient confirmed", "The patient said yes to the visit.",
        NEVER, WARNING, "Confirm by phone", "coordinator",
    ),
    GateRule(
        "authorization_pending", "Authorization pending", "The payer has not answered yet, or nobody has asked.",
        NEVER, WARNING, "Ask the payer", "coordinator",
    ),
    GateRule(
        "drug_not_shipped", "Drug on its way", "The drug is ordered and shipped in time for the visit.",
        NEVER, WARNING, "Order the drug", "coordinator",
    ),
    GateRule(
        "result_advised", "Result advised", "A result that is wanted and does not stand in the way.",
        NEVER, WARNING, "Record the result", "coordinator",
    ),
    GateRule(
        "diagnosis", "Diagnosis fits", "The diagnosis code fits the drug and is billable on the day.",
        NEVER, WARNING, "Correct the code", "coordinator",
    ),
)  # fmt: skip

RULES: Mapping[str, GateRule] = {rule.key: rule for rule in GATES}

# What a REMS makes absolute: without them the programme forbids the dose, whoever decides.
REMS_KINDS = frozenset(
    {
        "touch_patient_authorization",
        "touch_pre_infusion_checklist",
        "touch_reauthorization",
        "lemtrada_rems_patient_authorization",
    }
)
INFECTION_KINDS = frozenset({"infection_check", "infection_and_pml_symptom_check"})
# Gates of ours that are not prerequisites of a fact file, and the row that closes each at the start.
AT_START = {
    "order": "order_in_force",
    "hold": "hold_today",
    "site": "still_allowed",
    "dates": "still_allowed",
    "patient": "still_allowed",
    "authorization": "authorization",
    "drug": "drug_received",
    "nurse": "nurse_booked",
    "confirmed": "confirmed",
    "diagnosis": "diagnosis",
    "identity": "identity",
}
BEFORE_BOOKING = {
    "order": "order_ends",
    "patient": "patient_away",
    "hold": "hold",
    "site": "site",
    "dates": "floor",
}
RISES = {"authorization": "authorization_pending", "drug": "drug_not_shipped", "confirmed": "confirmed"}


def rule_of_code(code: str) -> GateRule | None:
    """The row a booking problem stands for; None for a code the table does not know."""
    wanted = f"{MISSING}*" if code.startswith(MISSING) else code
    return next((rule for rule in GATES if wanted in rule.codes), None)


def rule_of(
    kind: str, state: str, *, blocks: bool = True, first: bool = False, booked: bool = True
) -> GateRule:
    """The row that bites next for a gate in this state. `first`: a prerequisite of a first dose or course.

    Before a visit is booked the next moment is the booking; from then on it is the start.
    """
    if not booked and kind in BEFORE_BOOKING:
        if kind == "order" and state == "forbids":
            return RULES["stopped"]
        return RULES[BEFORE_BOOKING[kind]]
    if kind == "order" and state == "forbids":
        return RULES["still_allowed"]
    if kind in AT_START:
        return RULES[AT_START[kind]]
    if not booked and blocks and kind != "health_screen" and (first or state == "forbids"):
        return RULES["first_result"]
    return RULES[_prerequisite(kind, state, blocks=blocks)]


def _prerequisite(kind: str, state: str, *, blocks: bool) -> str:
    if not blocks:
        return "result_advised"
    if kind in REMS_KINDS:
        return "rems"
    if kind in INFECTION_KINDS:
        return "infection"
    if state == "forbids":
        return "forbidding_result"
    return "health_screen" if kind == "health_screen" else "result_in_date"


def rises(kind: str, state: str) -> GateRule | None:
    """The warning that lifts a dose in the queue: not confirmed, not authorized, drug not shipped."""
    return RULES[RISES[kind]] if kind in RISES and state != "met" else None
