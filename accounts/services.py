"""The writer of a person's own preferences."""

from __future__ import annotations

from django.conf import settings

from accounts.models import User

PREFERENCES = ("theme", "text_size", "language", "shortcuts")


def prefer(user: User, **preferences: object) -> None:
    """Save how the person likes their pages: any of PREFERENCES, already checked by a form."""
    for name, value in preferences.items():
        setattr(user, name, value)
    user.save(update_fields=sorted(set(preferences) & set(PREFERENCES)))


def known_language(code: object) -> str:
    """`code` when the pages speak that language, else ""."""
    return str(code) if code in dict(settings.LANGUAGES) else ""
