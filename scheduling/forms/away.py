"""A nurse is away: from when to when, and why. Days and times are those on the wall of the nurse's home base."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling import clock
from scheduling.forms.booking import QUARTERS
from scheduling.forms.fields import DayField
from scheduling.readings import words

REASONS = [
    ("sick", _("Sick")),
    ("leave", _("Leave")),
    ("training", _("Training")),
    ("other", _("Another reason")),
]


class AwayForm(forms.Form):
    """A valid form has `starts_at` and `ends_at`, aware; without times whole days, both included."""

    reason_class = forms.ChoiceField(
        label=_("Why?"),
        choices=REASONS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose why.")},
    )
    first_on = DayField(label=_("First day"), help_text=_("Like 1/6/2026."))
    from_time = forms.TimeField(label=_("From"), required=False, widget=forms.Select)
    last_on = DayField(label=_("Last day"), help_text=_("The same day when it is one."))
    to_time = forms.TimeField(label=_("Until"), required=False, widget=forms.Select)

    def __init__(self, data: Any = None, *, time_zone: str, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.time_zone = time_zone
        self.starts_at: datetime | None = None
        self.ends_at: datetime | None = None
        hours = [(f"{at:%H:%M}", words.clock_words(at)) for at in QUARTERS]
        self.fields["from_time"].widget.choices = [("", _("The whole day")), *hours]
        self.fields["to_time"].widget.choices = [("", _("The end of the day")), *hours]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        first, last = values.get("first_on"), values.get("last_on")
        if first and "from_time" not in self.errors:
            self.starts_at = self._moment("from_time", first, values.get("from_time") or time(0))
        if last and "to_time" not in self.errors:
            until = values.get("to_time")
            end = last if until else last + timedelta(days=1)
            self.ends_at = self._moment("to_time", end, until or time(0))
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            self.add_error("last_on", _("The end must be after the beginning."))
        return values

    def _moment(self, name: str, day: date, at: time) -> datetime | None:
        wall = datetime.combine(day, at)
        if not clock.exists(wall, self.time_zone):
            self.add_error(name, _("The clocks skip that time on this day. Choose another one."))
            return None
        return wall.replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)


class BackForm(forms.Form):
    """Why time off is taken back."""

    why = forms.CharField(
        label=_("Why?"), required=False, max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
