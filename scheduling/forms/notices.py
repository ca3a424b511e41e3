"""What a person decides about a message or an answer, and the choices of a patient's ways to be reached."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from patients.models import Contact
from patients.validators import check_phone, e164

LONGEST = 500
HOW_TOLD = [
    ("phone", _("On the phone")),
    ("in person", _("In person, or the nurse was told")),
    ("signed form", _("On a signed form")),
    ("letter or e-mail", _("By letter or e-mail")),
]


class DecideForm(forms.Form):
    """A reason for what is done about a message; which button was pressed says what."""

    NEEDS_WHY = frozenset({"skip", "again", "arrived", "lost", "aside"})
    ALL = NEEDS_WHY | {"now", "call"}

    do = forms.ChoiceField(choices=[(name, name) for name in sorted(ALL)], widget=forms.HiddenInput)
    why = forms.CharField(
        label=_("Why?"),
        max_length=LONGEST,
        error_messages={"required": _("Say why: it is kept with the message.")},
        help_text=_("A few words; they are kept with the message."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and self.data.get("do") not in self.NEEDS_WHY:
            self.fields["why"].required = False


class ReplyForm(forms.Form):
    """What was done about an answer."""

    note = forms.CharField(
        label=_("What was done?"),
        max_length=LONGEST,
        required=False,
        help_text=_("For example: called back, moved to Thursday."),
    )


class PauseForm(forms.Form):
    """Why everything stops, or goes on."""

    why = forms.CharField(
        label=_("Why?"), max_length=LONGEST, error_messages={"required": _("Say why, in a few words.")}
    )


class ReachForm(forms.Form):
    """A number or address, whether the patient agreed to it, and how they told us."""

    value = forms.CharField(max_length=254, error_messages={"required": _("Enter what they agreed to.")})
    choice = forms.ChoiceField(
        label=_("May we use it?"),
        choices=[
            ("yes", _("Yes, they agreed")),
            ("no", _("No, they want no messages here")),
        ],
        widget=forms.RadioSelect,
    )
    source = forms.ChoiceField(label=_("How did they say so?"), choices=HOW_TOLD, widget=forms.RadioSelect)

    def __init__(self, *args: Any, channel: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.channel = channel
        if self.is_bound and self.data.get("choice") == "no":
            self.fields["value"].required = False  # "do not text me" needs no number
        self.fields["value"].label = _("E-mail address") if channel == "email" else _("Number")
        if channel != Contact.Channel.EMAIL:
            self.fields["value"].help_text = _("Like 214-555-0142.")
            self.fields["value"].widget.input_type = "tel"  # type: ignore[attr-defined]

    def clean_value(self) -> str:
        typed = self.cleaned_data["value"].strip()
        if not typed:
            return ""
        if self.channel == Contact.Channel.EMAIL:
            try:
                validate_email(typed)
            except ValidationError as wrong:
                raise ValidationError(_("Enter an e-mail address, like pat@example.com.")) from wrong
            return typed
        number = e164(typed)
        check_phone(number)
        return number
