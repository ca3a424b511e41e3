"""Where the provider of texts and calls answers: delivery reports, texts that come in, and calls it places for us.

No session and no form of ours: a request counts when it carries the provider's signature, and for nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.twiml import TwiML
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from scheduling.rules.errors import Conflict
from scheduling.services import delivery, inbound, phone_calls, provider

LARGEST = 16_384  # bytes; the longest text there is makes about a third of that
FORM = "application/x-www-form-urlencoded"
VOICES = {"en": "en-US", "es": "es-US"}

View = Callable[..., HttpResponse]


def from_provider(view: View) -> View:
    """POST only, small, and signed by the provider: 413, 415 or 403 otherwise, before anything in it is used.

    503 where it meets somebody at work for too long: the provider comes again.
    """

    @csrf_exempt
    @require_POST
    @wraps(view)
    def checked(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        if not 0 <= _length(request) <= LARGEST:
            return HttpResponse(status=413)
        if request.content_type != FORM:
            return HttpResponse(status=415)
        signature = request.headers.get("X-Twilio-Signature", "")
        if not provider.genuine(request.get_full_path(), request.POST, signature):
            provider.count_refused()
            return HttpResponse(status=403)
        try:
            return view(request, *args, **kwargs)
        except Conflict:  # somebody else holds the rows: the provider is asked to come again
            return HttpResponse(status=503, headers={"Retry-After": "1"})

    return checked


def _length(request: HttpRequest) -> int:
    """Bytes of the body as announced; -1 for nonsense. The server reads no more than that."""
    said = request.META.get("CONTENT_LENGTH") or "0"
    return int(said) if said.isdigit() else -1


@from_provider
def status(request: HttpRequest, message_id: str) -> HttpResponse:
    """How a text or a call went on: always 204, so that the provider does not ask again about what we do not know."""
    sent = request.POST
    if "CallSid" in sent:
        phone_calls.ended(
            message_id=message_id,
            provider_id=sent["CallSid"],
            status=sent.get("CallStatus", ""),
            machine=_machine(request),
            error=sent.get("ErrorCode", ""),
        )
    else:
        delivery.report(
            message_id=message_id,
            provider_id=sent.get("MessageSid", ""),
            status=sent.get("MessageStatus", ""),
            error=sent.get("ErrorCode", ""),
        )
    return HttpResponse(status=204)


@from_provider
def text(request: HttpRequest) -> HttpResponse:
    """A text came in. Answered in the same breath, unless the provider has answered a STOP or HELP itself."""
    sent = request.POST
    words = inbound.receive_text(
        sender=sent.get("From", ""), body=sent.get("Body", ""), provider_id=sent.get("MessageSid", "")
    )
    answer = MessagingResponse()
    if words and not sent.get("OptOutType"):
        answer.message(words)
    return _twiml(answer)


@from_provider
def voice(request: HttpRequest, message_id: str) -> HttpResponse:
    """Somebody, or a machine, took a call we placed: what to say, and then what the key pressed means."""
    step = phone_calls.step(
        message_id=message_id,
        provider_id=request.POST.get("CallSid", ""),
        digits=request.POST.get("Digits", ""),
        machine=_machine(request),
        waited="waited" in request.GET,
    )
    answer = VoiceResponse()
    if step is None:
        answer.hangup()
        return _twiml(answer)
    voice_of = VOICES.get(step.language, VOICES["en"])
    if step.machine:
        answer.pause(length=1)
    for sentence in step.say:
        answer.say(sentence, language=voice_of)
    if step.ask:
        keys = answer.gather(
            num_digits=1, timeout=8, action=request.path, method="POST", action_on_empty_result=False
        )
        keys.say(step.ask, language=voice_of)
        # Nobody pressed a key: once more, then good-bye.
        answer.redirect(f"{request.path}?waited=1", method="POST")
    else:
        answer.hangup()
    return _twiml(answer)


def _machine(request: HttpRequest) -> bool:
    """Whether the provider heard an answering machine or a fax."""
    return request.POST.get("AnsweredBy", "").startswith(("machine", "fax"))


def _twiml(answer: TwiML) -> HttpResponse:
    return HttpResponse(str(answer), content_type="text/xml; charset=utf-8")
