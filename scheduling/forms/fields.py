"""Fields of the office's forms: a day and a number as people type them, never lost when they are wrong."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from infusion_home.widgets import NumberText
from scheduling.rules.errors import Refused

FORMATS = {"en": ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y"), "es": ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y")}
EVERYWHERE = ("%Y-%m-%d", "%b %d, %Y", "%b %d %Y", "%B %d, %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y")


class DayField(forms.CharField):
    """A day typed in one field, like 1/6/2026; cleans to a date. A browser's own date field loses 2/30.

    Days before 1900 or after 2200 are typing errors.
    """

    default_error_messages = {
        "day": _("Enter a day that exists, like %(like)s."),
        "year": _("Check the year."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", NumberText(attrs={"inputmode": "text", "class": "num"}))
        super().__init__(**kwargs)
        self.validators = []  # those of a text do not fit the date it becomes

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, date):
            return value
        parts = (value.day, value.month) if _language() == "es" else (value.month, value.day)
        return f"{parts[0]}/{parts[1]}/{value.year}"

    def to_python(self, value: Any) -> Any:
        if isinstance(value, date):
            return value
        typed = super().to_python(value)
        if "\x00" in typed:
            raise self._wrong()
        return self._day(typed) if typed else None

    def _day(self, typed: str) -> date:
        for written in (*FORMATS.get(_language(), FORMATS["en"]), *EVERYWHERE):
            try:
                on = datetime.strptime(typed.replace(".", "/") if "/" in written else typed, written).date()  # noqa: DTZ007
            except ValueError:
                continue
            if not 1900 <= on.year <= 2200:
                raise ValidationError(self.error_messages["year"], code="year")
            return on
        raise self._wrong()

    def _wrong(self) -> ValidationError:
        like = "6/1/2026" if _language() == "es" else "1/6/2026"
        return ValidationError(self.error_messages["day"], code="day", params={"like": like})


def _language() -> str:
    return (get_language() or "en")[:2]


class NumberField(forms.DecimalField):
    """A decimal typed as text: what cannot be read stays as typed, beside what is wrong with it."""

    widget = NumberText


class WholeNumberField(forms.IntegerField):
    """A whole number typed as text."""

    widget = NumberText


def note_form_field(label: Any, *, length: int = 2000, **kwargs: Any) -> forms.CharField:
    """A text people type. The limit is checked on the server, so that nothing is cut off unseen."""
    field = forms.CharField(
        label=label, required=kwargs.pop("required", False), widget=forms.Textarea, **kwargs
    )
    field.max_length = None
    field.validators.append(forms.fields.validators.MaxLengthValidator(length))
    return field


def refuse(form: forms.BaseForm, no: Refused, fields: dict[str, str] | None = None) -> int:
    """Put a refusal beside its field (`fields` maps the rules' names to the form's); returns the status."""
    name = (fields or {}).get(no.field, no.field)
    form.add_error(name if name in form.fields else None, sentence(no))
    return 409 if no.status == 409 else 422


def sentence(no: Refused) -> str:
    """What the rules say, as a sentence: they begin in small letters where a field's path comes first."""
    text = str(no).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
