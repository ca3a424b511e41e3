"""What messages say: in the patient's language, on the wall of the home, and nothing that tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from nurses.models import Nurse
from patients.models import Patient
from scheduling.models import Call, Notice, Visit
from scheduling.rules import gsm7
from scheduling.rules import wording as rules
from scheduling.rules.cadence import Policy
from scheduling.rules.errors import BadInput
from scheduling.services import texts, voice, wording
from tests.makers import CHICAGO, DAY, NOW, at

SHIPPED = texts.Texts(texts.shipped())
LINK = "https://" + "m" * 52  # 60 characters
TO_PATIENTS = sorted({kind for kind, channel, _ in texts.shipped() if channel == "text"})
ASKING = {"booked_ask": "booked", "moved_ask": "moved"}
AS_SHIPPED = Policy()
NEVER_ASKS = Policy(
    timings={**AS_SHIPPED.timings, "confirm": replace(AS_SHIPPED.timings["confirm"], on=False)}
)
LATER = NOW + timedelta(days=20)


def person(**fields) -> Patient:
    return Patient(
        **{"first_name": "María", "last_name": "Quintanilla", "address": "418 Maple Ave", **fields}
    )


def owed(kind="booked", channel="text", *, patient=None, starts_at=LATER, nurse="Elif", **fields) -> Notice:
    visit = Visit(
        pk=12, starts_at=starts_at, ends_at=starts_at + timedelta(hours=4), time_zone=CHICAGO, version=1,
        nurse=Nurse(first_name=nurse),
    )  # fmt: skip
    return Notice(
        pk=7, kind=kind, channel=channel, patient=patient or person(), visit=visit, created_at=NOW, **fields
    )


def said(notice: Notice, *, policy=AS_SHIPPED, link=LINK, all_texts=SHIPPED, **more) -> wording.Words:
    return wording.compose(notice, texts=all_texts, policy=policy, link=link, now=NOW, **more)


def with_words(kind: str, channel: str, language: str, body: str, subject: str = "") -> texts.Texts:
    words = texts.Wording(kind, channel, language, subject, body)
    return texts.Texts({**texts.shipped(), (kind, channel, language): words})


FIRST = (
    "Maximiliano",
    "Guadalupe del Carmen",
    "José",
    "Ñandú",
    "Zoë",
    "李",
    "Xiomara-Alejandra Montserrat",
    "Al",
)


@given(
    kind=st.sampled_from(TO_PATIENTS), language=st.sampled_from(texts.LANGUAGES), first=st.sampled_from(FIRST),
    nurse=st.sampled_from(FIRST), minute=st.integers(0, 60 * 24 * 365),
    sender=st.text("ABCDMWabcdmw ", min_size=1, max_size=20).filter(lambda x: x.strip() == x and "  " not in x),
    zone=st.sampled_from(["America/Chicago", "America/Phoenix", "Pacific/Honolulu", "America/New_York"]),
    link=st.integers(20, 60), days=st.integers(1, 5),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_every_shipped_text_fits_one_part_for_every_name_time_and_a_link_of_sixty(
    kind, language, first, nurse, minute, sender, zone, link, days
):
    if rules.forbidden(sender, drugs=texts.drugs(), strict=True):
        return
    starts_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    notice = owed(
        ASKING.get(kind, kind),
        patient=person(first_name=first, language=language),
        starts_at=starts_at,
        nurse=nurse,
    )
    notice.visit.time_zone = zone
    notice.created_at = starts_at - (DAY if kind in ASKING else 20 * DAY)
    words = said(notice, policy=Policy(sender=sender), link="https://" + "m" * (link - 8), days=days)
    assert gsm7.fits(words.body)
    assert words.body.startswith(f"{sender}: ") and "214-555-0142" in words.body
    assert words.body.removesuffix(" mas").endswith(rules.LEAST_CLOSING[language])
    assert words.subject == ""


@pytest.mark.parametrize(("kind", "channel", "language"), sorted(texts.shipped()))
def test_every_shipped_wording_could_be_saved_as_it_is(kind, channel, language):
    shipped = texts.shipped()[kind, channel, language]
    texts.check(kind, channel, language, subject=shipped.subject, body=shipped.body)


def test_every_kind_has_words_on_every_channel_it_goes_on_in_both_languages():
    to_people = set(Notice.Kind.values) - texts.STAFF_KINDS
    wanted = {(kind, channel, x) for kind in to_people for channel in ("email", "text") for x in ("en", "es")}
    wanted |= {("next_day", "voice", "en"), ("next_day", "voice", "es")}
    wanted |= {(kind, "email", "en") for kind in texts.STAFF_KINDS}
    assert wanted <= set(texts.shipped())


DRUGS = (
    *("Ocrevus", "ocrelizumab", "TYSABRI", "Tyruko", "Briumvi", "Lemtrada", "Gamunex-C", "Privigen"),
    *("rituximab", "Solu-Medrol", "methylprednisolone", "Novantrone"),
)


@pytest.mark.parametrize("name", DRUGS)
def test_every_drug_of_the_fact_files_is_known(name):
    assert rules.forbidden(f"for your {name}.", drugs=texts.drugs(), strict=False) == name


def test_a_booking_says_who_when_and_whom_to_call():
    assert said(owed(starts_at=at(date(2026, 12, 21), 8))).body == (
        "Trinity Home Care: Hi Maria, your nurse visit is Mon, Dec 21 at 8:00 am CST. Elif comes to your home. "
        "Another time? Call 214-555-0142. Reply STOP to end"
    )


def test_the_same_in_spanish_with_the_accents_a_text_can_carry():
    body = said(owed(starts_at=at(date(2026, 12, 23), 8), patient=person(language="es"))).body
    assert body == (
        "Trinity Home Care: su visita de enfermeria es el mié 23 dic, 8:00 a. m. CST. Elif ira a su casa. "
        "¿Otra hora? Llame al 214-555-0142. STOP para no recibir mas"
    )


@pytest.mark.parametrize(
    ("kind", "subject", "line"),
    [
        ("booked", "Su visita de enfermería del", "Su visita de enfermería está programada."),
        ("moved", "tiene otra hora", "Su visita de enfermería tiene otra hora."),
        ("cancelled", "está cancelada", "Le llamaremos para fijar otra hora."),
    ],
)
def test_an_email_is_written_in_the_patients_language(kind, subject, line):
    words = said(owed(kind, "email", patient=person(language="es"), starts_at=at(date(2027, 3, 8), 9)))
    assert subject in words.subject and "lunes 8 de marzo de 2027" in words.subject
    assert words.body.startswith("Hola, María:") and line in words.body and "9:00 a. m." in words.body


@pytest.mark.parametrize(("on", "zone"), [(date(2026, 10, 31), "CDT"), (date(2026, 11, 2), "CST")])
def test_the_zone_is_that_of_the_visits_day_not_of_today(on, zone):
    assert f"8:00 am {zone}." in said(owed(starts_at=at(on, 8))).body


def test_half_past_one_on_the_repeated_hour_says_which_one():
    first = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert "1:30 am CDT" in said(owed(starts_at=first)).body
    assert "1:30 am CST" in said(owed(starts_at=first + timedelta(hours=1))).body


def test_times_are_those_of_the_home_not_of_the_office():
    notice = owed(starts_at=datetime(2026, 12, 21, 16, 0, tzinfo=UTC))
    notice.visit.time_zone = "America/Phoenix"
    assert "9:00 am MST" in said(notice).body


@pytest.mark.parametrize("kind", ["booked", "moved"])
def test_a_visit_too_near_for_the_message_that_asks_asks_at_once(kind):
    near, far = owed(kind, starts_at=NOW + DAY), owed(kind, starts_at=NOW + 5 * DAY)
    assert "1=yes. Or https://" in said(near).body and "1=yes" not in said(far).body
    near.visit.state = "confirmed"
    assert "1=yes" not in said(near).body
    near.visit.state = "booked"
    assert "1=yes" not in said(near, policy=NEVER_ASKS).body


def test_a_text_that_takes_the_place_of_the_one_that_asks_asks_itself():
    starts_at = at(NOW.date() + 2 * DAY, 9)  # what asks would go at ten today, an hour from now
    assert "1=yes" in said(owed(starts_at=starts_at)).body
    assert "Please tell us" not in said(owed(channel="email", starts_at=starts_at)).body


def test_confirm_health_questions_and_how_to_get_ready_are_one_message():
    text = said(owed("confirm")).body
    assert "1=yes" in text and f"Questions: {LINK}" in text
    email = said(owed("confirm", "email")).body
    assert LINK in email and "health questions" in email
    assert all(word in email for word in ("Eat", "Drink", "Wear", "with you", "at hand"))


def test_without_an_address_for_links_a_message_still_makes_sense():
    body = said(owed("confirm"), link="").body
    assert "1=yes, 2=another time. Call 214-555-0142" in body and "Questions" not in body


def test_a_course_says_how_many_days_in_a_row():
    assert "the first of 5 days in a row" in said(owed("booked", "email"), days=5).body
    assert "in a row" not in said(owed("booked", "email"), days=1).body
    assert "5 días seguidos" in said(owed("booked", "email", patient=person(language="es")), days=5).body


def test_a_name_the_telephone_cannot_write_is_left_out_of_a_text_and_not_of_an_email():
    assert "李" not in said(owed(patient=person(first_name="李"), nurse="王")).body
    assert said(owed("booked", "email", patient=person(first_name="李"))).body.startswith("Hello 李,")


def test_the_senders_name_is_the_settings_or_the_agencys():
    assert said(owed(), policy=Policy(sender="Trinity Nurses")).body.startswith("Trinity Nurses: ")
    with override_settings(AGENCY_NAME="North Care"):
        assert said(owed()).body.startswith("North Care: ")


@pytest.mark.parametrize("kind", sorted(texts.STAFF_KINDS))
def test_the_office_is_told_in_english_without_a_name_and_with_a_page_to_look_at(kind):
    notice = Notice(
        kind=kind, channel="email", user_id=1, created_at=NOW, about="licence 4 2026-12-01 at 30 days",
        visit=owed().visit if kind == "unconfirmed" else None,
    )  # fmt: skip
    with override_settings(PUBLIC_URL="https://home.example.org"):
        words = said(notice, link="")
    assert "Sign in to see it: https://home.example.org/staff/" in words.body
    assert "Quintanilla" not in words.subject + words.body and "{" not in words.body


def test_a_paper_that_runs_out_says_which_and_when():
    notice = Notice(kind="paper_expiry", channel="email", user_id=1, created_at=NOW,
                    about="authorization 4 2026-12-01 at 7 days")  # fmt: skip
    words = said(notice, link="")
    assert words.subject == "An authorization runs out on Tuesday, December 1, 2026"
    assert "/staff/readiness/" in words.body


def test_the_day_after_needs_no_visit_and_asks_how_they_are():
    call = Call(pk=5)
    notice = Notice(kind="next_day", channel="text", patient=person(), call=call, created_at=NOW)
    assert "how are you after your nurse visit?" in said(notice).body and LINK in said(notice).body
    voice = Notice(kind="next_day", channel="voice", patient=person(language="es"), call=call, created_at=NOW)
    assert "llamada automática" in said(voice, link="").body


def test_a_word_that_tells_never_goes_out_even_when_it_was_saved_before():
    for body in (
        "{agency}: Ocrevus {day}. {phone} STOP to end",
        "{agency}: infusion {day}. {phone} STOP to end",
    ):
        with pytest.raises(BadInput) as no:
            said(owed(), all_texts=with_words("booked", "text", "en", body))
        assert no.value.code == "TELLS"


def test_a_whole_name_or_an_address_never_goes_out():
    for secret in ("{first_name} Quintanilla", "418 Maple Ave", "Quintanilla, María"):
        with pytest.raises(BadInput) as no:
            said(owed(), all_texts=with_words("booked", "text", "en", "{agency}: " + secret))
        assert no.value.code == "TELLS"
        words = with_words("booked", "email", "en", "Hello", subject="For " + secret)
        with pytest.raises(BadInput):
            said(owed("booked", "email"), all_texts=words)


def test_letters_that_spell_a_word_in_a_link_by_chance_mean_nothing():
    assert "/MS-G35/" in said(owed("confirm"), link="https://home.example.org/s/MS-G35/").body


def test_a_channel_without_words_for_a_kind_is_refused():
    with pytest.raises(BadInput):
        said(owed("booked", "voice"))


def test_a_text_that_cannot_fit_is_refused_and_never_cut():
    body = "{agency}: " + "very long " * 20 + "{phone} STOP to end"
    with pytest.raises(BadInput, match="of the 160"):
        said(owed(), all_texts=with_words("booked", "text", "en", body))


def test_the_row_is_told_which_version_it_was_made_with():
    row = SimpleNamespace(pk=3)
    words = texts.Wording("booked", "text", "en", "", "{agency}: hello", 2, row)
    found = said(owed(), all_texts=texts.Texts({**texts.shipped(), ("booked", "text", "en"): words}))
    assert found.text is row and said(owed()).text is None


@pytest.mark.django_db
def test_an_automatic_call_begins_with_the_words_of_its_notice():
    notice = Notice(kind="next_day", channel="voice", patient=person(), call=Call(pk=5), created_at=NOW)
    notice.body = said(notice, link="").body
    assert notice.body.startswith("Hello María. This is an automatic call from Trinity Home Care.")
    assert voice.script(notice).hello == notice.body
