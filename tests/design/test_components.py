import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.template import engines
from django.test import RequestFactory
from django.utils.translation import override

from infusion_home.widgets import DateParts, NumberText
from scheduling.styleguide import style_guide


class Sample(forms.Form):
    born_on = forms.DateField(label="Born on", widget=DateParts, help_text="For example 7 2 1982")
    weight_kg = forms.DecimalField(label="Weight", widget=NumberText)
    answer = forms.ChoiceField(label="Fever?", choices=[("y", "Yes"), ("n", "No")], widget=forms.RadioSelect)


def rendered(source: str, **context: object) -> str:
    return engines["django"].from_string("{% load ui %}" + source).render(context)


def page(form: forms.Form) -> str:
    summary = '{% include "ui/error_summary.html" %}'
    return rendered(
        summary + '{% for f in form %}{% include "ui/field.html" with field=f only %}{% endfor %}', form=form
    )


def test_what_was_typed_wrong_comes_back_as_typed():
    form = Sample({"born_on_day": "30", "born_on_month": "2", "born_on_year": "1982", "weight_kg": "7o"})
    assert not form.is_valid()
    html = page(form)
    for kept in ('name="born_on_day" value="30"', 'name="born_on_month" value="2"', 'value="7o"'):
        assert kept in html
    assert 'type="number"' not in html  # a browser shows nothing where it cannot read a number


def test_a_date_in_three_parts_reaches_the_form_as_a_day():
    form = Sample(
        {"born_on_day": "2", "born_on_month": "7", "born_on_year": "1982", "weight_kg": "70", "answer": "y"}
    )
    assert form.is_valid(), form.errors
    assert form.cleaned_data["born_on"].isoformat() == "1982-07-02"


def test_every_line_of_the_error_summary_leads_to_its_field():
    form = Sample({})
    html = page(form)
    for target in ("id_born_on", "id_weight_kg", "id_answer"):
        assert f'href="#{target}"' in html
        assert f'id="{target}"' in html
        assert f'id="{target}_error"' in html


def test_a_form_without_errors_has_no_summary():
    assert "data-error-summary" not in page(Sample())


def test_the_parts_of_a_date_follow_the_language():
    with override("en"):
        assert page(Sample()).index("born_on_month") < page(Sample()).index("born_on_day")
    with override("es"):
        assert page(Sample()).index("born_on_day") < page(Sample()).index("born_on_month")


@pytest.mark.parametrize("status", ["ok", "wait", "live", "done", "hold", "stop", "info"])
def test_a_status_is_an_icon_and_a_word(status):
    html = rendered('{% include "ui/tag.html" with status=s word="Word" only %}', s=status)
    assert "<svg" in html
    assert 'aria-hidden="true"' in html
    assert "<span>Word</span>" in html


def test_words_from_people_are_escaped_in_components():
    name = "<b>O'Hara</b>"
    visit = {"url": "#", "name": name, "when": "8:00", "status": "ok", "word": name}
    visit |= {"prepare": 60, "infusion": 60, "observation": 60}
    html = rendered(
        '{% include "ui/visit_block.html" %}{% include "ui/chip.html" %}'
        "{% card title=visit.name %}x{% endcard %}"
        '{% include "ui/empty_state.html" with title=visit.name %}',
        visit=visit,
    )
    assert "<b>O" not in html
    assert "&lt;b&gt;O" in html


def test_a_wrapped_content_keeps_its_own_words():
    html = rendered(
        '{% card title="Outer" %}{% banner title="Inner" %}{{ title }}{% endbanner %}{% endcard %}',
        title="Mine",
    )
    assert html.index("Outer") < html.index("Inner") < html.index("Mine")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 min"), (45, "45 min"), (60, "1 h"), (270, "4 h 30"), (65, "1 h 05"), (None, "")],
)
def test_minutes_are_said_as_people_say_them(minutes, words):
    assert rendered("{{ m|minutes }}", m=minutes) == words


@pytest.mark.parametrize(
    ("number", "words"), [("+12145550142", "214-555-0142"), ("+44 20 7946 0000", "+44 20 7946 0000")]
)
def test_a_telephone_number_reads_as_people_say_it(number, words):
    assert rendered("{{ n|phone }}", n=number) == words


@pytest.mark.urls("tests.design.urls")
@pytest.mark.parametrize("role", ["staff", "nurse", "patient", "nonsense"])
def test_the_style_guide_shows_every_component(role):
    request = RequestFactory().get("/staff/styleguide/", {"as": role})
    request.user = AnonymousUser()
    html = style_guide(request).content.decode()
    for part in (
        "tag s-stop",
        "bar-watch",
        "tl-window",
        "week-scroll",
        "lane",
        "route-stop",
        "dialog",
        "field-bad",
    ):
        assert part in html
    assert " style=" not in html
