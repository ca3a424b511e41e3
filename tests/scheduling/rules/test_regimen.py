"""What a regimen answers about itself."""

import pytest

from tests.scheduling.rules.makers import regimen


@pytest.mark.parametrize(
    ("regimen_id", "weight", "height"),
    [
        ("ocrelizumab_iv", False, False),
        ("ivig_ms", True, False),
        ("mitoxantrone_ms_q3m", True, True),
        ("cyclophosphamide_ssc_monthly", True, True),
    ],
)
def test_a_regimen_knows_which_measurements_it_needs(regimen_id, weight, height):
    assert (regimen(regimen_id).needs_weight, regimen(regimen_id).needs_height) == (weight, height)


def test_every_number_has_the_rule_of_its_step():
    one = regimen("alemtuzumab_ms")
    labels = [one.step(number).label for number in range(1, 15)]
    assert labels[:2] == ["course 1 day 1", "course 1 days 2-5"]
    assert labels[4:9] == [
        "course 1 days 2-5",
        "course 2 day 1",
        *["course 2 days 2-3"] * 2,
        "course 3 day 1 (if ordered)",
    ]
    assert labels[-1] == "course 4 days 2-3"
    assert one.step(15) is None
    assert regimen("ocrelizumab_iv").step(2000).label == "maintenance"
    assert [regimen("ocrelizumab_iv").step(number).first for number in (1, 2, 3, 4, 5)] == [1, 2, 3, 4, 4]


def test_every_number_has_its_course():
    one = regimen("alemtuzumab_ms")
    assert [one.course_of(number).number for number in range(1, 15)] == [1] * 5 + [2] * 3 + [3] * 3 + [4] * 3
    assert one.course_of(15) is None
    assert regimen("ocrelizumab_iv").course_of(1) is None
