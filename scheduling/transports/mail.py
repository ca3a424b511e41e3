"""E-mail by SMTP, or into a console, files or nowhere, as EMAIL_URL says. Our id travels as Message-ID."""

from __future__ import annotations

import contextlib
import smtplib
from datetime import datetime
from socket import gaierror
from ssl import SSLCertVerificationError
from time import monotonic

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend

from scheduling.transports.base import Doubt, Message, NotSent, Outcome, Sent, TryAgain

SMTP = "django.core.mail.backends.smtp.EmailBackend"
# One connection serves mails that follow each other; a server that waits longer hangs up by itself.
KEEP_SECONDS, KEEP_MAILS = 20, 50


class _Tells:
    """Remembers whether a message's own words have begun to go over: before that nothing can have been taken."""

    began = False

    def sendmail(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.began = False
        return super().sendmail(*args, **kwargs)  # type: ignore[misc]

    def data(self, msg):  # type: ignore[no-untyped-def]
        self.began = True
        return super().data(msg)  # type: ignore[misc]


class _Smtp(_Tells, smtplib.SMTP):
    """SMTP, with STARTTLS or without."""


class _Smtps(_Tells, smtplib.SMTP_SSL):
    """SMTP over TLS from the first byte."""


class Tracked(EmailBackend):
    """Django's SMTP backend on a connection that tells how far a message came."""

    connection: _Smtp | _Smtps | None

    @property
    def connection_class(self) -> type[_Smtp] | type[_Smtps]:
        return _Smtps if self.use_ssl else _Smtp


class Email:
    """One mail at a time: nobody can ask an SMTP server whether it took one, so a crash leaves one in doubt."""

    lot = 1

    def __init__(self) -> None:
        self._open: Tracked | None = None
        self._opened, self._mails = 0.0, 0

    def send(self, message: Message) -> Outcome:
        connection = self._connection()
        try:
            mail = _written(message, connection)
            if connection is self._open:
                connection.open()  # opened by us, it stays open after the mail
            mail.send()
        except Exception as error:
            outcome = _judged(error, began=_began(connection))
            self._drop()
            return outcome
        self._mails += 1
        return Sent()

    def look_up(self, message: Message, since: datetime) -> Doubt:
        return Doubt("a mail server cannot be asked what it took")

    def _connection(self) -> BaseEmailBackend:
        """The connection of the mail before, while it is young; any other backend of Django as it comes."""
        if settings.EMAIL_BACKEND != SMTP:
            return get_connection()
        if self._open and (monotonic() - self._opened > KEEP_SECONDS or self._mails >= KEEP_MAILS):
            self._drop()
        if self._open is None:
            self._open, self._opened, self._mails = Tracked(), monotonic(), 0
        return self._open

    def _drop(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.close()
            self._open = None


def _began(connection: BaseEmailBackend) -> bool:
    """Whether the words of the message may be over there. Who cannot tell says yes."""
    if not isinstance(connection, Tracked):
        return True
    return connection.connection is not None and connection.connection.began


def _written(message: Message, connection: BaseEmailBackend) -> EmailMessage:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    return EmailMessage(
        subject=message.subject,
        body=message.body,
        to=[message.to],
        headers={"Message-ID": f"<{message.id}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=connection,
    )


def _judged(error: Exception, *, began: bool) -> Outcome:
    """What an error of the mail server means for the message. Raises what is no error of a mail server."""
    match error:
        case smtplib.SMTPConnectError() | ConnectionRefusedError() | gaierror():
            return TryAgain("the mail server does not answer")
        case smtplib.SMTPAuthenticationError():
            return TryAgain("the mail server refused our sign-in")
        case SSLCertVerificationError():
            return TryAgain("the mail server's certificate cannot be trusted")
        case smtplib.SMTPRecipientsRefused():
            return _refused(error)
        case smtplib.SMTPResponseException():
            if 400 <= error.smtp_code < 500:
                return TryAgain(f"the mail server asked to wait ({error.smtp_code})")
            return NotSent(f"the mail server refused it ({error.smtp_code})")
        case ValueError():  # ours: it could not be written as a message
            return NotSent(type(error).__name__)
        case smtplib.SMTPServerDisconnected() | OSError():
            if began:
                return Doubt("the connection to the mail server broke while it was taking it")
            return TryAgain("the connection to the mail server broke before it took anything")
    raise error


def _refused(error: smtplib.SMTPRecipientsRefused) -> Outcome:
    """Greylisting says "come back in some minutes"; only 5.1.x (RFC 3463) says that nobody is there."""
    answers = list(error.recipients.values())
    codes = [code for code, _words in answers]
    if all(400 <= code < 500 for code in codes):
        return TryAgain(f"the mail server asked to wait ({codes[0]})")
    words = [said if isinstance(said, bytes) else str(said).encode() for _code, said in answers]
    nobody = any(said.lstrip().startswith(b"5.1.") for said in words)
    return NotSent("the mail server refused the address", bad_address=nobody)
