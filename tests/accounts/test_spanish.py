"""Nothing a patient may read is left without Spanish."""

from __future__ import annotations

import re
from datetime import date
from gettext import GNUTranslations

import pytest
from django.utils import translation

from scheduling.models import Notice
from scheduling.readings import my, words
from scheduling.transports import compose
from tests.accounts import spanish
from tests.makers import NOW, make_dose, make_patient, make_prescription, make_visit

PLACE = re.compile(r"%\(\w+\)[ds]|%\(\w+\)02d")


def test_every_message_patients_may_meet_has_spanish_words():
    translated = spanish.entries()
    missing = {text for text in spanish.messages() if not all(translated.get(text, [""]))}
    assert not missing


def test_the_reader_of_templates_sees_more_than_it_misses():
    found = spanish.messages()
    assert {"Your next infusion", "Hello %(name)s", "Around %(day)s", "(optional)", "Day"} <= found


def test_a_translation_keeps_the_places_where_values_go():
    wrong = [
        text
        for text, found in spanish.entries().items()
        for one in found
        if text and sorted(PLACE.findall(text)) != sorted(PLACE.findall(one))
    ]
    assert not wrong


def test_the_compiled_catalogue_says_what_the_written_one_says():
    with spanish.CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for text, found in spanish.entries().items():
        if not text:
            continue
        assert (
            compiled.ngettext(text, text, 1) == found[0]
            if len(found) > 1
            else compiled.gettext(text) == found[0]
        )


@pytest.mark.parametrize(
    ("language", "day", "clock"),
    [("en", "Tuesday, January 12", "9:00 am"), ("es", "martes 12 de enero", "9:00 a. m.")],
)
def test_days_and_times_follow_the_language(language, day, clock):
    with translation.override(language):
        assert my.long_day(date(2027, 1, 12)) == day
        assert words.clock_words(NOW.replace(hour=9)) == clock


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "subject", "line"),
    [
        ("booked", "Su visita de enfermería del", "Su visita de enfermería tiene cita."),
        ("moved", "tiene otra hora", "Su visita de enfermería tiene otra hora."),
        ("cancelled", "está cancelada", "Le llamaremos para fijar otra hora."),
    ],
)
def test_a_message_is_written_in_the_patients_language(kind, subject, line):
    patient = make_patient(first_name="María", language="es")
    visit = make_visit(make_dose(make_prescription(patient)))
    heading, body = compose(Notice(patient=patient, kind=kind), visit)
    assert subject in heading and "lunes 9 de marzo de 2026" in heading
    assert body.startswith("Hola, María:") and line in body and "9:00 a. m." in body
