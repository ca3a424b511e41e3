"""An automatic call while it happens: what is said next, and how it ended. Words and keys are in services.voice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from scheduling.models import Notice
from scheduling.services import delivery, voice

OVER = delivery.ARRIVED | delivery.LOST


@dataclass(frozen=True, slots=True)
class Step:
    """What to say, and then to ask for a key; without a question the call ends."""

    language: str
    say: tuple[str, ...]
    ask: str = ""
    machine: bool = False


def step(
    *,
    message_id: str,
    provider_id: str,
    digits: str = "",
    machine: bool = False,
    waited: bool = False,
    now: datetime | None = None,
) -> Step | None:
    """What the provider says next in the call of "notice-12"; None when there is no such call: it hangs up.

    First the question, once more when no key was pressed (`waited`) or one we do not know, then good-bye. A machine
    hears a sentence that tells nothing.
    """
    notice = _call_of(message_id)
    if notice is None:
        return None
    words = voice.script(notice)
    if machine:
        said = voice.answer(notice, provider_id=provider_id, machine=True, now=now)
        return Step(words.language, (said.say,), machine=True)
    if digits:
        said = voice.answer(notice, digits, provider_id=provider_id, now=now)
        if said.ask_again and not waited:
            return Step(words.language, (), ask=said.say)
        return Step(words.language, (said.say,))
    if waited:
        said = voice.answer(notice, provider_id=provider_id, now=now)
        return Step(words.language, (said.say,))
    return Step(words.language, (words.hello,), ask=words.ask)


def ended(
    *,
    message_id: str,
    provider_id: str,
    status: str,
    machine: bool = False,
    error: str = "",
    now: datetime | None = None,
) -> bool:
    """A report about the call: the ledger's row and, when it is over without a key, a try nobody answered."""
    changed = delivery.report(
        message_id=message_id, provider_id=provider_id, status=status, error=error, now=now
    )
    notice = _call_of(message_id) if status in OVER else None
    if notice is not None:
        voice.answer(notice, provider_id=provider_id, machine=machine, now=now)  # what was told before stays
    return changed


def _call_of(message_id: str) -> Notice | None:
    found = re.fullmatch(r"notice-(\d{1,18})", message_id)
    calls = Notice.objects.filter(channel="voice", call__isnull=False, patient__isnull=False, attempts__gt=0)
    return calls.select_related("patient", "call").filter(pk=int(found[1])).first() if found else None
