"""What a caller reads out: whole in both languages, the same questions, and nothing that tells a stranger."""

from __future__ import annotations

import pytest

from scheduling import call_scripts
from scheduling.models import Call
from scheduling.regimens import catalogue
from scheduling.rules import calls as rules
from scheduling.services.doses import drug_code

PLACES = {"caller": "Ana", "agency": "Sunrise Care", "first_name": "Luz", "phone": "214-555-0142"}
DRUGS = sorted({drug_code(regimen_id) for regimen_id in catalogue.all_current()})
FORBIDDEN = ("infusion", "infusión", "sclerosis", "esclerosis", "chemo", "mab ")


def whole(script: call_scripts.Script) -> str:
    said = (script.opening, script.emergency, *script.asks, script.unwell, script.closing, script.voicemail)
    return " ".join((*said, *(one.said(script.language) for one in script.symptoms)))


def test_every_kind_of_call_has_a_script_and_every_drug_its_questions():
    assert set(call_scripts.TITLES) == set(Call.Kind.values) == set(rules.TERMS)
    assert set(call_scripts.DATA["drugs"]) == set(DRUGS)


@pytest.mark.parametrize("drug", ["", *DRUGS])
@pytest.mark.parametrize("kind", Call.Kind.values)
def test_both_languages_ask_the_same_and_name_no_drug(kind, drug):
    english = call_scripts.script(kind, "en", drug=drug, **PLACES)
    spanish = call_scripts.script(kind, "es", drug=drug, **PLACES)
    assert len(english.asks) == len(spanish.asks)
    assert english.symptoms == spanish.symptoms
    for script in (english, spanish):
        said = whole(script).lower()
        assert "{" not in said
        assert script.sources
        names = [name for one in catalogue.all_current().values() for name in (one.generic, *one.brands)]
        for word in (*FORBIDDEN, *(name.lower() for name in names), drug or "mab "):
            assert word not in said, word


def test_the_emergencies_are_asked_first():
    found = call_scripts.script("stroke_and_reaction_call", "en", drug="alemtuzumab", **PLACES).symptoms
    urgent = [one.urgent for one in found]
    assert urgent == sorted(urgent, reverse=True)
    assert {"face_droop", "one_side_weak", "speech", "worst_headache"} <= {one.code for one in found}


def test_a_caller_checks_two_identifiers_before_anything_else():
    english = call_scripts.script("reaction_check_call", "en", **PLACES)
    assert "full name" in english.opening
    assert "date of birth" in english.opening
    assert "911" in english.emergency


def test_a_voicemail_says_who_called_and_where_to_call_back_and_nothing_else():
    for kind in Call.Kind.values:
        said = call_scripts.script(kind, "en", drug="natalizumab", **PLACES).voicemail
        assert said == "Hello, this is Ana from Sunrise Care. Please call us at 214-555-0142. Thank you."


def test_a_language_we_have_no_words_for_is_read_in_english():
    assert call_scripts.script("call_back", "vi", **PLACES).language == "en"
    assert call_scripts.automatic("hello", "vi", **PLACES).startswith("Hello Luz")


@pytest.mark.parametrize(
    ("number", "said"), [("+12145550142", "214-555-0142"), ("+4930123456", "+4930123456"), ("", "")]
)
def test_a_number_is_read_as_people_say_it(number, said):
    assert call_scripts.spoken(number) == said
