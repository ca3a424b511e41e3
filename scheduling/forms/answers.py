"""What patients answer: one health question, a wish for another time; and the questions asked by phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.readings import screen_words
from scheduling.rules import health_screen
from scheduling.services.guard import SENTENCE

CHOOSE = _("Choose an answer.")


class QuestionForm(forms.Form):
    """One question with its three answers."""

    said = forms.ChoiceField(
        widget=forms.RadioSelect, error_messages={"required": CHOOSE, "invalid_choice": CHOOSE}
    )

    def __init__(self, *args: Any, question: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["said"].label = screen_words.question(question)
        self.fields["said"].help_text = screen_words.hint(question)
        self.fields["said"].choices = screen_words.answers()


class MoveForm(forms.Form):
    """Days that suit, a part of the day, and why. Nothing of it has to be said."""

    days = forms.MultipleChoiceField(
        label=_("Which days are good for you?"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("Choose days from the list.")},
    )
    part = forms.ChoiceField(
        label=_("Morning or afternoon?"),
        required=False,
        widget=forms.RadioSelect,
        choices=[("morning", _("Morning")), ("afternoon", _("Afternoon")), ("", _("Both are fine"))],
    )
    why = forms.CharField(
        label=_("Is there something we should know?"),
        required=False,
        max_length=SENTENCE,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, days: Sequence[tuple[date, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if days:
            self.fields["days"].choices = [(day.isoformat(), words) for day, words in days]
        else:
            del self.fields["days"]

    def wishes(self) -> dict[str, Any]:
        """What replies.ask_move takes. Ask only when it is valid."""
        return {name: self.cleaned_data[name] for name in self.fields}


class PhoneScreenForm(forms.Form):
    """All the questions of one visit on one page, for whoever asks them by phone."""

    note = forms.CharField(
        label=_("Note"), required=False, max_length=SENTENCE, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, questions: Sequence[str], language: str = "en", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = {
            question: forms.ChoiceField(
                label=screen_words.question(question),
                help_text=screen_words.to_read_out(question, language),
                choices=screen_words.answers(caller=True),
                widget=forms.RadioSelect,
                error_messages={"required": CHOOSE, "invalid_choice": CHOOSE},
            )
            for question in questions
        }
        self.fields = {**asked, **self.fields}

    def answers(self) -> Mapping[str, str]:
        """Question -> what was said. Ask only when it is valid."""
        return {name: said for name, said in self.cleaned_data.items() if name in health_screen.IN_SHORT}
