"""The words of a message, and the times and limits of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from scheduling import clock
from scheduling.forms.fields import DayField, WholeNumberField, note_form_field
from scheduling.readings import words
from scheduling.readings.texts import kind_name
from scheduling.rules.cadence import EARLIEST_HOUR, LATEST_HOUR, Policy, Timing
from scheduling.services.policy import MOST_PER_WEEK
from scheduling.services.texts import BODY, SUBJECT

HALF_HOURS = [time(hour, minute) for hour in range(6, 22) for minute in (0, 30)]
WHY = _("Why is this changed?")


def why_field() -> forms.CharField:
    return forms.CharField(
        label=WHY,
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Say why, in a few words.")},
    )


class TextForm(forms.Form):
    """Words of one message. What may be in them is checked where they are saved."""

    subject = forms.CharField(
        label=_("Subject"), max_length=SUBJECT, error_messages={"required": _("Write a subject.")}
    )
    body = note_form_field(
        _("Words"), length=BODY, error_messages={"required": _("Write what the message says.")}
    )
    why = why_field()
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, *args: Any, has_subject: bool, save: bool = True, **kwargs: Any) -> None:
        """`save` False: it is only looked at, so that nothing is asked for."""
        super().__init__(*args, **kwargs)
        for name in ("subject", "body", "why"):
            self.fields[name].required = save
        self.fields["body"].strip = False  # type: ignore[attr-defined]
        self.fields["body"].widget.attrs["rows"] = 16 if has_subject else 6
        if not has_subject:
            del self.fields["subject"]


class SettingsForm(forms.Form):
    """Times, quiet hours, limits and the sender's name; and a made-up visit to try them on."""

    first = forms.TypedChoiceField(label=_("From"), coerce=int)
    last = forms.TypedChoiceField(label=_("Until"), coerce=int)
    per_week = forms.TypedChoiceField(
        label=_("Texts to one person in seven days, at most"),
        choices=[(n, str(n)) for n in range(1, MOST_PER_WEEK + 1)],
        coerce=int,
    )
    sender = forms.CharField(label=_("Name that texts begin with"), required=False, max_length=60)
    why = why_field()
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)
    try_on = DayField(label=_("Day of a visit"), required=False, help_text=_("Like 1/6/2026."))
    try_at = forms.ChoiceField(label=_("Its time"), required=False)

    def __init__(self, *args: Any, policy: Policy, save: bool = True, **kwargs: Any) -> None:
        """`save` False: it is only tried, so that no reason is asked for."""
        super().__init__(*args, **kwargs)
        self.policy = policy
        self.fields["why"].required = save
        hours = [(hour, words.clock_words(time(hour))) for hour in range(EARLIEST_HOUR, LATEST_HOUR + 1)]
        self.fields["first"].choices, self.fields["last"].choices = hours[:-1], hours[1:]  # type: ignore[attr-defined]
        self.fields["sender"].help_text = _("At most 20 characters. Empty: %(name)s.") % {
            "name": settings.AGENCY_NAME
        }
        times = [(f"{at:%H:%M}", words.clock_words(at)) for at in HALF_HOURS]
        self.fields["try_at"].choices = times  # type: ignore[attr-defined]
        for kind in policy.timings:
            self._add(kind, times)

    def _add(self, kind: str, times: list[tuple[str, str]]) -> None:
        name = {"name": kind_name(kind)}
        self.fields[f"on_{kind}"] = forms.BooleanField(label=_("Send: %(name)s") % name, required=False)
        self.fields[f"days_{kind}"] = WholeNumberField(
            label=_("Days: %(name)s") % name,
            error_messages={
                "invalid": _("Enter a whole number of days."),
                "required": _("Enter how many days."),
            },
        )
        self.fields[f"at_{kind}"] = forms.ChoiceField(label=_("Time: %(name)s") % name, choices=times)

    def rows(self) -> Iterator[tuple[str, bool, BoundField, BoundField, BoundField]]:
        """Each kind with whether it goes after the visit, and its three fields."""
        for kind in self.policy.timings:
            yield (
                kind_name(kind),
                kind == "next_day",
                self[f"on_{kind}"],
                self[f"days_{kind}"],
                self[f"at_{kind}"],
            )

    def wanted(self) -> Policy:
        """What was typed, as settings; only of a valid form."""
        said = self.cleaned_data
        timings = {
            kind: Timing(said[f"days_{kind}"], time.fromisoformat(said[f"at_{kind}"]), on=said[f"on_{kind}"])
            for kind in self.policy.timings
        }
        return replace(
            self.policy,
            hours=(said["first"], said["last"]),
            per_week=said["per_week"],
            sender=said["sender"].strip(),
            timings=timings,
        )

    def tried_at(self) -> datetime | None:
        """The made-up visit's start in the agency's zone; None without a day, or for a time the clocks skip."""
        day, at = self.cleaned_data.get("try_on"), self.cleaned_data.get("try_at")
        if not day or not at:
            return None
        wall = datetime.combine(day, time.fromisoformat(at))
        if not clock.exists(wall, settings.AGENCY_TIME_ZONE):
            return None
        return wall.replace(tzinfo=ZoneInfo(settings.AGENCY_TIME_ZONE)).astimezone(UTC)


def initial_of(policy: Policy) -> dict[str, Any]:
    """What the form shows first. Hours outside what may be set show the nearest that may."""
    first, last = policy.hours
    shown: dict[str, Any] = {
        "first": max(first, EARLIEST_HOUR),
        "last": min(last, LATEST_HOUR),
        "per_week": policy.per_week,
        "sender": policy.sender,
        "version": policy.version,
    }
    for kind, timing in policy.timings.items():
        shown |= {f"on_{kind}": timing.on, f"days_{kind}": timing.days, f"at_{kind}": f"{timing.at:%H:%M}"}
    return shown
