"""A nurse who always or never comes to a patient, and taking that back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from nurses.models import Nurse
from scheduling.models import PinnedPair

LONGEST = 300


class PairForm(forms.Form):
    """Which nurse, always or never, and why."""

    nurse = forms.ChoiceField(
        label=_("Nurse"),
        error_messages={"required": _("Choose a nurse."), "invalid_choice": _("Choose a nurse.")},
    )
    kind = forms.ChoiceField(
        label=_("Does this nurse come?"),
        choices=[
            (PinnedPair.Kind.ALWAYS, _("Always this nurse: nobody else is proposed")),
            (PinnedPair.Kind.NEVER, _("Never this nurse")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose always or never.")},
    )
    why = forms.CharField(
        label=_("Why?"),
        max_length=LONGEST,
        help_text=_("Who asked for it, or what happened. It stays on file."),
        error_messages={"required": _("Say why: it is kept with the patient.")},
    )

    def __init__(self, *args: Any, nurses: Iterable[Nurse], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Choose")), *((str(nurse.pk), nurse.listed_name) for nurse in nurses)]
        self.fields["nurse"].choices = choices  # type: ignore[attr-defined]

    def for_service(self) -> dict[str, Any]:
        """What services.pairs.pin asks for."""
        data = dict(self.cleaned_data)
        nurse = data.pop("nurse")
        return {**data, "nurse_id": int(nurse)}


class TakeBackForm(forms.Form):
    """Why it does not count any more."""

    why = forms.CharField(
        label=_("Why does it not count any more?"),
        max_length=LONGEST,
        error_messages={"required": _("Say why: it is kept with the patient.")},
    )
