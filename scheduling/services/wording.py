"""What a message says to its person: the wording in force with the values of its visit. No query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings

from patients.names import folded
from scheduling import clock
from scheduling.models import MessageText, Notice, Visit
from scheduling.rules import cadence, gsm7
from scheduling.rules import wording as rules
from scheduling.rules.cadence import Policy
from scheduling.rules.errors import BadInput
from scheduling.services.texts import STAFF_KINDS, Texts, Wording, drugs

ASKS = {"booked": "booked_ask", "moved": "moved_ask"}  # the visit is too near for the message that asks
PAPERS = {"licence": "A licence", "authorization": "An authorization"}
HELLO = {"en": "Hi {}, ", "es": "Hola, {}: "}
IN_A_ROW = {"en": "{} days in a row", "es": "{} días seguidos"}


@dataclass(frozen=True, slots=True)
class Words:
    """What goes out. `text`: the version it was made with, None for what is shipped."""

    subject: str
    body: str
    text: MessageText | None
    left_out: tuple[str, ...] = ()


def compose(
    notice: Notice, *, texts: Texts, policy: Policy, link: str = "", days: int = 1, now: datetime
) -> Words:
    """Subject and body in the language of its person; `link` the whole address, `days` how many in a row.

    Reads the notice with patient or user, and visit with its nurse, loaded. Raises BadInput when it cannot be
    written: no words for the channel, a place without a value, a text longer than one part, a forbidden word.
    """
    language = notice.patient.language if notice.patient else "en"
    said = texts.of(kind_in_texts(notice, policy, now), notice.channel, language)
    words = say(said, notice, policy=policy, link=link, days=days)
    refuse_telling(notice, words.subject, words.body, link=link or staff_page(notice))
    return words


def say(said: Wording, notice: Notice, *, policy: Policy, link: str, days: int = 1) -> Words:
    """A wording with the values of a message, not searched for what it must not say: `compose` does that."""
    values = values_of(notice, said.language, policy=policy, link=link, days=days)
    filled = rules.fill(said.body, values, channel=notice.channel)
    subject = rules.fill(said.subject, values, channel=notice.channel).body if said.subject else ""
    return Words(subject, filled.body, said.row, filled.left_out)


def kind_in_texts(notice: Notice, policy: Policy, now: datetime) -> str:
    """Which wording: one of a visit that is booked or moved asks for a yes where the message that asks will not go.

    That is when its time had passed at booking and, for a text, when it would be the second of today.
    """
    visit = notice.visit
    if (
        notice.kind not in ASKS
        or visit is None
        or visit.state != "booked"
        or not policy.timings["confirm"].on
    ):
        return notice.kind
    planned_at = (notice.created_at or now) + settings.NOTICE_DELAY
    due = cadence.due("confirm", visit.starts_at, visit.time_zone, policy, planned_at=planned_at)
    same_day = clock.local_day(due.at, visit.time_zone) <= clock.local_day(now, visit.time_zone)
    asks_later = not due.skip and not (same_day and notice.channel == cadence.CAPPED)
    return notice.kind if asks_later else ASKS[notice.kind]


def values_of(notice: Notice, language: str, *, policy: Policy, link: str, days: int = 1) -> dict[str, str]:
    """Each place with its value; "" where there is none."""
    values = dict.fromkeys(rules.PLACES, "")
    values |= {"agency": policy.sender or settings.AGENCY_NAME, "phone": dialled(settings.AGENCY_PHONE)}
    values["link"] = link or staff_page(notice)
    if notice.patient:
        name = notice.patient.first_name.strip()
        values["first_name"] = name
        values["hello"] = HELLO[language].format(name) if _can_write(notice.channel, name) else ""
    if notice.visit:
        values |= _of_visit(notice.visit, language, notice.channel)
        values["days_in_a_row"] = IN_A_ROW[language].format(days) if days > 1 else ""
    if notice.kind == Notice.Kind.PAPER_EXPIRY:
        values |= _of_paper(notice.about, language)
    return values


def _of_visit(visit: Visit, language: str, channel: str) -> dict[str, str]:
    """Days and times on the wall of the home, in its zone."""
    zone = ZoneInfo(visit.time_zone)
    start, end = visit.starts_at.astimezone(zone), visit.ends_at.astimezone(zone)
    nurse = visit.nurse.first_name.strip()
    return {
        "nurse": nurse if _can_write(channel, nurse) else "",
        "day": rules.short_day(start, language) if channel == rules.TEXT else rules.long_day(start, language),
        "time": rules.clock_time(start, language),
        "until": rules.clock_time(end, language),
        "zone": start.tzname() or "",
    }


def _of_paper(about: str, language: str) -> dict[str, str]:
    """What runs out, and when: "licence 4 2026-12-01 at 30 days" (services.notices_staff)."""
    paper, _key, on, *_rest = about.split()
    day = datetime.combine(date.fromisoformat(on), time())
    return {"paper": PAPERS[paper], "day": rules.long_day(day, language)}


def _can_write(channel: str, name: str) -> bool:
    return bool(name) and (channel != rules.TEXT or not gsm7.unwritable(gsm7.to_gsm7(name)))


def staff_page(notice: Notice) -> str:
    """The page the office is sent to, for its own kinds; "" for what goes to patients."""
    if notice.kind not in STAFF_KINDS:
        return ""
    path = {
        Notice.Kind.UNCONFIRMED: f"/staff/visits/{notice.visit_id}/",
        Notice.Kind.ALARM: "/staff/alerts/",
        Notice.Kind.PAPER_EXPIRY: "/staff/nurses/"
        if notice.about.startswith("licence")
        else "/staff/readiness/",
    }[Notice.Kind(notice.kind)]
    return settings.PUBLIC_URL.rstrip("/") + path


def refuse_telling(notice: Notice, subject: str, body: str, *, link: str) -> None:
    """Raises BadInput for a word that tells a drug or a diagnosis, a whole name or an address: names of people and
    agencies are put in here, and what somebody saved may be older than a drug."""
    if link:  # letters by chance mean nothing
        body = body.replace(link, " ")
    strict = notice.channel != rules.EMAIL
    word = rules.forbidden(subject, drugs=drugs(), strict=True) or rules.forbidden(
        body, drugs=drugs(), strict=strict
    )
    if word:
        raise BadInput(f"“{word}” must not be in this message.", code="TELLS", field="body")
    patient = notice.patient
    if patient is None:
        return
    open_to_all = folded(f"{body if strict else ''} {subject}")
    for secret in (f"{patient.first_name} {patient.last_name}", patient.listed_name, patient.address):
        if folded(secret) and folded(secret) in open_to_all:
            raise BadInput(
                "A whole name or an address must not be in this message.", code="TELLS", field="body"
            )


def dialled(number: str) -> str:
    """+12145550142 as 214-555-0142."""
    if number.startswith("+1") and len(number) == 12:
        return f"{number[2:5]}-{number[5:8]}-{number[8:]}"
    return number
