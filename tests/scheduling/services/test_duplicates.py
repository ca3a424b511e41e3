"""Adding a patient who may be on file already: shown with the reason, never blocked silently."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.models import Patient
from scheduling.models import Event
from scheduling.rules.errors import BadInput, NeedsReason
from scheduling.services import duplicates
from scheduling.services.duplicates import EMAIL, MRN, NAME, NAME_AND_BIRTHDAY, PHONE, SWAPPED, TYPO
from tests.makers import make_patient, make_user, patient_fields

BORN = date(1982, 7, 2)
OTHER_DAY = date(1990, 1, 1)


def alike(**asked) -> list[tuple[int, ...]]:
    """What those who are found share with Grace Abara, born BORN, or with who is `asked` about."""
    wanted = {"first_name": "Grace", "last_name": "Abara", "date_of_birth": BORN, **asked}
    return [one.shares for one in duplicates.likely_duplicates(**wanted)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("on_file", "shares"),
    [
        ({"first_name": "Grace", "last_name": "Ábara", "date_of_birth": BORN}, (NAME_AND_BIRTHDAY,)),
        ({"first_name": "Gracie", "last_name": "Abara", "date_of_birth": BORN}, (NAME_AND_BIRTHDAY,)),
        ({"first_name": "Abara", "last_name": "Grace", "date_of_birth": BORN}, (SWAPPED,)),
        ({"first_name": "Abara", "last_name": "Grace", "date_of_birth": OTHER_DAY}, (SWAPPED,)),
        ({"first_name": "Grace", "last_name": "Abarra", "date_of_birth": BORN}, (TYPO,)),
        ({"first_name": "Grace", "last_name": "Abra", "date_of_birth": BORN}, (TYPO,)),
        ({"first_name": "Grace", "last_name": "Abera", "date_of_birth": BORN}, (TYPO,)),
        ({"first_name": "Grace", "last_name": "Abaar", "date_of_birth": BORN}, (TYPO,)),
        ({"first_name": "Grace", "last_name": "Abara-Lopez", "date_of_birth": BORN}, (TYPO,)),
        ({"first_name": "GRACE", "last_name": "abara", "date_of_birth": OTHER_DAY}, (NAME,)),
    ],
)
def test_who_may_be_the_same_person_is_found_and_it_says_why(on_file, shares):
    make_patient(**on_file)
    assert alike() == [shares]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "on_file",
    [
        {"first_name": "Grace", "last_name": "Adama", "date_of_birth": BORN},
        {"first_name": "Peter", "last_name": "Abara", "date_of_birth": OTHER_DAY},
        {"first_name": "Grace", "last_name": "Abarra", "date_of_birth": OTHER_DAY},
        {"first_name": "Maria", "last_name": "Keller", "date_of_birth": BORN},
    ],
)
def test_a_shared_birthday_or_last_name_alone_is_nobody(on_file):
    make_patient(**on_file)
    assert alike() == []


@pytest.mark.django_db
def test_a_phone_an_email_or_an_mrn_finds_somebody_of_another_name():
    make_patient(last_name="Keller", mrn="K-77", email="Home@Example.com", phone="214-555-0142")
    assert alike(phone="(214) 555-0142") == [(PHONE,)]
    assert alike(email="home@example.COM ") == [(EMAIL,)]
    assert alike(mrn=" k-77 ") == [(MRN,)]
    assert alike(phone="", email="", mrn="") == []


@pytest.mark.django_db
def test_the_most_telling_comes_first_and_the_list_ends_somewhere():
    for _ in range(duplicates.MOST):
        make_patient(first_name="Grace", last_name="Abara", date_of_birth=OTHER_DAY)
    make_patient(first_name="Grace", last_name="Abara", date_of_birth=BORN)
    found = alike()
    assert (found[0], len(found)) == ((NAME_AND_BIRTHDAY,), duplicates.MOST)


@pytest.mark.django_db
def test_two_queries_whatever_is_found(django_assert_max_num_queries):
    for _ in range(6):
        make_patient(first_name="Grace", last_name="Abara", date_of_birth=BORN, phone="214-555-0142")
    with django_assert_max_num_queries(2):
        assert len(alike(phone="214-555-0142", email="a@example.com", mrn="X")) == 6


@pytest.mark.django_db
def test_somebody_alike_needs_a_reason_which_stays_in_the_trail():
    known = make_patient(first_name="Grace", last_name="Abara", date_of_birth=BORN)
    fields = patient_fields(first_name="Gracie", last_name="Abara", date_of_birth=BORN)
    with pytest.raises(NeedsReason) as no:
        duplicates.add_patient(by=make_user(), **fields)
    assert (no.value.code, no.value.field) == ("LIKELY_DUPLICATE", "different")
    assert known.mrn in str(no.value) and Patient.objects.count() == 1
    added = duplicates.add_patient(by=make_user(), different="her twin", **fields)
    told = Event.objects.get(action="duplicate_dismissed", patient=added)
    assert (told.why, told.detail["patients"]) == ("her twin", [known.pk])


@pytest.mark.django_db
def test_no_reason_makes_one_mrn_two_people():
    known = make_patient()
    with pytest.raises(BadInput) as no:
        duplicates.add_patient(by=make_user(), different="sure", **patient_fields(mrn=known.mrn))
    assert no.value.field == "mrn"


@pytest.mark.django_db
def test_nobody_alike_leaves_no_line_about_it():
    duplicates.add_patient(by=make_user(), different="typed for nothing", **patient_fields())
    assert not Event.objects.filter(action="duplicate_dismissed").exists()


def slow_distance(one: str, other: str) -> int:
    """Letters to change from one to the other, a swap of neighbours counted once (Damerau, the plain table)."""
    rows = [[i + j if not i or not j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(st.text("abc", min_size=3, max_size=7), st.text("abc", min_size=3, max_size=7))
def test_one_letter_apart_is_what_the_slow_table_says(one, other):
    assert duplicates._one_letter_apart(one, other) == (slow_distance(one, other) == 1)
