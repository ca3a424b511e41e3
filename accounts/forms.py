"""Sign-in, and how a person likes their pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User


class SignInForm(AuthenticationForm):
    """User name and password. One sentence for every kind of wrong: it never tells which names exist."""

    error_messages = {
        "invalid_login": _("That user name and password do not fit together. Check both and try again."),
        "inactive": _("That user name and password do not fit together. Check both and try again."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")
        self.fields["username"].error_messages["required"] = _("Enter your user name.")
        self.fields["password"].label = _("Password")
        self.fields["password"].error_messages["required"] = _("Enter your password.")
        # Focus is for the error summary, or for the person to choose.
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.fields["username"].widget.attrs.update(autocapitalize="none", spellcheck="false")


class SettingsForm(forms.ModelForm):
    """Theme and text size; a language and single-letter shortcuts only for those whose pages have them."""

    class Meta:
        model = User
        fields = ["theme", "text_size", "language", "shortcuts"]
        widgets = {"theme": forms.RadioSelect, "text_size": forms.RadioSelect, "language": forms.RadioSelect}
        labels = {
            "theme": _("Light or dark"),
            "text_size": _("Text size"),
            "language": _("Language"),
            "shortcuts": _("Use single letters as shortcuts"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.is_office:
            del self.fields["shortcuts"]
        if self.instance.role != Role.PATIENT:
            del self.fields["language"]
