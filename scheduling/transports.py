"""Ways out: one class a channel, with one method, `send`. They use the network and no database."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from datetime import datetime
from email.utils import make_msgid
from socket import gaierror
from ssl import SSLCertVerificationError
from typing import Protocol

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import formats, translation
from django.utils.translation import gettext as _

from patients.models import Contact
from scheduling.models import Notice, Visit


@dataclass(frozen=True)
class Sent:
    """The other side took it."""


@dataclass(frozen=True)
class NotSent:
    """It will never go: a person must look."""

    reason: str


@dataclass(frozen=True)
class TryAgain:
    """The other side surely did not take it, and may later."""

    reason: str


@dataclass(frozen=True)
class Doubt:
    """It may or may not have gone: never sent again, a person must look."""

    reason: str


Outcome = Sent | NotSent | TryAgain | Doubt


class Transport(Protocol):
    def send(self, notice: Notice, visit: Visit, contact: Contact) -> Outcome: ...


class Email:
    """SMTP, console or files, as EMAIL_URL says. Our id travels as Message-ID."""

    def send(self, notice: Notice, visit: Visit, contact: Contact) -> Outcome:
        subject, body = compose(notice, visit)
        domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
        message = EmailMessage(
            subject=subject,
            body=body,
            to=[contact.value],
            headers={"Message-ID": f"<{notice.message_id}@{domain}>"}
            if notice.message_id
            else {"Message-ID": make_msgid(domain=domain)},
        )
        try:
            message.send()
        except (smtplib.SMTPConnectError, ConnectionRefusedError, gaierror):
            return TryAgain("the mail server does not answer")
        except smtplib.SMTPAuthenticationError:
            return TryAgain("the mail server refused our sign-in")
        except SSLCertVerificationError:
            return TryAgain("the mail server's certificate cannot be trusted")
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _words in error.recipients.values()]
            if all(400 <= code < 500 for code in codes):  # greylisting: "come back in some minutes"
                return TryAgain(f"the mail server asked to wait ({codes[0]})")
            return NotSent("the mail server refused the address")
        except smtplib.SMTPResponseException as error:
            if 400 <= error.smtp_code < 500:
                return TryAgain(f"the mail server asked to wait ({error.smtp_code})")
            return NotSent(f"the mail server refused it ({error.smtp_code})")
        except ValueError as error:  # ours: it could not be written as a message
            return NotSent(type(error).__name__)
        except (smtplib.SMTPServerDisconnected, OSError):
            return Doubt("the connection to the mail server broke while it was taking it")
        return Sent()


def compose(notice: Notice, visit: Visit) -> tuple[str, str]:
    """Subject and body in the patient's language: first names, day and time; no drug, no diagnosis."""
    patient = notice.patient
    with translation.override(patient.language):
        start = visit.local_start
        words = {
            "first_name": patient.first_name,
            "nurse": visit.nurse.first_name,
            "day": formats.date_format(start, _("l, F j, Y")),
            "from_time": _clock(start),
            "until_time": _clock(visit.local_end),
            "zone": start.tzname(),
            "agency": settings.AGENCY_NAME,
            "phone": _dialled(settings.AGENCY_PHONE),
        }
        subject = {
            Notice.Kind.BOOKED: _("Your nurse visit on %(day)s"),
            Notice.Kind.MOVED: _("Your nurse visit has a new time: %(day)s"),
            Notice.Kind.CANCELLED: _("Your nurse visit on %(day)s is cancelled"),
        }[Notice.Kind(notice.kind)] % words
        return subject, render_to_string(f"notices/{notice.kind}.txt", words).strip() + "\n"


def transport_for(channel: str) -> Transport:
    """The way out of a channel. Raises KeyError for a channel nobody built."""
    return {Contact.Channel.EMAIL.value: Email()}[channel]


def _clock(at: datetime) -> str:
    """9:00 am; in Spanish 9:00 a. m."""
    if translation.get_language() == "es":
        return f"{at:%I:%M}".lstrip("0") + (" a. m." if at.hour < 12 else " p. m.")
    return f"{at:%I:%M %p}".lstrip("0").lower()


def _dialled(number: str) -> str:
    """+12145550142 as 214-555-0142."""
    if number.startswith("+1") and len(number) == 12:
        return f"{number[2:5]}-{number[5:8]}-{number[8:]}"
    return number
