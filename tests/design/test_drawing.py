from datetime import date, timedelta
from itertools import combinations, pairwise
from math import hypot
from xml.etree import ElementTree

import pytest
from django.utils.html import strip_tags

from scheduling import drawing
from scheduling.drawing import Mark, Stop

TODAY = date(2026, 11, 21)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def percent(value: str) -> float:
    return float(value.rstrip("%"))


def widths(svg: str) -> dict[str, float]:
    found = {}
    for part in parsed(svg):
        start = percent(part.get("x") or part.get("x1"))
        length = percent(part.get("width")) if part.get("width") else percent(part.get("x2")) - start
        found[part.get("class")] = length
    return found


def test_the_infusion_bar_is_true_to_the_minutes():
    parts = widths(drawing.infusion_bar(prepare=60, infusion=180, observation=60))
    assert parts["bar-infuse"] == pytest.approx(60, abs=1)
    assert parts["bar-prepare"] == pytest.approx(20, abs=1)
    assert parts["bar-watch"] == pytest.approx(20, abs=1)


def test_a_part_of_no_minutes_is_not_drawn():
    parts = widths(drawing.infusion_bar(prepare=30, infusion=60, observation=0))
    assert set(parts) == {"bar-prepare", "bar-infuse"}
    assert parts["bar-infuse"] == pytest.approx(66.67, abs=0.7)
    assert widths(drawing.infusion_bar(prepare=0, infusion=0, observation=0)) == {}


def test_a_load_bar_is_full_at_capacity_and_stays_inside():
    filled = lambda used: percent(list(parsed(drawing.load_bar(used=used, capacity=480)))[1].get("width"))  # noqa: E731
    assert filled(240) == 50
    assert filled(480) == filled(900) == 100
    assert percent(list(parsed(drawing.load_bar(used=0, capacity=0)))[1].get("width")) == 100


def draw(marks, today=TODAY):
    return drawing.timeline(marks, today, label="Doses")


def test_every_mark_of_a_timeline_says_what_it_is_and_nothing_breaks_out():
    nasty = "<script>alert('x')</script> & \"quotes\""
    marks = [
        Mark(date(2026, 5, 4), "given", "3", "Dose 3 given"),
        Mark(date(2026, 11, 23), "next", "4", nasty, date(2026, 11, 9), date(2026, 12, 7)),
        Mark(date(2027, 2, 1), "lab-due", nasty, "IgG due"),
    ]
    svg, _ = drawing.timeline(marks, TODAY, label=nasty)
    tree = parsed(svg)
    titles = [title.text for title in tree.iter(f"{SVG}title")]
    assert {mark.title for mark in marks} <= set(titles)
    assert tree.get("aria-label") == nasty
    assert "<script" not in svg
    assert "style=" not in svg


def test_doses_stand_in_the_order_of_their_days_and_never_touch():
    first = date(2026, 1, 1)
    marks = [Mark(first + timedelta(days=d), "planned", str(d), f"Dose {d}") for d in (0, 1, 1, 14, 700)]
    boxes = [r for r in parsed(draw(marks)[0]).iter(f"{SVG}rect") if r.get("height") == "30"]
    edges = [(float(b.get("x")), float(b.get("x")) + float(b.get("width"))) for b in boxes]
    assert len(edges) == len(marks)
    assert all(left[1] < right[0] for left, right in pairwise(edges))


def test_a_long_course_gets_a_wider_picture_that_holds_every_mark():
    marks = [Mark(TODAY + timedelta(weeks=4 * n), "planned", str(n), f"Dose {n}") for n in range(60)]
    tree = parsed(draw(marks)[0])
    width = float(tree.get("viewBox").split()[2])
    assert width > 900
    assert max(float(r.get("x")) + float(r.get("width")) for r in tree.iter(f"{SVG}rect")) < width


@pytest.mark.parametrize("days", [-400, 0, 30, 4000])
def test_today_is_always_on_the_picture(days):
    marks = [Mark(date(2026, 5, 4), "given", "1", "Dose 1"), Mark(date(2026, 11, 23), "next", "2", "Dose 2")]
    svg, share = draw(marks, TODAY + timedelta(days=days))
    assert 0 < share < 1
    assert "Today" in strip_tags(svg)


def test_a_timeline_without_marks_is_still_a_picture():
    svg, share = draw([])
    assert parsed(svg).tag == f"{SVG}svg"
    assert 0 < share < 1


def test_the_window_of_the_next_dose_surrounds_it():
    mark = Mark(date(2026, 11, 23), "next", "4", "Dose 4", date(2026, 11, 20), date(2026, 11, 25))
    far = Mark(date(2024, 1, 1), "given", "1", "Dose 1")
    tree = parsed(draw([far, mark])[0])
    window = next(r for r in tree.iter(f"{SVG}rect") if r.get("class") == "tl-window")
    box = next(g for g in tree.iter(f"{SVG}g") if g.get("class") == "tl-next").find(f"{SVG}rect")
    assert float(window.get("x")) < float(box.get("x"))
    right = float(window.get("x")) + float(window.get("width"))
    assert right > float(box.get("x")) + float(box.get("width"))


def test_a_route_keeps_north_up_and_west_left_inside_its_frame():
    stops = [
        Stop(32.70, -97.00, "", "Home"),
        Stop(33.00, -97.20, "1", "North-west <b>", "past", 20),
        Stop(32.80, -96.60, "2", "East", "now", 30),
    ]
    svg = drawing.route(stops, label="Route")
    tree = parsed(svg)
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in tree.iter(f"{SVG}circle")]
    (west, north), (east, south) = circles
    assert west < east
    assert north < south
    assert all(0 < x < 360 and 0 < y < 190 for x, y in circles)
    assert "North-west <b>" in [t.text for t in tree.iter(f"{SVG}title")]


@pytest.mark.parametrize("count", [1, 3])
def test_stops_at_one_place_still_make_a_picture(count):
    parsed(drawing.route([Stop(32.7, -97.0, str(n), "Here", "next", 0) for n in range(count)], label="Route"))


def test_stops_of_one_street_stand_beside_each_other_and_minutes_that_do_not_fit_are_left_out():
    street = [Stop(32.9 + n / 9000, -97.0, f"{n}", "Near", "next", 77) for n in (1, 2, 3)]
    far = Stop(33.3, -96.6, "4", "Far", "next", 55)
    tree = parsed(drawing.route([Stop(32.9, -97.0, "", "Home"), *street, far], label="Route"))
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in tree.iter(f"{SVG}circle")]
    assert all(hypot(a[0] - b[0], a[1] - b[1]) > 24 for a, b in combinations(circles, 2))
    assert all(0 < x < 360 and 0 < y < 190 for x, y in circles)
    words = [text.text for text in tree.iter(f"{SVG}text")]
    assert "55 min" in words and "77 min" not in words
