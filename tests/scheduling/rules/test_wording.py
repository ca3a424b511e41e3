"""Places are filled in, texts shortened in a fixed order and never cut, and what must not be said is found."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.rules import gsm7, wording
from scheduling.rules.errors import BadInput

CHICAGO = ZoneInfo("America/Chicago")
CLOSE = "Call {phone}. Reply STOP to end"
VALUES = {
    "hello": "Hi Maria, ", "first_name": "Maria", "nurse": "Elif", "day": "Mon, Dec 21", "time": "8:00 am",
    "until": "12:30 pm", "zone": "CST", "days_in_a_row": "", "agency": "Trinity Home Care",
    "phone": "214-555-0142", "link": "https://example.org/s/abc/",
}  # fmt: skip


def filled(body: str, channel: str = "text", **values: str) -> wording.Filled:
    return wording.fill(body, {**VALUES, **values}, channel=channel)


def test_a_place_takes_its_value_and_nothing_is_left_out_that_fits():
    said = filled("{agency}: {hello}visit {day}, {time} {zone}.[ With {nurse}.] " + CLOSE)
    assert said.left_out == ()
    assert said.body == (
        "Trinity Home Care: Hi Maria, visit Mon, Dec 21, 8:00 am CST. With Elif. Call 214-555-0142. "
        "Reply STOP to end"
    )


def test_a_part_without_its_value_is_left_out_with_its_gap():
    assert filled("Yes[: {link}][ on {days_in_a_row}]. End", link="").body == "Yes. End"
    assert filled("Day\n\n[Link: {link}\n\n]Bye", "email", link="").body == "Day\n\nBye"


def test_a_place_without_a_value_outside_brackets_is_refused_and_names_itself():
    with pytest.raises(BadInput, match=r"\{link\}"):
        filled("See {link}", link="")


@pytest.mark.parametrize(
    ("pad", "left_out"),
    [
        (25, []),
        (26, ["{hello}"]),
        (31, ["{hello}", "{zone}"]),
        (33, ["second"]),  # and greeting and zone have room again
        (59, ["{hello}", "second"]),
        (69, ["{hello}", "{zone}", "second"]),
        (73, ["second", "first"]),
    ],
)
def test_the_greeting_goes_first_then_the_zone_then_parts_from_the_end(pad, left_out):
    body = "{agency}: {hello}visit {day} {time} {zone}[ first {pad}][ second {pad}]. " + CLOSE
    said = filled(body, pad="x" * (pad - 1))
    assert [one.split()[0] for one in said.left_out] == left_out


def test_a_part_with_the_link_stays_however_long_it_is():
    with pytest.raises(BadInput, match="of the 160 characters"):
        filled("{agency}: {hello}[{link}] " + CLOSE, link="h" * 150)


def test_only_texts_are_shortened():
    assert filled("{hello}" + "x" * 300, "email").body == "Hi Maria, " + "x" * 300


def test_a_text_is_written_in_the_alphabet_of_telephones_and_other_scripts_are_refused():
    assert filled("{first_name}: sí “mañana”", first_name="José").body == 'José: si "mañana"'
    with pytest.raises(BadInput, match="李"):
        filled("{first_name}", first_name="李")


def test_the_point_of_a_m_ends_the_sentence():
    assert filled("a las {time}. Fin", time="8:00 a. m.").body == "a las 8:00 a. m. Fin"


@given(
    hello=st.text(max_size=80), nurse=st.text(min_size=1, max_size=80),
    agency=st.text("abcdefghij ", min_size=1, max_size=20).filter(str.strip),
)  # fmt: skip
def test_whatever_the_names_are_a_text_is_one_part_or_is_refused(hello, nurse, agency):
    try:
        said = filled(
            "{agency}: {hello}[with {nurse} ]on {day}. " + CLOSE, hello=hello, nurse=nurse, agency=agency
        )
    except BadInput:
        assert gsm7.unwritable(gsm7.to_gsm7(hello + nurse))
    else:
        assert gsm7.fits(said.body) and said.body.endswith("Reply STOP to end") and "Mon, Dec 21" in said.body


@pytest.mark.parametrize(
    ("at", "short", "long", "clock"),
    [
        (datetime(2026, 12, 21, 8, 0), "lun 21 dic", "lunes 21 de diciembre de 2026", "8:00 a. m."),
        (datetime(2027, 1, 6, 12, 5), "mié 6 ene", "miércoles 6 de enero de 2027", "12:05 p. m."),
        (datetime(2026, 8, 1, 0, 30), "sáb 1 ago", "sábado 1 de agosto de 2026", "12:30 a. m."),
        (datetime(2026, 9, 4, 15, 30), "vie 4 sep", "viernes 4 de septiembre de 2026", "3:30 p. m."),
    ],
)
def test_days_and_times_are_right_in_spanish(at, short, long, clock):
    local = at.replace(tzinfo=CHICAGO)
    assert wording.short_day(local, "es") == short
    assert wording.long_day(local, "es") == long and wording.long_day(local, "es", year=False) == long[:-8]
    assert wording.clock_time(local, "es") == clock


def test_days_and_times_are_right_in_english():
    local = datetime(2026, 12, 21, 8, 0, tzinfo=CHICAGO)
    assert wording.short_day(local, "en") == "Mon, Dec 21"
    assert wording.long_day(local, "en") == "Monday, December 21, 2026"
    assert wording.long_day(local, "en", year=False) == "Monday, December 21"
    assert wording.clock_time(local, "en") == "8:00 am"


def test_a_time_the_clocks_show_twice_says_which_it_is():
    twice = datetime(2026, 11, 1, 1, 30, tzinfo=CHICAGO)
    assert wording.clock_time(twice, "en") == "1:30 am CDT"
    assert wording.clock_time(twice.replace(fold=1), "en") == "1:30 am CST"
    assert wording.clock_time(twice.replace(hour=3), "en") == "3:30 am"


@pytest.mark.parametrize(
    "text",
    ["Your OCREVUS visit", "tu Infusión", "infusiones", "about MS", "multiple", "esclerosis", "G35.A", "Z79.899",
     "la EM", "Solu-Medrol.", "G35"],
)  # fmt: skip
def test_words_that_tell_are_found_in_any_case_and_with_accents(text):
    assert wording.forbidden(text, drugs=["ocrevus", "solu-medrol"], strict=True)


@pytest.mark.parametrize("text", ["Mr. Ms-free? no: systems", "em casa", "multiples", "Ocrevuses", "at 8.30"])
def test_parts_of_other_words_are_not(text):
    found = wording.forbidden(text.replace("Ms-free", "forms"), drugs=["ocrevus"], strict=True)
    assert found == ""


def test_an_email_may_say_more_than_a_text_and_the_word_is_given_back_as_it_stands():
    assert wording.forbidden("Su Infusión", drugs=[], strict=True) == "Infusión"
    assert wording.forbidden("Su Infusión", drugs=[], strict=False) == ""
    assert wording.forbidden("for your Sclerosis", drugs=[], strict=False) == "Sclerosis"


@pytest.mark.parametrize(
    ("body", "said"),
    [("{nobody}", "nobody"), ("[a [b]]", "[ too many"), ("a ]", "] too many"), ("{day", "{ too many")],
)
def test_places_nobody_fills_and_brackets_that_do_not_close_are_refused(body, said):
    with pytest.raises(BadInput) as no:
        wording.check_places(body, places=["day"], field="body")
    assert said in str(no.value) and no.value.field == "body"


def test_right_places_and_brackets_pass():
    wording.check_places("{day}[ at {day}]", places=["day"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("visit {day}. " + CLOSE, "begins with"),
        ("[{agency}: ]visit. " + CLOSE, "begins with"),
        ("{agency}: visit. Reply STOP to end", "call back"),
        ("{agency}: visit.[ Call {phone}.] Reply STOP to end", "call back"),
        ("{agency}: visit. Call {phone}.", "ends with"),
        ("{agency}: visit. Call {phone}.[ Reply STOP to end]", "ends with"),
        ("{agency}: " + "x" * 130 + CLOSE, "of the 160"),
    ],
)
def test_a_text_says_who_writes_whom_to_call_and_how_to_end_it(body, said):
    with pytest.raises(BadInput, match=said) as no:
        wording.check_text(body, "en")
    assert no.value.field == "body"


def test_the_opt_out_may_be_short_where_there_is_no_room():
    wording.check_text("{agency}: visit {day}.[ {link}] Call {phone}. [Reply ]STOP to end.", "en")
    wording.check_text("{agency}: visita {day}. Tel. {phone}. STOP para no recibir[ más]", "es")
