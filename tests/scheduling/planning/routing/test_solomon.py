"""Solomon's text format: read as it is written, its distances cut to one decimal, bad lines named."""

import pytest

from scheduling.planning.routing import solomon, vrptw
from scheduling.planning.routing.problem import BadProblem

TEXT = """TINY

VEHICLE
NUMBER     CAPACITY
  3         20

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0        200          0
    1      10        0          10         0        100          10
    2      11        1          10         0        100          10
    3      -10       0          10         20       30           10
    4      -11       1          10         0        100          10
"""


def test_an_instance_is_read_in_tenths():
    instance = solomon.read(TEXT)
    assert (instance.name, instance.vehicles, instance.capacity) == ("TINY", 3, 20)
    assert instance.customers[3] == solomon.Customer(-10.0, 0.0, 10, 200, 300, 100)
    assert instance.distance(1, 2) == 14  # 1.4142: cut, never rounded
    assert instance.distance(0, 2) == 110  # 11.0453


def test_the_search_finds_the_two_short_routes_and_the_same_for_a_seed():
    instance = solomon.read(TEXT)

    def routes():
        calls = iter(range(60))
        return vrptw.search(instance, seed=1, stopped=lambda _best: next(calls, None) is None)

    found = routes()
    assert solomon.violations(instance, found) == []
    assert sorted(sorted(route) for route in found) == [[1, 2], [3, 4]]
    assert solomon.length(instance, found) == 2 * (100 + 14 + 110)
    assert routes() == found
    written = solomon.as_json(instance, found, seed=1, seconds=0.5)
    assert (written["distance"], written["vehicles"]) == (44.8, 2)


def test_no_routes_are_given_where_none_keep_every_rule():
    lonely = solomon.read(TEXT.replace("  3         20", "  1         20"))
    calls = iter(range(20))
    assert vrptw.search(lonely, seed=1, stopped=lambda _best: next(calls, None) is None) is None


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ([[1, 2], [3]], "Customer 4 is not served"),
        ([[1, 2], [3, 4], [1]], "Customer 1 is not served exactly once"),
        ([[1, 2], [3, 4, 9]], "no customer 9"),
        ([[1], [2], [3], [4]], "4 routes for 3 vehicles"),
        ([[1, 2, 4], [3]], "carries more than 20"),
        ([[4, 3], [1, 2]], ""),  # at 3 after 11.0 + 10 + 1.4 = 22.4, before 30
        ([[1, 3], [2, 4]], "is at 3 at 40.0, after 30.0"),
    ],
)
def test_broken_routes_are_named(routes, words):
    said = solomon.violations(solomon.read(TEXT), routes)
    assert (said == []) is (not words)
    assert not words or any(words in line for line in said), said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (TEXT, "", "not Solomon's format"),
        ("VEHICLE", "CARS", "not Solomon's format"),
        ("  3         20", "  3", "line 5: the number of vehicles and their capacity"),
        ("  3         20", "  0  20", "line 5: the number of vehicles is a whole number from 1"),
        ("  3         20", "  3  9", "line 11: the demand is more than a vehicle holds"),
        ("    2      11 ", "    7      11 ", "line 12: customer 2 is expected here, not 7"),
        ("    2      11 ", "    2      nan", "line 12: x is a number, not nan"),
        ("20       30           10", "31       30           10", "line 13: the due date is before"),
        ("20       30           10", "20       30", "line 13: 7 numbers are needed"),
        (
            "20       30           10",
            "20       30         -10",
            "line 13: the service time is a whole number",
        ),
        (
            "20       30           10",
            "20       30         1e3",
            "line 13: the service time is a whole number",
        ),
    ],
)
def test_a_bad_line_is_named_by_its_number(old, new, words):
    with pytest.raises(BadProblem) as no:
        solomon.read(TEXT.replace(old, new))
    assert words in str(no.value)
    assert len(str(no.value).splitlines()) == 1
