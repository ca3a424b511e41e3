"""Forms of the coordinator's booking pages. Days and times are those on the patient's wall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling import clock
from scheduling.forms.reasons import override_reason, what_happened
from scheduling.models.visit import CANCEL_CLASSES
from scheduling.readings import words

OTHER = "other"
QUARTERS = [time(hour, minute) for hour in range(6, 21) for minute in (0, 15, 30, 45)]


class BookForm(forms.Form):
    """Which nurse, which day, which start. `time_zone` is the home's; a valid form has `starts_at` in UTC."""

    nurse = forms.ChoiceField(
        label=gettext_lazy("Nurse"),
        error_messages={
            "required": gettext_lazy("Choose a nurse."),
            "invalid_choice": gettext_lazy("Choose a nurse from the list."),
        },
    )
    day = forms.ChoiceField(
        label=gettext_lazy("Day"),
        error_messages={
            "required": gettext_lazy("Choose a day."),
            "invalid_choice": gettext_lazy("Choose a day from the list, or another day below."),
        },
    )
    other_day = forms.DateField(
        label=gettext_lazy("Another day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("There is no such day. Enter it like 2026-01-31.")},
    )
    start = forms.TimeField(
        label=gettext_lazy("Start"),
        widget=forms.Select,
        error_messages={
            "required": gettext_lazy("Choose a start time."),
            "invalid": gettext_lazy("Choose a start time from the list."),
        },
    )
    override = override_reason(widget=forms.Textarea(attrs={"rows": 3, "hx-preserve": "true"}))

    def __init__(
        self,
        data: Any = None,
        *,
        time_zone: str,
        nurses: Sequence[tuple[str, list[tuple[str, str]]]],
        days: Sequence[date],
        day_notes: dict[date, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self.time_zone = time_zone
        self.starts_at: datetime | None = None
        self.happens_twice = False
        notes = day_notes or {}
        self.fields["nurse"].choices = [("", _("Choose a nurse")), *nurses]
        self.fields["day"].choices = [
            *(
                (on.isoformat(), " · ".join(filter(None, [words.day_words(on), notes.get(on)])))
                for on in days
            ),
            (OTHER, _("Another day…")),
        ]
        self.fields["start"].widget.choices = [
            ("", _("Choose a time")),
            *((f"{at:%H:%M}", words.clock_words(at)) for at in QUARTERS),
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        day = self._chosen_day(values)
        start = values.get("start")
        if day and start and "start" not in self.errors:
            self._place(day, start)
        return values

    def _chosen_day(self, values: dict[str, Any]) -> date | None:
        if values.get("day") != OTHER:
            return date.fromisoformat(values["day"]) if values.get("day") else None
        if "other_day" in self.errors:
            return None
        day: date | None = values.get("other_day")
        if day is None:
            self.add_error("other_day", _("Enter the day."))
        elif not 2000 <= day.year <= 2100:
            self.add_error("other_day", _("Enter a year between 2000 and 2100."))
            return None
        return day

    def _place(self, day: date, start: time) -> None:
        """The wall clock as a moment: a time that is skipped is refused, of one that comes twice the first is taken."""
        wall, zone = datetime.combine(day, start.replace(tzinfo=None)), ZoneInfo(self.time_zone)
        if not clock.exists(wall, self.time_zone):
            self.add_error(
                "start",
                _("The clocks go forward on %(day)s and skip %(time)s. Choose another time.")
                % {"day": words.day_words(day), "time": words.clock_words(start)},
            )
            return
        first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
        self.happens_twice = first.utcoffset() != second.utcoffset()
        self.starts_at = first.astimezone(UTC)

    @property
    def nurse_id(self) -> int | None:
        """The chosen nurse, when the choice was understood."""
        chosen = self.cleaned_data.get("nurse") if hasattr(self, "cleaned_data") else None
        return int(chosen) if chosen else None


class SlotForm(forms.Form):
    """A proposed time, `nurse|day|start` on the patient's wall; the days of a course are joined by `;`.

    A valid form has `times`: (nurse, start in UTC) of each day. What comes twice that night is the first one.
    """

    slot = forms.CharField(max_length=500, error_messages={"required": gettext_lazy("Choose a time.")})
    override = override_reason(widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, data: Any = None, *, time_zone: str, days: int = 1, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.time_zone, self.days = time_zone, days
        self.times: list[tuple[int, datetime]] = []

    def clean_slot(self) -> str:
        said: str = self.cleaned_data["slot"]
        try:
            self.times = [self._time(part) for part in said.split(";")]
        except ValueError:
            self.times = []
        if len(self.times) not in {1, self.days}:
            raise forms.ValidationError(_("That time was not understood. Choose one of the list."))
        return said

    def _time(self, text: str) -> tuple[int, datetime]:
        """Raises ValueError for what is no nurse and time."""
        nurse, day, start = text.split("|")
        wall = datetime.fromisoformat(f"{day}T{start}")
        if not (nurse.isdecimal() and nurse.isascii() and len(nurse) < 15 and 2000 <= wall.year <= 2100):
            raise ValueError(text)
        if wall.tzinfo is not None or not clock.exists(wall, self.time_zone):
            raise ValueError(text)
        return int(nurse), wall.replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)


class ReasonForm(forms.Form):
    """Whose reason it is, and a note. `version` is the visit as the person saw it."""

    reason_class = forms.ChoiceField(
        label=gettext_lazy("Whose reason is it?"),
        choices=CANCEL_CLASSES,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose whose reason it is.")},
    )
    note = what_happened(widget=forms.Textarea(attrs={"rows": 3}))
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2_000_000_000)


class CancelForm(ReasonForm):
    """Why, and for a day of a course how much: `following` is how many booked days come after it."""

    ONE, FOLLOWING = "one", "following"

    scope = forms.ChoiceField(
        label=gettext_lazy("How much of the course?"),
        choices=[
            (ONE, gettext_lazy("Only this day")),
            (FOLLOWING, gettext_lazy("This and the following days")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose how much of the course.")},
    )
    field_order = ["scope", "reason_class", "note", "version"]

    def __init__(self, *args: Any, following: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not following:
            del self.fields["scope"]


class MoveForm(BookForm, ReasonForm):
    """Another nurse or time, and why."""

    field_order = ["nurse", "day", "other_day", "start", "reason_class", "note", "override", "version"]


class FindForm(forms.Form):
    """A name, MRN, telephone number or date of birth."""

    q = forms.CharField(
        label=gettext_lazy("Find a patient or nurse"),
        min_length=2,
        max_length=100,
        help_text=gettext_lazy("A name, MRN, phone number or date of birth. Two characters or more."),
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
        error_messages={
            "required": gettext_lazy("Type what you are looking for."),
            "min_length": gettext_lazy("Type at least two characters."),
        },
    )
