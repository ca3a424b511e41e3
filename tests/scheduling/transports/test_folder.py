"""Ways out that reach nobody: the demo's folder, the console, and nothing."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime

from scheduling.transports import Doubt, Message, Sent, TryAgain, transport_for

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TEXT = Message(id="notice-7", channel="text", to="+12145550101", body="Visita mañana\n1=sí", language="es")


def test_a_message_is_one_line_of_a_file_and_is_found_there_again(settings, tmp_path):
    settings.TEXT_URL = f"file://{tmp_path}/texts"
    way = transport_for("text")
    assert way.look_up(TEXT, NOW) == TryAgain("it is not in the folder")
    assert isinstance(way.send(TEXT), Sent)
    assert isinstance(way.look_up(TEXT, NOW), Sent)
    file = tmp_path / "texts" / "messages.jsonl"
    said = json.loads(file.read_text())
    assert (said["id"], said["to"], said["body"]) == (TEXT.id, TEXT.to, TEXT.body)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_line_that_was_cut_off_hides_no_other(settings, tmp_path):
    settings.TEXT_URL = f"file://{tmp_path}"
    (tmp_path / "messages.jsonl").write_text('{"id": "notice-7", "bo\n{"id": "notice-8"}\n[]\n')
    way = transport_for("text")
    assert isinstance(way.look_up(TEXT, NOW), TryAgain)
    assert isinstance(way.send(TEXT), Sent)
    assert isinstance(way.look_up(TEXT, NOW), Sent)


def test_a_folder_that_cannot_be_written_to_is_tried_again(settings, tmp_path):
    (tmp_path / "taken").write_text("a file")
    settings.TEXT_URL = f"file://{tmp_path}/taken"
    assert isinstance(transport_for("text").send(TEXT), TryAgain)


def test_the_console_shows_it_and_cannot_be_asked(settings, capsys):
    settings.TEXT_URL = "console://"
    way = transport_for("text")
    assert way.send(TEXT) == Sent()
    assert json.loads(capsys.readouterr().out)["id"] == "notice-7"
    assert isinstance(way.look_up(TEXT, NOW), Doubt)


def test_nowhere_takes_everything(settings):
    settings.VOICE_URL = "null://"
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    for channel in ("voice", "email"):
        way = transport_for(channel)
        assert way.send(TEXT) == Sent()
        assert way.lot == 100
