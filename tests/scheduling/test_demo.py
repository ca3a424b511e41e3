"""The demo data: the same for the same seed and day, legal, fictional, and loaded once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from accounts.models import User
from nurses.models import Licence, Nurse
from patients.models import Contact, Evidence, Hold, Patient, Prescription, PrescriptionVersion
from patients.validators import check_phone, npi_ok
from scheduling.demo import SIGN_INS, pairs, places, staff
from scheduling.demo.diary import ZONE, NurseFile
from scheduling.demo.load import load
from scheduling.demo.stories import EXAMPLES
from scheduling.models import (
    Alert,
    Call,
    CallAttempt,
    DoseRecord,
    Event,
    Notice,
    PinnedPair,
    PlannedDose,
    Reply,
    Visit,
)
from scheduling.readings import replacements, uncovered
from scheduling.regimens import catalogue
from scheduling.rules import states
from scheduling.services import doses, links, preflight, readiness
from tests.makers import NOW, make_dose, make_nurse, make_user, today_at

pytestmark = pytest.mark.django_db

SIZE = 64
FRIDAY_AFTERNOON = datetime(2026, 11, 20, 15, 0, tzinfo=ZONE)
SUNDAY_MORNING = datetime(2026, 11, 22, 9, 0, tzinfo=ZONE)
CLOCKS_CHANGE = datetime(2027, 3, 13, 23, 30, tzinfo=ZONE)  # the night before daylight-saving time begins


class Rollback(Exception):
    """Undo a load, so that another one can follow."""


def loaded(now: datetime = FRIDAY_AFTERNOON, *, seed: int = 2026, size: int = SIZE, nurses: int = 12) -> None:
    assert load(seed=seed, size=size, nurses=nurses, now=now)


def example(key: str) -> Patient:
    index = next(index for index, story in enumerate(EXAMPLES) if story.key == key)
    return Patient.objects.get(mrn=f"IH-{101 + index:06d}")


def order_of(key: str) -> Prescription:
    return example(key).prescriptions.get()


def next_dose(key: str) -> PlannedDose:
    return order_of(key).doses.filter(state="planned").earliest("number")


def digest() -> str:
    """Everything a person could see, without row numbers and moments of storing."""
    queries = [*of_people(), *of_care(), *of_messages()]
    return hashlib.sha256(repr([list(query) for query in queries]).encode()).hexdigest()


def of_people() -> list[Iterable[object]]:
    return [
        Patient.objects.order_by("mrn").values_list(
            "mrn",
            "search_name",
            "date_of_birth",
            "address",
            "latitude",
            "longitude",
            "allergies",
            "created_at",
        ),
        Contact.objects.order_by("patient__mrn", "channel").values_list(
            "value", "consented_at", "opted_out_at"
        ),
        Nurse.objects.order_by("npi").values_list("last_name", "phone", "latitude", "user__username"),
        Licence.objects.order_by("number", "state").values_list("number", "expires_on", "multistate"),
    ]


def of_care() -> list[Iterable[object]]:
    return [
        Prescription.objects.order_by("patient__mrn").values_list(
            "patient__mrn",
            "regimen_digest",
            "start_on",
            "expires_on",
            "status",
            "prescriber_npi",
            "diagnosis_code",
        ),
        PrescriptionVersion.objects.order_by("prescription__patient__mrn", "number").values_list(
            "terms", "created_at"
        ),
        Evidence.objects.order_by("patient__mrn", "kind", "dated_on", "valid_until_on").values_list(
            "kind", "dated_on", "valid_until_on"
        ),
        PlannedDose.objects.order_by("prescription__patient__mrn", "number").values_list(
            "number", "due_on", "floor_on", "amount_mg", "infusion_minutes", "state", "reasons"
        ),
        DoseRecord.objects.order_by("dose__prescription__patient__mrn", "dose__number").values_list(
            "given_on", "amount_mg", "reaction", "elsewhere"
        ),
        Visit.objects.order_by("patient__mrn", "starts_at", "state", "nurse__npi").values_list(
            "patient__mrn", "nurse__npi", "starts_at", "ends_at", "state", "attention_code", "override_codes"
        ),
    ]


def of_messages() -> list[Iterable[object]]:
    return [
        # What a call asks is due as soon as the call is planned, which the services do by the real clock.
        Notice.objects.filter(call=None)
        .order_by("patient__mrn", "due_at", "kind", "channel", "state", "reason")
        .values_list("kind", "channel", "state", "reason", "due_at", "sent_to"),
        Reply.objects.order_by("received_at", "sender").values_list(
            "meaning", "body", "wishes", "received_at"
        ),
        Call.objects.order_by("patient__mrn", "kind", "due_on", "next_at").values_list(
            "patient__mrn", "kind", "due_on", "last_on", "next_at", "state", "tries", "settled_why"
        ),
        CallAttempt.objects.order_by("at", "call__patient__mrn", "call__kind", "outcome").values_list(
            "at", "outcome", "note"
        ),
        Alert.objects.order_by("raised_at", "patient__mrn").values_list("kind", "alarm", "sentence"),
    ]


def digest_of_a_load(**how: object) -> str:
    found = ""
    try:
        with transaction.atomic():
            loaded(**how)  # type: ignore[arg-type]
            found = digest()
            raise Rollback
    except Rollback:
        return found


def test_the_same_seed_and_day_give_the_same_data():
    first = digest_of_a_load()
    assert digest_of_a_load() == first
    assert digest_of_a_load(seed=7) != first
    assert digest_of_a_load(now=FRIDAY_AFTERNOON + timedelta(days=1)) != first


@pytest.mark.parametrize("now", [FRIDAY_AFTERNOON, SUNDAY_MORNING, CLOCKS_CHANGE], ids=str)
def test_no_visit_breaks_what_a_booking_would_be_refused_for(now):
    loaded(now)
    looked_at = 0
    for visit in Visit.objects.filter(state__in=states.HOLDING).select_related(
        "dose__prescription__patient", "nurse"
    ):
        dose, patient = visit.dose, visit.dose.prescription.patient
        problems = preflight.nurse_problems(
            visit.nurse,
            patient,
            needs=preflight.needs_of(dose),
            starts_at=visit.starts_at,
            length=visit.ends_at - visit.starts_at,
            without=visit.pk,
        )
        if visit.state in states.OPEN and visit.starts_at > now and not visit.attention_code:
            assert visit.ends_at - visit.starts_at == dose.length
            problems += preflight.dose_problems(dose, patient, visit.starts_at, now=now, moving=visit)
        known = {*visit.override_codes, "TIME_OFF" if visit.attention_code == "NURSE_AWAY" else ""}
        if visit.starts_at <= now:  # the families ask today; who came before that came rightly
            known |= {"OTHER_NURSE_PINNED", "NURSE_NOT_WANTED"}
        assert [problem.text for problem in problems if problem.code not in known] == []
        looked_at += 1
    assert looked_at > SIZE


def test_the_stored_calendars_are_those_of_the_rules():
    loaded()
    kept = ("prescription_id", "number", "due_on", "floor_on", "window_start_on", "window_end_on", "amount_mg",
            "infusion_minutes", "flags", "reasons", "state")  # fmt: skip
    before = list(PlannedDose.objects.order_by("pk").values_list(*kept))
    statuses = list(Prescription.objects.order_by("pk").values_list("status", flat=True))
    for prescription in Prescription.objects.select_related("patient"):
        doses.sync(prescription, today=FRIDAY_AFTERNOON.date())
    assert list(PlannedDose.objects.order_by("pk").values_list(*kept)) == before
    assert list(Prescription.objects.order_by("pk").values_list("status", flat=True)) == statuses


def test_every_regimen_and_every_state_of_a_chart_is_there():
    loaded()
    today = FRIDAY_AFTERNOON.date()
    assert set(Prescription.objects.values_list("regimen_id", flat=True)) == set(catalogue.all_current())
    flags = {
        key: {flag for dose in calendar.planned[:1] for flag in dose.flags} | set(calendar.flags)
        for key in (story.key for story in EXAMPLES)
        for calendar in [doses.calendar_on(order_of(key), today, months=1)]
    }
    assert flags["hold_open"] >= {"ON_HOLD"} and order_of("hold_open").status == "on_hold"
    assert "OVERDUE" in flags["overdue"] and "MISSED" not in flags["overdue"]
    assert flags["missed"] >= {"OVERDUE", "MISSED"}
    assert "RESTART_REVIEW" in flags["restart_review"]
    assert "CAP_REACHED" in flags["capped"] and order_of("capped").status == "completed"
    assert "DISCONTINUED" in flags["discontinued"]
    assert "DISCONTINUE_PERMANENT" in flags["life_threatening"] & flags["hypersensitivity"]
    assert order_of("life_threatening").status == "discontinued"
    assert order_of("completed").status == "completed"
    assert next_dose("severe_reaction").infusion_minutes == 210
    assert next_dose("order_expiring").needs_renewed_order
    assert next_dose("window_closing").window_end_on == today + timedelta(days=1)
    assert today < next_dose("window_closing_soon").window_end_on <= today + timedelta(days=3)
    assert next_dose("mid_course").number in (3, 4)
    assert next_dose("new").number == 1
    hold = Hold.objects.get(prescription=order_of("hold_dated"))
    assert hold.clears_on == today + timedelta(days=12)


def test_what_blocks_a_dose_is_what_its_story_says():
    loaded()
    today = FRIDAY_AFTERNOON.date()

    def unmet(key: str) -> set[str]:
        dose = next_dose(key)
        return {
            gate.kind
            for gate in readiness.gates(dose, max(dose.due_on, today))
            if gate.blocks and not gate.met
        }

    assert unmet("blocked") == {"hbv_screening"}
    assert unmet("blocked_expired") >= {"liver_function_tests"}
    assert unmet("new") == {"hbv_screening", "serum_immunoglobulins", "liver_function_tests"}
    assert unmet("rems_expired") == {"touch_patient_authorization"}
    assert unmet("demo_patient") == set()
    noon = datetime.combine(next_dose("clinic_preferred").due_on, time(18), UTC)
    dose = next_dose("clinic_preferred")
    codes = {
        p.code for p in preflight.dose_problems(dose, example("clinic_preferred"), noon, now=FRIDAY_AFTERNOON)
    }
    assert codes == {"SITE_CLINIC_PREFERRED"}


def test_doses_given_elsewhere_are_told_so_and_alemtuzumab_never_has_a_visit():
    loaded()
    records = DoseRecord.objects.filter(dose__prescription=order_of("transferred"))
    assert [record.elsewhere for record in records] == [True, True, True]
    outside = DoseRecord.objects.filter(dose__prescription__regimen_id="alemtuzumab_ms")
    assert outside.exists() and all(record.elsewhere for record in outside)
    assert not Visit.objects.filter(dose__prescription__regimen_id="alemtuzumab_ms").exists()


def test_a_late_dose_and_a_severe_reaction_put_booked_visits_in_front_of_a_person():
    loaded()
    flagged = dict(Visit.objects.exclude(attention_code="").values_list("patient__mrn", "attention_code"))
    assert flagged == {
        example("attention_early").mrn: "MIN_SEPARATION_VIOLATION",
        example("attention_short").mrn: "TOO_SHORT",
        **{example(f"sick_{n}").mrn: "NURSE_AWAY" for n in range(1, 6)},
    }


@pytest.mark.parametrize("now", [FRIDAY_AFTERNOON, SUNDAY_MORNING, CLOCKS_CHANGE], ids=str)
def test_one_nurse_is_sick_tomorrow_and_all_her_five_visits_can_be_settled(now):
    loaded(now, nurses=20)
    user = User.objects.get(username="coordinator")
    lost = uncovered.find(user, now=now)
    assert {one.visit.patient.mrn for one in lost} == {example(f"sick_{n}").mrn for n in range(1, 6)}
    assert len({one.visit.nurse_id for one in lost}) == 1
    assert {one.visit.local_start.date() for one in lost} == {now.date() + timedelta(days=1)}
    assert len(replacements.propose(user, lost, now=now).plan.chosen) == 5


@pytest.mark.parametrize("now", [FRIDAY_AFTERNOON, SUNDAY_MORNING, CLOCKS_CHANGE], ids=str)
def test_the_people_who_sign_in_have_something_to_see(now):
    loaded(now)
    for _role, username, passphrase in SIGN_INS:
        user = User.objects.get(username=username)
        assert user.check_password(passphrase)
        validate_password(passphrase, user)
    nurse, patient = User.objects.get(username="nurse").nurse, User.objects.get(username="patient").patient
    todays = [v for v in nurse.visits.all() if v.local_start.date() == now.date()]
    assert 3 <= len(todays) <= 5
    booked = patient.visits.filter(starts_at__gt=now, state__in=states.OPEN)
    assert booked.earliest("starts_at").starts_at < now + timedelta(days=11)
    assert order_of("demo_patient").doses.filter(state="planned").count() > 5
    assert patient.contacts.get(channel="email").usable
    assert set(User.objects.filter(is_staff=True).values_list("username", flat=True)) == {"admin"}


def test_the_state_of_a_visit_is_what_the_clock_says():
    loaded()
    now = FRIDAY_AFTERNOON
    done = Visit.objects.filter(state="completed")
    assert all(visit.ends_at <= now and visit.records.count() == 1 for visit in done)
    assert not Visit.objects.filter(state__in=states.OPEN, starts_at__lt=now).exists()
    assert all(
        v.starts_at <= now < v.ends_at for v in Visit.objects.filter(state__in=("arrived", "in_progress"))
    )


def test_the_ledger_stands_as_if_the_workers_had_run_until_now():
    loaded()
    of_visits = Notice.objects.filter(visit__isnull=False)  # what calls ask is planned when the calls are
    assert not of_visits.filter(state="planned", due_at__lte=FRIDAY_AFTERNOON).exists()
    assert set(Notice.objects.values_list("state", flat=True)) == {
        "planned", "suppressed", "sent", "delivered", "failed", "unknown",
    }  # fmt: skip
    assert (
        Notice.objects.filter(state="failed").count() == Notice.objects.filter(state="unknown").count() == 1
    )
    assert not of_visits.filter(state="planned").exclude(visit__state__in=states.OPEN).exists()
    unsent = Notice.objects.filter(
        patient=example("no_messages"), visit__state__in=states.OPEN, kind="booked"
    )
    assert unsent.get().reason == "the patient opted out of this channel"
    assert set(Visit.objects.filter(notices=None)) == set()


def test_nobody_in_the_demo_gets_two_texts_a_day_or_four_a_week():
    loaded()
    texts: dict[int | None, list[date]] = {}
    for notice in Notice.objects.filter(channel="text", attempted_at__isnull=False):
        texts.setdefault(notice.patient_id, []).append(notice.attempted_at.astimezone(ZONE).date())
    assert len(texts) > 5
    for days in texts.values():
        assert len(set(days)) == len(days)
        assert all(sum(0 <= (day - first).days < 7 for day in days) <= 3 for first in days)
    assert Notice.objects.filter(reason="they had a text today").exists()


def test_what_was_sent_lately_can_be_read_and_its_links_open():
    loaded()
    lately = Notice.objects.filter(attempted_at__gt=FRIDAY_AFTERNOON - timedelta(days=13))
    assert lately.exists() and not lately.filter(body="").exists()
    ahead = lately.filter(kind="confirm", visit__starts_at__gt=FRIDAY_AFTERNOON)
    assert ahead.exists()
    for notice in ahead:
        token = re.search(r"/s/([^/\s]+)/", notice.body)
        assert token and links.read(token[1], now=FRIDAY_AFTERNOON), notice.body
    mine = Notice.objects.filter(patient=example("demo_patient"), visit__starts_at__gt=FRIDAY_AFTERNOON)
    assert any("/s/" in notice.body for notice in mine)


def test_answers_wait_for_the_coordinator_one_of_them_from_a_stranger():
    loaded()
    waiting = Reply.objects.filter(needs_a_person=True, handled_at__isnull=True)
    assert sorted(waiting.values_list("meaning", flat=True)) == ["move", "move", "other", "other"]
    assert waiting.filter(patient__isnull=True).count() == 1
    yes = Reply.objects.filter(meaning="confirm").select_related("visit")
    assert yes.exists() and all(reply.visit.confirmed_at == reply.received_at for reply in yes)


def test_identifiers_are_well_formed_and_belong_to_nobody():
    loaded()
    phones = list(Contact.objects.exclude(channel="email").values_list("value", flat=True))
    phones += Nurse.objects.values_list("phone", flat=True)
    for phone in phones:
        check_phone(phone)
        assert re.fullmatch(r"\+1(214|469|817|972|682|945)55501\d\d", phone)
    by_person = set(Contact.objects.exclude(channel="email").values_list("patient", "value"))
    assert len({value for _patient, value in by_person}) == len(by_person)  # one number for calls and texts
    npis = [*Nurse.objects.values_list("npi", flat=True), *(each.npi for each in staff.PRESCRIBERS)]
    assert all(npi_ok(npi) and npi.startswith("2") for npi in npis) and len(set(npis)) == len(npis)
    for email in Contact.objects.filter(channel="email").values_list("value", flat=True):
        assert email.isascii() and re.search(r"@example\.(com|org)$", email)


def test_homes_are_inside_their_cities():
    loaded()
    for patient in Patient.objects.all():
        city = places.BY_NAME[patient.city]
        assert patient.postal_code in city.zips
        assert abs(patient.latitude - city.latitude) <= places.SPREAD
        assert abs(patient.longitude - city.longitude) <= places.SPREAD
        assert 18 <= (FRIDAY_AFTERNOON.date() - patient.date_of_birth).days // 365.25 <= 75


def test_the_trail_tells_of_every_booking_and_names_no_drug():
    loaded()
    moved, cancelled = Visit.objects.filter(state="moved"), Visit.objects.filter(state="cancelled")
    assert moved.exists() and all(visit.moved_to.count() == 1 for visit in moved)
    assert Event.objects.filter(action="visit_moved").count() == moved.count()
    assert Event.objects.filter(action="visit_cancelled").count() == cancelled.count()
    assert Event.objects.filter(action="visit_booked").count() == Visit.objects.count() - moved.count()
    assert Event.objects.filter(action="dose_recorded").count() == DoseRecord.objects.count()
    assert Event.objects.filter(action="prescribed").count() == Prescription.objects.count()
    told = " ".join(f"{event.subject} {event.why} {event.detail}" for event in Event.objects.all())
    for regimen in catalogue.all_current().values():
        assert doses.drug_code(regimen.id) not in told


def test_the_guide_names_every_example(settings):
    guide = (settings.BASE_DIR / "docs/demo.md").read_text(encoding="utf-8")
    loaded()
    for story in EXAMPLES:
        patient = example(story.key)
        assert f"| {patient.mrn} | {patient.listed_name} | {story.what} |" in guide


def test_a_second_load_does_nothing():
    loaded()
    before = digest()
    out = StringIO()
    call_command("load_demo", stdout=out)
    assert out.getvalue() == "Demo data is there already.\n"
    assert digest() == before


def test_the_command_says_what_it_does_and_loads_for_the_day_it_is_told():
    out = StringIO()
    call_command("load_demo", patients=1, nurses=8, today=date(2026, 11, 20), stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[-1].startswith("Demo data loaded in ") and len(lines) > 3
    assert Patient.objects.count() == len(EXAMPLES)
    assert next_dose("new").due_on == date(2026, 11, 27)


def test_production_refuses(settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match=r"^Demo data is not loaded in production mode\.$"):
        call_command("load_demo")
    assert not Patient.objects.exists()


@pytest.mark.parametrize("wish", [{"nurses": 7}, {"nurses": 101}, {"patients": 0}, {"patients": 5001}])
def test_sizes_that_make_no_sense_are_refused(wish):
    with pytest.raises(CommandError, match="nurses"):
        call_command("load_demo", **wish)


def test_the_caller_finds_an_ordinary_day():
    loaded()
    due = Call.objects.filter(state="owed", next_at__lte=FRIDAY_AFTERNOON)
    assert 0 < due.count() < 40
    assert {"reaction_check_call", "shipment_call"} <= set(Call.objects.values_list("kind", flat=True))
    assert {"owed", "done", "given_up"} <= set(Call.objects.values_list("state", flat=True))
    assert CallAttempt.objects.filter(outcome="symptoms").exists()
    assert Alert.objects.filter(handled_at__isnull=True, alarm=True).count() == 2
    assert Alert.objects.filter(handled_at__isnull=False).exists()
    assert not CallAttempt.objects.filter(at__gt=FRIDAY_AFTERNOON).exists()


def test_families_ask_for_a_nurse_who_may_not_give_the_drug_yet():
    files = [NurseFile(make_nurse()) for _n in range(pairs.UNSIGNED + 1)]
    for _n in range(4):
        make_dose(regimen_id="natalizumab_q4w", start_on=today_at() + timedelta(days=8))
    pairs.tell(files, make_user(), NOW, today_at())
    asked = PinnedPair.objects.filter(kind="always")
    assert set(asked.values_list("nurse", flat=True)) == {files[pairs.UNSIGNED].nurse.pk}
    assert (asked.count(), PinnedPair.objects.filter(kind="never").count()) == (2, 1)
