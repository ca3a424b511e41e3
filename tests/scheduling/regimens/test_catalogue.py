"""The fact files: complete, sourced, locked; and any slip of the pen stops the start with file, key and reason."""

import re
import shutil
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from scheduling.regimens import catalogue
from scheduling.regimens.catalogue import FOLDER, FactFileError, UnknownRegimen, load_folder
from scheduling.rules.calendar import Order, plan
from scheduling.rules.intervals import Interval

TWELVE = {
    "alemtuzumab_ms",
    "cyclophosphamide_ssc_monthly",
    "ivig_ms",
    "methylprednisolone_iv_3d",
    "methylprednisolone_iv_5d",
    "mitoxantrone_ms_q3m",
    "natalizumab_eid_q6w",
    "natalizumab_q4w",
    "ocrelizumab_iv",
    "rituximab_ms_1000_then_500_q6m",
    "rituximab_ms_1000x2_then_1000_q6m",
    "ublituximab_iv",
}
REGIMEN_FILES = sorted(FOLDER / f"{regimen_id}.toml" for regimen_id in TWELVE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the house's fact files to break."""
    copy = tmp_path / "facts"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__", "digests.toml"))
    return copy


def change(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_all_twelve_are_there_and_found_by_version():
    assert set(catalogue.all_current()) == TWELVE
    one = catalogue.get("ocrelizumab_iv")
    assert catalogue.get("ocrelizumab_iv", 1) is one
    assert catalogue.all_current()["ocrelizumab_iv"] is one


@pytest.mark.parametrize(
    ("regimen_id", "version"), [("nothing", None), ("ocrelizumab_iv", 99), ("x" * 500, None)]
)
def test_an_unknown_regimen_is_refused_with_its_name(regimen_id, version):
    with pytest.raises(UnknownRegimen) as unknown:
        catalogue.get(regimen_id, version)
    assert (unknown.value.code, unknown.value.status, unknown.value.field) == (
        "UNKNOWN_REGIMEN",
        422,
        "regimen_id",
    )
    assert regimen_id[:60] in str(unknown.value)
    assert len(str(unknown.value)) < 120


@pytest.mark.parametrize("file", REGIMEN_FILES, ids=lambda file: file.stem)
def test_every_number_stands_beside_its_source(file):
    facts = tomllib.loads(file.read_text())

    def walk(value, path, sourced):
        if isinstance(value, dict):
            sourced = sourced or {"source", "basis"} <= value.keys()
            for key, inner in value.items():
                walk(inner, f"{path}.{key}", sourced)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, path, sourced)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            assert sourced, path

    for key, value in facts.items():
        if key not in ("version", "total_doses", "maintenance_from"):
            walk(value, key, False)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_a_source_is_a_label_or_a_study_never_a_place_on_the_web(file):
    text = file.read_text().lower()
    assert not re.search(r"https?:|www\.|\.com\b|\.org\b|drugs\.com|medscape|openfda|seed\d", text)


def test_numbers_do_not_change_under_the_same_version():
    """Changed a fact? Raise `version`, keep the old file under earlier/ and add its line to digests.toml."""
    locked = {
        (line["id"], line["version"]): line["digest"]
        for line in tomllib.loads((FOLDER / "digests.toml").read_text())["facts"]
    }
    held = {key: one.digest for key, one in load_folder(FOLDER).versions.items()}
    assert held == locked


def test_a_signature_is_not_a_change_of_numbers(folder):
    before = load_folder(folder).current["ocrelizumab_iv"]
    change(
        folder,
        "ocrelizumab_iv.toml",
        'verified = { by = "", on = "" }',
        'verified = { by = "R. Ph", on = "2026-11-21" }',
    )
    after = load_folder(folder).current["ocrelizumab_iv"]
    assert (after.verified_by, after.verified_on) == ("R. Ph", "2026-11-21")
    assert after.digest == before.digest
    change(folder, "ocrelizumab_iv.toml", "mg = 300", "mg = 301")
    assert load_folder(folder).current["ocrelizumab_iv"].digest != before.digest


def test_a_new_regimen_of_known_rules_is_a_file_and_no_code(folder):
    text = (folder / "natalizumab_q4w.toml").read_text()
    text = text.replace('id = "natalizumab_q4w"', 'id = "newmab_q8w"').replace("days = 28", "weeks = 8", 1)
    (folder / "newmab_q8w.toml").write_text(text)
    new = load_folder(folder).current["newmab_q8w"]
    made = plan(new, Order(date(2026, 1, 5)), (), date(2026, 1, 5), doses=3)
    assert [dose.due_on for dose in made.planned] == [date(2026, 1, 5), date(2026, 3, 2), date(2026, 4, 27)]
    assert made.planned[1].reasons[0].text == (
        "Dose 2 is due 8 weeks (56 days) after dose 1 (Jan 5, 2026): Mar 2, 2026."
    )


def test_a_prescription_keeps_the_version_it_was_made_with(folder):
    (folder / "earlier").mkdir()
    (folder / "earlier" / "natalizumab_q4w.v1.toml").write_text((folder / "natalizumab_q4w.toml").read_text())
    change(folder, "natalizumab_q4w.toml", "version = 1", "version = 2")
    change(folder, "natalizumab_q4w.toml", "days = 28", "days = 30")
    both = load_folder(folder)
    assert both.current["natalizumab_q4w"].version == 2
    assert both.versions["natalizumab_q4w", 1].steps[1].interval == Interval(days=28)
    assert both.versions["natalizumab_q4w", 2].steps[1].interval == Interval(days=30)


def test_needs_of_measurements_are_known_from_the_facts():
    needs = {one.id: (one.needs_weight, one.needs_height) for one in catalogue.all_current().values()}
    assert {key: value for key, value in needs.items() if value != (False, False)} == {
        "ivig_ms": (True, False),
        "mitoxantrone_ms_q3m": (True, True),
        "cyclophosphamide_ssc_monthly": (True, True),
    }
    bounded = {one.id: one.max_dose_number for one in catalogue.all_current().values() if one.max_dose_number}
    assert bounded == {
        "alemtuzumab_ms": 14,
        "methylprednisolone_iv_3d": 3,
        "methylprednisolone_iv_5d": 5,
        "cyclophosphamide_ssc_monthly": 6,
    }


def test_facts_a_page_shows_are_there():
    one = catalogue.get("natalizumab_q4w")
    assert (one.site_of_care.home, one.site_of_care.flags) == ("conditional", ("SITE_TOUCH_REQUIRED",))
    assert one.relapsing_only
    assert not catalogue.get("ocrelizumab_iv").relapsing_only
    assert one.stopping_reaction_types == ("hypersensitivity",)
    assert one.restart.gap == Interval(days=84)
    assert one.summary["interval"] == "28 days"
    assert one.visit_length.setup_minutes == 30
    assert catalogue.get("mitoxantrone_ms_q3m").parameters["cap_mg_per_m2"].default == Decimal(140)
    assert {rule.anchor for rule in catalogue.switch_rules()} == {"last_dose", "next_due_date_of_old_regimen"}


BROKEN = [
    (
        "rituximab_ms_1000_then_500_q6m.toml",
        'after = "previous_dose"',
        'after = "dose_1"',
        "doses[1].to: is not from, and only one dose can be counted from dose 1",
    ),
    ("ocrelizumab_iv.toml", "version = 1", "versio = 1", "version: is missing"),
    (
        "ocrelizumab_iv.toml",
        "version = 1",
        "version = 1\nsurprise = 2",
        "surprise: is not a key this place knows",
    ),
    ("ocrelizumab_iv.toml", "version = 1", "version = true", "version: True is not a whole number"),
    ("ocrelizumab_iv.toml", "version = 1", "version = 0", "version: 0 is not between 1 and"),
    ("ocrelizumab_iv.toml", "version = 1", "version = ", "is not TOML"),
    (
        "ocrelizumab_iv.toml",
        'id = "ocrelizumab_iv"',
        'id = "Ocrelizumab IV"',
        "id: 'Ocrelizumab IV' is not small",
    ),
    (
        "ocrelizumab_iv.toml",
        'id = "ocrelizumab_iv"',
        'id = "ocrelizumab_sc"',
        "id: is 'ocrelizumab_sc', and the file",
    ),
    (
        "ocrelizumab_iv.toml",
        'by = "", on = ""',
        'by = "R. Ph", on = ""',
        "verified.on: needs a name and a day",
    ),
    (
        "ocrelizumab_iv.toml",
        'by = "", on = ""',
        'by = "R. Ph", on = "today"',
        "verified.on: needs a name and a day",
    ),
    ("ocrelizumab_iv.toml", 'by = "", on = ""', 'by = "", on = "", at = ""', "verified.at: is not a key"),
    ("ocrelizumab_iv.toml", 'brands = ["Ocrevus"]', "brands = [1]", "brands: is not a list of texts"),
    ("ocrelizumab_iv.toml", 'brands = ["Ocrevus"]', 'brands = "Ocrevus"', "brands: is not a list of texts"),
    (
        "ocrelizumab_iv.toml",
        "relapsing_only = false",
        'relapsing_only = "no"',
        "relapsing_only: 'no' is not true or",
    ),
    (
        "ocrelizumab_iv.toml",
        'label_status = "on_label"',
        'label_status = "fine"',
        "label_status: 'fine' is not one of",
    ),
    ("ocrelizumab_iv.toml", 'generic = "ocrelizumab"', 'generic = " "', "generic: ' ' is not a text"),
    ("ocrelizumab_iv.toml", 'generic = "ocrelizumab"', "generic = 5", "generic: 5 is not a text"),
    (
        "ocrelizumab_iv.toml",
        "maintenance_from = 3",
        "# gone",
        "maintenance_from: is missing: a monitoring series",
    ),
    ("ocrelizumab_iv.toml", "mg = 300", "mg = -300", "doses[0].amount.mg: -300 is not between"),
    ("ocrelizumab_iv.toml", "mg = 300", "mg = nan", "doses[0].amount.mg: NaN is not between"),
    ("ocrelizumab_iv.toml", "mg = 300", 'mg = "300"', "doses[0].amount.mg: '300' is not a number"),
    (
        "ocrelizumab_iv.toml",
        "mg = 300",
        "mg = 300, mg_per_m2 = 12",
        "doses[0].amount: needs exactly one of mg",
    ),
    (
        "ocrelizumab_iv.toml",
        "mg = 300",
        "mg = 300, max_mg = 300",
        "doses[0].amount.max_mg: belongs to mg_per_m2",
    ),
    (
        "ocrelizumab_iv.toml",
        "mg = 300",
        "mg = 300, round_to_mg = 5",
        "doses[0].amount.round_to_mg: belongs to",
    ),
    (
        "ocrelizumab_iv.toml",
        "mg = 300",
        'g_per_kg = "dose"',
        "doses[0].amount.g_per_kg: there is no parameter 'dose'",
    ),
    (
        "ocrelizumab_iv.toml",
        "from = 2\nto = 2",
        "from = 3\nto = 3",
        "doses[1].from: is 3, and the doses before it end at 1",
    ),
    (
        "ocrelizumab_iv.toml",
        "from = 2\nto = 2",
        "from = 2",
        "doses[1].to: is missing, and other doses follow",
    ),
    ("ocrelizumab_iv.toml", "from = 2\nto = 2", "from = 2\nto = 1", "doses[1].to: is 1, less than from"),
    (
        "alemtuzumab_ms.toml",
        "from = 2\nto = 5",
        "from = 2\nto = 6",
        "doses[2].from: is 6, and the doses before it end at 6",
    ),
    (
        "ocrelizumab_iv.toml",
        'due = { after = "start_date" }',
        'due = { after = "dose_1", days = 1 }',
        "doses[0].due.after: dose 1",
    ),
    (
        "ocrelizumab_iv.toml",
        'due = { after = "dose_1", days = 14 }',
        'due = { after = "start_date" }',
        "doses[1].due.after",
    ),
    (
        "ocrelizumab_iv.toml",
        'after = "dose_1", days = 14',
        'after = "dose_2", days = 14',
        "doses[1].due.after: 'dose_2' is not",
    ),
    (
        "ocrelizumab_iv.toml",
        'after = "dose_1", days = 14',
        'after = "dose_1", days = 0',
        "doses[1].due.days: 0 is not between",
    ),
    (
        "ocrelizumab_iv.toml",
        'after = "dose_1", days = 14',
        'after = "dose_1"',
        "doses[1].due: needs exactly one of months",
    ),
    (
        "ocrelizumab_iv.toml",
        "days = 14 }",
        "days = 14, weeks = 2 }",
        "doses[1].due: needs exactly one of months",
    ),
    (
        "ocrelizumab_iv.toml",
        "days = 14 }",
        'days_parameter = "gap" }',
        "doses[1].due.days_parameter: there is no parameter",
    ),
    ("ocrelizumab_iv.toml", "window = {", "windows = {", "doses[1].windows: is not a key"),
    (
        "ocrelizumab_iv.toml",
        "before_days = 0",
        "before_days = 0.5",
        "doses[1].window.before_days: Decimal('0.5') is not",
    ),
    ("ocrelizumab_iv.toml", 'basis = "label"\n', "", "doses[0].basis: is missing"),
    ("ocrelizumab_iv.toml", 'basis = "label"', 'basis = "web"', "doses[0].basis: 'web' is not one of label"),
    (
        "ivig_ms.toml",
        '\nevidence = "recalled"',
        '\nevidence = "guess"',
        "[0].evidence: 'guess' is not one of seen",
    ),
    (
        "ocrelizumab_iv.toml",
        "when = { dose_number_at_most = 2 }",
        "when = { moon = 2 }",
        "infusion[0].when.moon: is not a rule",
    ),
    (
        "ocrelizumab_iv.toml",
        "when = { dose_number_at_most = 2 }",
        "when = { }",
        "infusion[0].when: needs exactly one",
    ),
    (
        "ocrelizumab_iv.toml",
        "when = { dose_number_at_most = 2 }\n",
        "",
        "infusion: the last rule, and only the last",
    ),
    (
        "ocrelizumab_iv.toml",
        'at_least = "severe"',
        'at_least = "none"',
        "at_least: 'none' is not one of mild",
    ),
    (
        "ocrelizumab_iv.toml",
        "minutes = 150",
        'schedule = "slow"',
        "infusion[0].schedule: there is no schedule 'slow'",
    ),
    (
        "ocrelizumab_iv.toml",
        "minutes = 150",
        'minutes = 150\nschedule = "slow"',
        "infusion[0]: needs exactly one of minutes",
    ),
    (
        "ocrelizumab_iv.toml",
        "lead_minutes_max = 30",
        "lead_minutes_max = 20",
        "lead_minutes_max: is less than",
    ),
    ("ocrelizumab_iv.toml", "[reactions.severe]", "[reactions.awful]", "reactions.severe: is missing"),
    (
        "ocrelizumab_iv.toml",
        "[reactions.severe]",
        '[reactions.odd]\ntext = "x"\nbasis = "label"\nsource = "x"\n[reactions.severe]',
        "reactions.odd: is not a grade",
    ),
    (
        "ocrelizumab_iv.toml",
        'kind = "serum_immunoglobulins"',
        'kind = "hbv_screening"',
        "prerequisites: hbv_screening is there twice",
    ),
    (
        "ocrelizumab_iv.toml",
        'when = "before_first_dose"',
        'when = "sometimes"',
        "prerequisites[0].when: 'sometimes'",
    ),
    (
        "ocrelizumab_iv.toml",
        'anchor = "each_maintenance_dose"',
        'anchor = "full_moon"',
        "monitoring[0].anchor: 'full_moon'",
    ),
    (
        "ocrelizumab_iv.toml",
        'anchor = "each_maintenance_dose"',
        'anchor = "first_infusion"',
        "monitoring[0].first_after: is missing",
    ),
    (
        "ocrelizumab_iv.toml",
        'until = "therapy_end"',
        'until = "later"',
        "monitoring[0].until: 'later' is not one of",
    ),
    (
        "ocrelizumab_iv.toml",
        'home = "conditional"',
        'home = "maybe"',
        "site_of_care.home: 'maybe' is not one of",
    ),
    ("ocrelizumab_iv.toml", "flags = []", 'flags = ["SITE"]', "site_of_care.flags: 'SITE' is not one of"),
    ("ocrelizumab_iv.toml", "[missed_dose]", "[missed]", "missed_dose: is missing"),
    ("natalizumab_q4w.toml", '["hypersensitivity"]', '["allergy"]', "reactions.stopping_types: 'allergy'"),
    (
        "natalizumab_q4w.toml",
        "then_every = { months = 6 }",
        "then_every = { days = 6 }",
        "then_every: needs a first_after",
    ),
    ("natalizumab_q4w.toml", "min_separation = {", "# {", "doses[1]: every dose but dose 1 has"),
    ("alemtuzumab_ms.toml", "total_doses = 8", "total_doses = 15", "total_doses: is not between 1 and 14"),
    ("alemtuzumab_ms.toml", "total_doses = 8", "# gone", "total_doses: is not between 1 and 14"),
    (
        "alemtuzumab_ms.toml",
        "number = 2\nfrom = 6",
        "number = 2\nfrom = 7",
        "courses[1]: does not follow the course before",
    ),
    (
        "alemtuzumab_ms.toml",
        "from = 12\nto = 14\nbasis",
        "from = 12\nto = 13\nbasis",
        "courses: end at dose 13, and the doses at 14",
    ),
    (
        "alemtuzumab_ms.toml",
        "until = { months = 48 }",
        'until = "therapy_end"',
        "until: needs a number of months",
    ),
    (
        "mitoxantrone_ms_q3m.toml",
        "mg_per_m2 = 12, round_to_mg = 1",
        "mg_per_m2 = 12",
        "amount.round_to_mg: belongs to",
    ),
    (
        "mitoxantrone_ms_q3m.toml",
        "mg_per_m2 = 12, round_to_mg = 1",
        "mg = 20",
        "doses[0].amount: needs mg_per_m2: the regimen",
    ),
    (
        "mitoxantrone_ms_q3m.toml",
        'parameter = "cap_mg_per_m2"',
        'parameter = "cap"',
        "cumulative_cap.parameter: there is no",
    ),
    (
        "mitoxantrone_ms_q3m.toml",
        "default = 140",
        "default = 141",
        "parameters[0].default: is not between least and most",
    ),
    (
        "ivig_ms.toml",
        'name = "induction_days"',
        'name = "maintenance_g_per_kg"',
        "parameters: have one name twice",
    ),
    ("ivig_ms.toml", 'name = "subsequent"', 'name = "first"', "schedules: have one name twice"),
    ("ivig_ms.toml", "[weight_rounding]", "[rounding]", "rounding: is not a key"),
    (
        "ivig_ms.toml",
        "{ ml_per_kg_h = 0.5, minutes = 30 }",
        "{ ml_per_kg_h = 0.5 }",
        "schedules[0].stages: every stage but",
    ),
    (
        "ivig_ms.toml",
        "{ ml_per_kg_h = 2 },",
        "{ ml_per_kg_h = 2, minutes = 5 },",
        "schedules[0].stages: every stage but",
    ),
    (
        "rituximab_ms_1000_then_500_q6m.toml",
        "500 = 175",
        "400 = 175",
        "infusion[0].schedule: 'first' has no minutes for dose 2",
    ),
    (
        "rituximab_ms_1000_then_500_q6m.toml",
        "500 = 175",
        "half = 175",
        "minutes_by_mg.half: is not a number of mg",
    ),
    (
        "methylprednisolone_iv_3d.toml",
        "[[observation]]\nminutes = 30",
        '[[observation]]\nschedule = "x"',
        "observation: has minutes",
    ),
    ("methylprednisolone_iv_3d.toml", "[[prerequisites]]", "[prerequisites]", "is not TOML"),
    (
        "switches.toml",
        '"natalizumab_q4w"',
        '"natalizumab"',
        "switches[0].from: there is no regimen 'natalizumab'",
    ),
    ("switches.toml", '"ublituximab_iv"', '"*"', "switches[0].to: there is no regimen '*'"),
    (
        "switches.toml",
        'counted_from = "last_dose"',
        'counted_from = "lunch"',
        "switches[0].counted_from: 'lunch'",
    ),
    (
        "visit_length.toml",
        "setup_minutes = 30",
        "setup_minutes = 300",
        "setup_minutes: 300 is not between 0 and 240",
    ),
    ("visit_length.toml", "setup_minutes = 30", "setup_minutes = 30\nx = 1", "x: is not a key"),
]


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"), BROKEN, ids=[f"{b[0]}-{b[3][:40]}" for b in BROKEN]
)
def test_a_slip_of_the_pen_is_refused_with_file_key_and_reason(folder, name, old, new, reason):
    change(folder, name, old, new)
    with pytest.raises(FactFileError) as wrong:
        load_folder(folder)
    assert str(wrong.value).startswith(f"{name}: ")
    assert reason in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_a_folder_that_lacks_its_files_is_refused(folder, tmp_path):
    (folder / "switches.toml").unlink()
    with pytest.raises(FactFileError, match=r"^switches.toml: cannot be read: No such file"):
        load_folder(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    shutil.copy(FOLDER / "visit_length.toml", empty)
    with pytest.raises(FactFileError, match=r"^empty: has no fact file$"):
        load_folder(empty)


def test_a_file_that_is_not_text_or_holds_the_wrong_shape_is_refused(folder):
    (folder / "ocrelizumab_iv.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FactFileError, match=r"^ocrelizumab_iv.toml: is not UTF-8 text$"):
        load_folder(folder)
    (folder / "ocrelizumab_iv.toml").write_text('verified = "yes"')
    with pytest.raises(FactFileError, match=r"^ocrelizumab_iv.toml: verified: is not a table$"):
        load_folder(folder)
    text = (FOLDER / "natalizumab_q4w.toml").read_text()
    (folder / "ocrelizumab_iv.toml").unlink()
    (folder / "natalizumab_q4w.toml").write_text(
        re.sub(r"\[\[observation\]\](.|\n)*?\n\n(?=\[\[premed)", "", text).replace(
            "version = 1", "version = 1\nobservation = []"
        )
    )
    with pytest.raises(FactFileError, match=r"^natalizumab_q4w.toml: observation: is not a list of tables$"):
        load_folder(folder)


def test_an_earlier_version_must_be_earlier_and_well_named(folder):
    (folder / "earlier").mkdir()
    old = folder / "earlier" / "ocrelizumab_iv.v1.toml"
    shutil.copy(folder / "ocrelizumab_iv.toml", old)
    with pytest.raises(FactFileError, match="version: is not earlier than the one in use"):
        load_folder(folder)
    old.rename(folder / "earlier" / "ocrelizumab_iv.toml")
    with pytest.raises(
        FactFileError, match=r"earlier/ocrelizumab_iv.toml: id: and version do not make the name"
    ):
        load_folder(folder)


def test_a_weight_dose_needs_its_rounding_and_a_course_series_its_courses(folder):
    text = (folder / "ivig_ms.toml").read_text()
    (folder / "ivig_ms.toml").write_text(re.sub(r"\[weight_rounding\]\n(.+\n)+", "", text))
    with pytest.raises(FactFileError, match=r"^ivig_ms.toml: weight_rounding: is missing"):
        load_folder(folder)
    shutil.copy(FOLDER / "ivig_ms.toml", folder)
    text = (folder / "alemtuzumab_ms.toml").read_text()
    (folder / "alemtuzumab_ms.toml").write_text(re.sub(r"\[\[courses\]\]\n(.+\n)+", "", text))
    with pytest.raises(FactFileError, match=r"^alemtuzumab_ms.toml: courses: are missing"):
        load_folder(folder)


def test_a_length_may_name_its_own_source(folder):
    change(
        folder,
        "ocrelizumab_iv.toml",
        'source = "house planning default" }',
        'source = "house planning default", x = 1 }',
    )
    with pytest.raises(FactFileError, match=r"prerequisites\[0\].valid_for.x: is not a key"):
        load_folder(folder)
