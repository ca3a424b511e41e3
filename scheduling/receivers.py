"""Sign-in, sign-out and refused sign-in reach the audit trail; a language chosen on a page reaches the chart."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from accounts.services import language_chosen


@receiver(user_logged_in)
def _signed_in(sender: Any, user: Any, **kwargs: Any) -> None:
    from scheduling.services import events

    events.write("signed_in", by=user)


@receiver(user_logged_out)
def _signed_out(sender: Any, user: Any, **kwargs: Any) -> None:
    from scheduling.services import events

    if user is not None:
        events.write("signed_out", by=user)


@receiver(user_login_failed)
def _refused(sender: Any, credentials: dict[str, Any], **kwargs: Any) -> None:
    from scheduling.services import events

    # What was typed may be a password in the wrong box, so the name is not kept.
    events.write("sign_in_refused", by=None)


@receiver(language_chosen)
def _speaks(sender: Any, user: Any, language: str, **kwargs: Any) -> None:
    from scheduling.services import languages

    languages.choose(user, language)
