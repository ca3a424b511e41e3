"""Forms of follow-up calls and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling import call_scripts, clock
from scheduling.forms.fields import DayField, note_form_field
from scheduling.models import Call, CallAttempt

TIMES = ["%H:%M", "%I:%M %p", "%I:%M%p", "%I %p", "%I%p", "%H"]
# Kinds that ask how somebody is; the others are done once they are said.
ASK_HOW = frozenset(kind for kind, entry in call_scripts.DATA["kinds"].items() if entry["symptoms"])


class AttemptForm(forms.Form):
    """What came of a call. `again_on` and `again_at` are those of the home; together `call_again_at`."""

    symptoms = forms.MultipleChoiceField(
        label=_("What is not right"),
        required=False,
        choices=[(code, one.label) for code, one in call_scripts.SYMPTOMS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    outcome = forms.ChoiceField(
        label=_("What came of it"),
        choices=CallAttempt.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what came of the call.")},
    )
    again_on = DayField(label=_("Call again on"), required=False)
    again_at = forms.TimeField(
        label=_("At"),
        required=False,
        input_formats=TIMES,
        widget=forms.TimeInput(attrs={"class": "num", "autocomplete": "off"}, format="%H:%M"),
        error_messages={"invalid": _("Enter a time like 2:30 pm.")},
    )
    note = note_form_field(_("Note"))
    tries = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, call: Call, **kwargs: Any) -> None:
        super().__init__(*args, initial={"tries": call.tries}, **kwargs)
        self.call = call
        if call.kind not in ASK_HOW:
            words = dict(CallAttempt.Outcome.choices) | {"well": _("Reached: all done")}
            self.fields["outcome"].choices = list(words.items())  # type: ignore[attr-defined]
        self.fields["note"].widget.attrs["rows"] = 3

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        given["call_again_at"] = None
        if given.get("outcome") != CallAttempt.Outcome.LATER or self.errors:
            return given
        on, at = given.get("again_on"), given.get("again_at")
        if on is None:
            self.add_error("again_on", _("Say on which day to call again."))
        if at is None:
            self.add_error("again_at", _("Say at what time to call again."))
        if on is None or at is None:
            return given
        zone = self.call.patient.time_zone
        if not clock.exists(datetime.combine(on, at), zone):
            self.add_error("again_at", _("The clocks change that night: this time does not exist."))
        given["call_again_at"] = datetime.combine(on, at, ZoneInfo(zone))
        return given


class HandledForm(forms.Form):
    """What was done about an alert."""

    note = forms.CharField(
        label=_("What was done"),
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Say what was done.")},
    )
