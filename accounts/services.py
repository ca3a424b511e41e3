"""The writer of a person's own preferences."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal

from accounts.models import User

PREFERENCES = ("theme", "text_size", "language", "shortcuts")

# A person said which language they read: `user`, `language`. Sent inside the transaction and before the row
# is written, so that a listener can lock what comes first. What it raises undoes the whole choice.
language_chosen = Signal()


@transaction.atomic
def prefer(user: User, **preferences: object) -> None:
    """Save how the person likes their pages: any of PREFERENCES, already checked by a form.

    Name only what the person changed: a language named here is a language chosen, for messages too.
    """
    if "language" in preferences:
        language_chosen.send(User, user=user, language=preferences["language"])
    for name, value in preferences.items():
        setattr(user, name, value)
    user.save(update_fields=sorted(set(preferences) & set(PREFERENCES)))


def known_language(code: object) -> str:
    """`code` when the pages speak that language, else ""."""
    return str(code) if code in dict(settings.LANGUAGES) else ""
