"""What messages say: the wordings in force, and saving others. Each is a new version; nothing is overwritten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from django.db import connection

from accounts.models import Role, User
from scheduling.models import MessageText
from scheduling.regimens import catalogue, products
from scheduling.rules import gsm7, wording
from scheduling.rules.errors import BadInput, RuleBroken, StaleVersion
from scheduling.services import events
from scheduling.services.guard import fits, writes

FOLDER = Path(__file__).resolve().parent.parent / "wordings"
LANGUAGES = ("en", "es")
MAY_EDIT = frozenset({Role.LEAD, Role.ADMIN})
STAFF_KINDS = frozenset({"unconfirmed", "paper_expiry", "alarm"})
BODY, SUBJECT, CALL = 4000, 160, 400
ALWAYS = ("agency", "phone", "link")
PERSON = ("hello", "first_name")
OF_STAFF = {"unconfirmed": ("day", "time", "zone"), "paper_expiry": ("paper", "day"), "alarm": ()}
VISIT = ("nurse", "day", "time", "until", "zone", "days_in_a_row")
# Words in the fact files' names that name no drug; and what people call some of them.
NO_DRUG = frozenset({
    "antiviral", "biosimilars", "brand", "corticosteroid", "daily", "equivalent", "generics", "herpes", "human",
    "liquid", "none", "oral", "other", "pharmacy", "product", "required", "sodium", "text", "twice", "with",
})  # fmt: skip
ALSO = (
    "benadryl",
    "chemo",
    "chemotherapy",
    "prednisone",
    "steroid",
    "steroids",
    "esteroide",
    "esteroides",
    "tylenol",
)
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Wording:
    """What one kind of message says on one channel in one language. `version` 0: as shipped, without a row."""

    kind: str
    channel: str
    language: str
    subject: str
    body: str
    version: int = 0
    row: MessageText | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """All wordings in force, read at once."""

    wordings: Mapping[Key, Wording]

    def of(self, kind: str, channel: str, language: str) -> Wording:
        """The wording in force. Raises BadInput when there is none: this kind does not go on that channel."""
        found = self.wordings.get((kind, channel, language))
        if found is None:
            raise BadInput("There are no words for this message on this channel.", code="NO_WORDS")
        return found


def current() -> Texts:
    """Every wording in force: the highest version, or what is shipped. One query."""
    found = dict(shipped())
    newest = MessageText.objects.order_by("kind", "channel", "language", "-version").distinct(
        "kind", "channel", "language"
    )
    for row in newest:
        key = (row.kind, row.channel, row.language)
        if key in found:  # a kind that was taken out of the product keeps its rows and is not sent
            found[key] = of_row(row)
    return Texts(found)


def of_row(row: MessageText) -> Wording:
    """One kept version as a wording."""
    return Wording(row.kind, row.channel, row.language, row.subject, row.body, row.version, row)


@lru_cache(maxsize=1)
def shipped() -> Mapping[Key, Wording]:
    """The wordings that come with the product, by kind, channel and language."""
    found: dict[Key, Wording] = {}
    for language in LANGUAGES:
        kinds = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
        for kind, channels in kinds.items():
            for channel, said in channels.items():
                words = Wording(kind, channel, language, said.get("subject", ""), said["body"].strip())
                found[kind, channel, language] = words
    return MappingProxyType(found)


@lru_cache(maxsize=1)
def drugs() -> tuple[str, ...]:
    """Every generic and brand name the fact files know, and those of what is given with them."""
    names = {*products.all_products(), *ALSO}
    for regimen in catalogue.all_current().values():
        names.add(regimen.id.split("_")[0])
        for text in (regimen.generic, *regimen.brands, *(given.drug for given in regimen.premedication)):
            names |= _names(text)
    return tuple(sorted(names))


def _names(text: str) -> Iterable[str]:
    words = re.findall(r"[^\W\d][\w-]{3,}", text.lower())
    parts = {part for word in words for part in (word, word.split("-")[0])}
    return {part for part in parts if len(part) > 3 and part not in NO_DRUG}


def places_of(kind: str) -> tuple[str, ...]:
    """The places a message of this kind may have."""
    if kind in STAFF_KINDS:
        return (*ALWAYS, *OF_STAFF[kind])
    return (*ALWAYS, *PERSON, *(() if kind == "next_day" else VISIT))


def check(kind: str, channel: str, language: str, *, subject: str, body: str) -> None:
    """Refuse words that must not go out. Raises BadInput with the field and the word or part it is about."""
    if (kind, channel, language) not in shipped():
        raise BadInput("There is no such message.", code="NO_WORDS")
    if not body:
        raise BadInput("Write what the message says.", field="body")
    wording.check_places(body, places=places_of(kind))
    strict = channel != wording.EMAIL
    refuse_telling(body, strict=strict, field="body")
    if channel == wording.EMAIL:
        if not subject:
            raise BadInput("Write a subject.", field="subject")
        if "\n" in subject or "\r" in subject:
            raise BadInput("A subject is one line.", field="subject")
        wording.check_places(subject, places=[x for x in places_of(kind) if x != "link"], field="subject")
        refuse_telling(subject, strict=True, field="subject")
    if channel == wording.TEXT:
        if missing := gsm7.unwritable(gsm7.to_gsm7(body)):
            raise BadInput(f"A text cannot carry these characters: {missing}", field="body")
        wording.check_text(body, language)
    if channel == wording.VOICE:
        check_call(body)


def check_call(body: str) -> None:
    """A call says who calls and whom to call back, in well under a minute with its question. Raises BadInput.

    Source: 47 CFR 64.1200(a)(9)(iv).
    """
    for place in ("agency", "phone"):
        if f"{{{place}}}" not in body:
            raise BadInput(
                f"A call has {{{place}}}: people must know who calls and whom to call.", field="body"
            )
    if len(body) > CALL:
        raise BadInput(f"Keep it to {CALL} characters: a call is a minute at most.", field="body")


def refuse_telling(text: str, *, strict: bool, field: str) -> None:
    """Raises BadInput naming the word that tells what somebody is ill with, or is given."""
    if word := wording.forbidden(text, drugs=drugs(), strict=strict):
        raise BadInput(f"“{word}” must not be in this message: others may read it.", field=field)


@writes
def save(
    kind: str,
    channel: str,
    language: str,
    *,
    subject: str = "",
    body: str,
    by: User,
    why: str,
    version: int,
) -> Wording:
    """A new version, in force from the next message on. `version` is the one the person looked at.

    Raises BadInput beside the field, StaleVersion when another was saved meanwhile.
    """
    refuse_others(by)
    subject = fits(subject, "subject", SUBJECT) if channel == wording.EMAIL else ""
    body = fits(body.replace("\r\n", "\n"), "body", BODY)
    check(kind, channel, language, subject=subject, body=body)
    if not (said := fits(why, "why")):
        raise BadInput("Say why, in a few words.", field="why")
    with connection.cursor() as cursor:  # an append-only table has no row to lock before the first one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"text {kind} {channel} {language}"])
    before = current().of(kind, channel, language)
    if before.version != version:
        raise StaleVersion("Somebody else changed these words meanwhile. Look again, then save.")
    if (before.subject, before.body) == (subject, body):
        raise BadInput("These are the words in force.", field="body")
    row = MessageText.objects.create(
        kind=kind,
        channel=channel,
        language=language,
        version=version + 1,
        subject=subject,
        body=body,
        why=said,
        by=by,
    )
    events.write("message_text_saved", by=by, subject=row, why=said, version=row.version)
    return of_row(row)


def use_again(kind: str, channel: str, language: str, *, again: int, by: User, version: int) -> Wording:
    """An old version's words as a new version; `again` 0 for what was shipped. Refused like `save`."""
    old = shipped().get((kind, channel, language))
    if again:
        row = MessageText.objects.filter(kind=kind, channel=channel, language=language, version=again).first()
        old = of_row(row) if row else None
    if old is None:
        raise BadInput("There is no such version.", code="NO_WORDS")
    why = f"version {again} again" if again else "the words that came with the product again"
    return save(kind, channel, language, subject=old.subject, body=old.body, by=by, why=why, version=version)


def refuse_others(by: User) -> None:
    """Messages are changed by the clinical lead and the admin. Raises RuleBroken."""
    if by.role not in MAY_EDIT:
        raise RuleBroken("Only the clinical lead or an admin changes messages.", code="NOT_YOURS")
