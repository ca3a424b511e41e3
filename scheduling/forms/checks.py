"""Forms of lab draws and wellness checks that a person asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from infusion_home.widgets import NumberText
from scheduling.models import PlannedCheck

REASON_LENGTH = 500


class AskCheckForm(forms.Form):
    """What, when and why. The day is one of the home. `mrn` is asked only where no patient is chosen yet."""

    mrn = forms.CharField(
        label=_("MRN of the patient"),
        max_length=20,
        error_messages={"required": _("Enter the MRN. Find the patient to look it up.")},
    )
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=PlannedCheck.Kind.choices,
        widget=forms.RadioSelect,
        initial="wellness",
    )
    due_on = forms.DateField(
        label=_("Due"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("A visit may be up to seven days later."),
        error_messages={
            "required": _("Enter the day."),
            "invalid": _("There is no such day. Enter it like 2026-01-31."),
        },
    )
    minutes = forms.IntegerField(
        label=_("Minutes"),
        widget=NumberText,
        initial=45,
        min_value=1,
        max_value=480,
        error_messages={"invalid": _("Enter whole minutes, like 45.")},
    )
    reason = forms.CharField(
        label=_("What is it for?"),
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say what it is for.")},
    )

    def __init__(self, *args: Any, with_mrn: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not with_mrn:
            del self.fields["mrn"]


class CheckDoneForm(forms.Form):
    """The day it was done at the home."""

    done_on = forms.DateField(
        label=_("Done on"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("There is no such day. Enter it like 2026-01-31.")},
    )


class CheckNotNeededForm(forms.Form):
    """Why it is not needed any more."""

    why = forms.CharField(
        label=_("Why is it not needed?"),
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Say why it is not needed.")},
    )
