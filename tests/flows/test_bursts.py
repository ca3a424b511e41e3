"""Fifty people, one hour, a real web server: one is booked, the others are told and offered other times."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from benchmarks import _live, _soak
from scheduling.models import Event, Notice, Visit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("workers", sorted(_live.WORKERS))
def test_of_fifty_clients_one_is_booked_and_49_are_offered_three_other_times(workers):
    scene = _soak.Scene()
    with _live.server(connection.settings_dict["NAME"], workers) as port:
        for wishes in (scene.one_nurse(0), scene.one_patient(1)):
            answers = _soak.together(port, scene.token, wishes)
            assert not _soak.oddities(answers, links=True)
            assert Visit.objects.filter(state="booked").count() == 1
            lost = next(json.loads(text) for status, text, _ms in answers if status == 409)
            status, text, _ms = _live.call(port, "GET", lost["alternatives"], scene.token)
            assert (status, len(json.loads(text)["slots"])) == (200, 3)
            scene.clear()
        statuses = [status for status, _text, _ms in _soak.together(port, scene.token, scene.twenty_hours())]
    assert statuses == [201] * 20
    # Nothing half done stays behind: a line in the trail and a message for each that was booked, no more.
    assert Event.objects.filter(action="visit_booked").count() == 22
    assert Notice.objects.filter(kind="booked").count() == 22
