"""Asking for a plan: which days, what may move, how long to look."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from infusion_home.widgets import NumberText
from scheduling.forms.fields import DayField

SECONDS = (5, 300)
USUAL_SECONDS = 20
RELEASES = [
    ("none", _("Nothing. Booked visits stay as they are.")),
    ("unconfirmed", _("Visits not confirmed yet. Their patients hear of a new time.")),
    ("all", _("All of them. Who confirmed must confirm again.")),
]


class PlanForm(forms.Form):
    """A valid form has `first_on`, `last_on`, `release` and `seconds`; how long a period may be the service says."""

    first_on = DayField(
        label=_("First day"),
        help_text=_("Like 11/23/2026."),
        error_messages={"required": _("Enter the first day.")},
    )
    last_on = DayField(
        label=_("Last day"),
        help_text=_("The same day plans one day."),
        error_messages={"required": _("Enter the last day.")},
    )
    release = forms.ChoiceField(
        label=_("What may move?"),
        choices=RELEASES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what may move.")},
    )
    seconds = forms.IntegerField(
        label=_("Seconds to look"),
        min_value=SECONDS[0],
        max_value=SECONDS[1],
        widget=NumberText,
        help_text=_("20 is good for a week; 5 to 300."),
        error_messages={
            "invalid": _("Enter whole seconds, like 20."),
            "min_value": _("Look for at least 5 seconds."),
            "max_value": _("Look for at most 300 seconds."),
        },
    )

    @classmethod
    def for_days(cls, first_on: date, last_on: date) -> PlanForm:
        """An empty form with these days and what is usual."""
        return cls(
            initial={
                "first_on": first_on, "last_on": last_on, "release": "none", "seconds": USUAL_SECONDS,
            }
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        first, last = values.get("first_on"), values.get("last_on")
        if first and last and last < first:
            self.add_error("last_on", _("The last day must not be before the first."))
        return values
