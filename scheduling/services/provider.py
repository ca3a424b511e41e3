"""Whether a request really comes from the provider of texts and calls; what does not is counted, never acted on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from twilio.request_validator import RequestValidator

from scheduling.models import Tally
from scheduling.transports import tokens

REFUSED = "refused signature"


def genuine(path: str, sent: Mapping[str, str], signature: str) -> bool:
    """Whether `signature` is the provider's over our public address, `path` with its query, and all it sent.

    The address is the one we told the provider, not the one a proxy made of it. A second account for calls signs
    with a token of its own.
    """
    if not signature:
        return False
    return any(
        RequestValidator(token).validate(settings.PUBLIC_URL + path, sent, signature) for token in tokens()
    )


def count_refused(*, now: datetime | None = None) -> None:
    """One more request without the provider's signature."""
    now = now or timezone.now()
    if not Tally.objects.filter(name=REFUSED).update(count=F("count") + 1, last_at=now):
        _row, created = Tally.objects.get_or_create(name=REFUSED, defaults={"count": 1, "last_at": now})
        if not created:  # somebody else's was the first, this moment
            Tally.objects.filter(name=REFUSED).update(count=F("count") + 1, last_at=now)
