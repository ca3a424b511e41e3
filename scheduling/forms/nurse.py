"""What a nurse types at the door."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from infusion_home.widgets import NumberText
from scheduling.models import Visit
from scheduling.models.record import REACTIONS
from scheduling.readings import words
from scheduling.readings.door import Door
from scheduling.services import readiness

ANSWERS = [("yes", gettext_lazy("Done, all well")), ("no", gettext_lazy("No: do not give the dose"))]
ALLERGIC = [("", gettext_lazy("No, or not sure")), ("hypersensitivity", gettext_lazy("Yes, allergic"))]


class RecordForm(forms.Form):
    """The dose was given: day, amount, reaction, note. Nothing about the reaction is chosen beforehand."""

    given_on = forms.DateField(
        label=gettext_lazy("Day it was given"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": gettext_lazy("Enter the day it was given."),
            "invalid": gettext_lazy("Enter a day that exists, like 2026-01-12."),
        },
    )
    amount_mg = forms.DecimalField(
        label=gettext_lazy("Amount given in mg"),
        min_value=0,
        max_digits=9,
        decimal_places=2,
        widget=NumberText,
        error_messages={
            "required": gettext_lazy("Enter the amount given in mg."),
            "invalid": gettext_lazy("Enter the amount as a number, like 600."),
            "max_digits": gettext_lazy("Enter the amount given in mg, at most 100,000."),
            "max_whole_digits": gettext_lazy("Enter the amount given in mg, at most 100,000."),
        },
    )
    reaction = forms.ChoiceField(
        label=gettext_lazy("Reaction"),
        choices=REACTIONS,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose how strong the reaction was, or None.")},
    )
    reaction_type = forms.ChoiceField(
        label=gettext_lazy("Was the reaction allergic (hypersensitivity)?"),
        choices=ALLERGIC,
        required=False,
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea,
        error_messages={
            "max_length": gettext_lazy("Keep the note to 2,000 characters. It has %(show_value)d.")
        },
    )

    def __init__(self, *args: Any, visit: Visit, today: date, **kwargs: Any) -> None:
        self.visit_on = visit.local_start.date()
        self.today = today
        amount = visit.dose.amount_mg if visit.dose else None
        kwargs.setdefault("initial", {"given_on": min(self.visit_on, today), "amount_mg": _plain(amount)})
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if self.today < self.visit_on:
            raise forms.ValidationError(
                _("This visit is on %(day)s. Record it on that day."),
                params={"day": words.day_words(self.visit_on)},
            )
        if found.get("reaction") == "none" and found.get("reaction_type"):
            self.add_error("reaction_type", _("You chose no reaction above. Change one of the two."))
        return found


class StartForm(forms.Form):
    """The nurse's go: who the patient is, and one question for each check of the day. Nothing is chosen
    beforehand except what was answered earlier today."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    identity = forms.BooleanField(
        label=gettext_lazy("I checked the name and the date of birth"),
        error_messages={"required": gettext_lazy("Check name and date of birth, then tick this.")},
    )

    def __init__(self, *args: Any, door: Door, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"version": door.visit.version, **_answered(door)})
        super().__init__(*args, **kwargs)
        self.kinds = [rule.kind for rule in door.checks]
        for kind in self.kinds:
            self.fields[f"check_{kind}"] = forms.ChoiceField(
                label=readiness.title_of(kind),
                choices=ANSWERS,
                widget=forms.RadioSelect,
                error_messages={"required": gettext_lazy("Answer this check.")},
            )

    def for_service(self) -> dict[str, Any]:
        """What services.starting.start_visit asks for."""
        said = self.cleaned_data
        return {
            "version": said["version"],
            "identity_checked": said["identity"],
            "doorstep": {kind: said[f"check_{kind}"] == "yes" for kind in self.kinds},
        }


def _answered(door: Door) -> dict[str, str]:
    """What was answered today already: a page opened twice asks once."""
    word = {"met": "yes", "forbids": "no"}
    return {f"check_{gate.kind}": word[gate.state] for gate in door.verdict.gates if gate.state in word}


def _plain(amount: Any) -> str:
    """600, not 600.00: what a person would type."""
    if amount is None:
        return ""
    return f"{amount:f}".rstrip("0").rstrip(".") if "." in f"{amount:f}" else f"{amount:f}"
