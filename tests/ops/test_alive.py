"""Is it alive: hearts that vouch for nobody else, lateness that knows the night, a page and figures that tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerGone
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import ConnectionError as RedisGone

from scheduling import tasks
from scheduling.models import Alert, Call, Heartbeat, Notice, Tally
from scheduling.readings import alive, alive_page
from scheduling.services import pulse
from tests.makers import clock_stands_at, make_patient, make_user

pytestmark = pytest.mark.django_db
DALLAS, HAWAII = "America/Chicago", "Pacific/Honolulu"
DAY_HOURS = (9, 20)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()
    yield
    cache.clear()


def make_notice(*, due_at: datetime, zone: str = DALLAS, state: str = "planned", **more: object) -> Notice:
    """A text that is owed to somebody of its own."""
    wish = {
        "patient": make_patient(time_zone=zone), "about": "visit 1 v1", "kind": "confirm", "channel": "text",
        "due_at": due_at, "expires_at": due_at + timedelta(days=1), "state": state,
    }  # fmt: skip
    return Notice.objects.create(**wish | more)


def alive_now(*, ago: timedelta = timedelta(0)) -> None:
    for name in ("beat", "worker", "worker celery@one"):
        pulse.heard(name, at=timezone.now() - ago)


def dallas(hour: int, minute: int = 0) -> datetime:
    return datetime(2027, 3, 2, hour, minute, tzinfo=ZoneInfo(DALLAS)).astimezone(UTC)


# --- Hearts ------------------------------------------------------------------------------------


def test_a_worker_that_runs_does_not_vouch_for_beat():
    tasks.heartbeat()
    assert alive.states() == {"worker": "ok", "beat": "not seen yet"}
    long_ago = timezone.now() - timedelta(minutes=2)
    tasks.heartbeat(long_ago.isoformat())  # lay in the queue while no worker was there
    assert alive.states() == {"worker": "ok", "beat": "silent"}
    tasks.heartbeat(timezone.now().isoformat())
    assert alive.states() == {"worker": "ok", "beat": "ok"}


def test_an_older_tick_does_not_make_beat_older_and_none_is_from_the_future():
    now = timezone.now()
    pulse.heard("beat", at=now)
    pulse.heard("beat", at=now - MINUTE)
    assert Heartbeat.objects.get(name="beat").at == now
    pulse.heard("beat", at=now + timedelta(days=400))
    assert Heartbeat.objects.get(name="beat").at < now + timedelta(days=1)


def test_every_worker_has_a_heart_of_its_own_and_one_that_was_stopped_is_not_missed():
    pulse.worker_turned("celery@one")
    pulse.worker_turned("celery@two")
    pulse.heard("worker celery@two", at=timezone.now())
    Heartbeat.objects.filter(name="worker celery@two").update(at=timezone.now() - MINUTE)
    found = {heart.name: heart.state for heart in alive.hearts(timezone.now())}
    assert found == {"beat": "not seen yet", "worker celery@one": "ok", "worker celery@two": "silent"}
    pulse.worker_left("celery@two")
    assert [heart.name for heart in alive.hearts(timezone.now())] == ["beat", "worker celery@one"]


def test_a_worker_that_never_came_back_is_forgotten_after_a_day():
    alive_now()
    Heartbeat.objects.update(at=timezone.now() - timedelta(hours=23))
    assert pulse.tidy() == 0
    Heartbeat.objects.update(at=timezone.now() - timedelta(hours=25))
    assert pulse.tidy() == 1
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"beat", "worker"}


# --- Beat and its senders ----------------------------------------------------------------------


@pytest.mark.parametrize(("due", "senders"), [(0, 0), (1, 1), (200, 1), (201, 2), (1600, 8), (1700, 8)])
def test_a_tick_asks_for_as_many_senders_as_the_backlog_is_worth(due, senders):
    patient, now = make_patient(), timezone.now()
    Notice.objects.bulk_create(
        Notice(
            patient=patient, about=f"visit {n} v1", kind="confirm", channel="text", due_at=now - MINUTE,
            expires_at=now + MINUTE,
        )
        for n in range(due)
    )  # fmt: skip
    make_notice(due_at=now + MINUTE)
    make_notice(due_at=now - MINUTE, state="claimed")
    assert pulse.senders_wanted(now=now) == senders


def test_a_tick_starts_the_other_senders_and_sends_itself(monkeypatch):
    started, sent = [], []
    monkeypatch.setattr(tasks.pulse, "senders_wanted", lambda: 3)
    monkeypatch.setattr(tasks.send_some, "apply_async", lambda **options: started.append(options))
    monkeypatch.setattr(tasks.dispatch, "send_due", lambda **options: sent.append(options))
    tasks.send_due_notices()
    assert [one["expires"] for one in started] == [tasks.TICK_SECONDS] * 2
    assert all({"eta", "countdown"}.isdisjoint(one) for one in started)
    assert sent == [{"seconds": tasks.SENDER_SECONDS}]


def test_a_broker_that_takes_nothing_keeps_no_tick_from_sending(monkeypatch):
    def gone(**_: object) -> None:
        raise BrokerGone

    sent = []
    monkeypatch.setattr(tasks.pulse, "senders_wanted", lambda: 3)
    monkeypatch.setattr(tasks.send_some, "apply_async", gone)
    monkeypatch.setattr(tasks.dispatch, "send_due", lambda **options: sent.append(options))
    tasks.send_due_notices()
    assert len(sent) == 1


def test_a_sender_makes_room_after_its_time_and_leaves_the_rest_to_the_next_tick(monkeypatch):
    now = timezone.now()
    for _n in range(3):
        make_notice(due_at=now - MINUTE)
    monkeypatch.setattr(tasks.dispatch, "send_claimed", lambda claimed, **_: None)
    assert tasks.dispatch.send_due(batch=1, seconds=0) == 1
    assert tasks.dispatch.send_due(batch=1) == 2


def test_what_beat_publishes_expires_before_it_piles_up_and_nothing_waits_in_the_queue_for_its_time():
    for entry in configured.CELERY_BEAT_SCHEDULE.values():
        every = entry["schedule"].run_every
        assert entry.get("options", {}).get("expires", 0) <= max(every.total_seconds(), 30)
        assert not {"eta", "countdown"} & set(entry.get("options", {}))
    ticks = configured.CELERY_BEAT_SCHEDULE["send-due-notices"]
    assert ticks["schedule"].run_every <= timedelta(seconds=15)


def test_no_task_may_run_as_long_as_the_broker_waits_for_its_end():
    ours = [task for name, task in tasks.heartbeat.app.tasks.items() if name.startswith("scheduling.")]
    assert len(ours) >= 6
    for task in ours:
        if task.name != tasks.heartbeat.name:
            assert task.soft_time_limit < task.time_limit < 3600, task.name
    assert configured.CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS is False


# --- Late --------------------------------------------------------------------------------------


def test_messages_are_late_when_one_that_may_go_has_waited_five_minutes(monkeypatch):
    now = dallas(12)
    make_notice(due_at=now - 4 * MINUTE)
    assert not alive.waiting(now, DAY_HOURS).late(now)
    make_notice(due_at=now - 6 * MINUTE)
    found = alive.waiting(now, DAY_HOURS)
    assert (found.count, found.since, found.late(now)) == (2, now - 6 * MINUTE, True)


def test_the_night_makes_no_message_late_and_the_morning_gives_it_five_minutes():
    due_at = dallas(3)
    make_notice(due_at=due_at)
    assert alive.waiting(dallas(8, 59), DAY_HOURS) == alive.Waiting()
    at_opening = alive.waiting(dallas(9, 4), DAY_HOURS)
    assert (at_opening.count, at_opening.since, at_opening.late(dallas(9, 4))) == (1, dallas(9), False)
    assert alive.waiting(dallas(9, 6), DAY_HOURS).late(dallas(9, 6))


def test_it_is_night_where_the_patient_lives():
    now = dallas(12)  # 8 in the morning in Honolulu
    make_notice(due_at=now - timedelta(hours=1), zone=HAWAII)
    assert alive.waiting(now, DAY_HOURS) == alive.Waiting()
    make_notice(due_at=now - timedelta(hours=1))
    assert alive.waiting(now, DAY_HOURS).count == 1


def test_what_goes_to_the_staff_has_no_night():
    now = dallas(3)
    make_notice(due_at=now - 6 * MINUTE, patient=None, user=make_user())
    assert alive.waiting(now, DAY_HOURS).late(now)


def test_lateness_is_one_query_for_any_number_of_messages(django_assert_num_queries):
    now = timezone.now()
    for zone in (DALLAS, HAWAII, DALLAS):
        make_notice(due_at=now - MINUTE, zone=zone)
    with django_assert_num_queries(1):
        alive.waiting(now, (0, 24))


# --- The banner --------------------------------------------------------------------------------


def queue_page(client, role: str = "coordinator") -> str:
    client.force_login(make_user(role))
    return client.get(reverse("queue")).content.decode()


def test_every_office_page_says_that_messages_are_late(client, settings):
    settings.LATE_BANNER = True
    alive_now()
    assert "Messages are late" not in queue_page(client)
    cache.clear()
    make_notice(due_at=timezone.now() - timedelta(minutes=6))
    page = queue_page(client)
    assert "Messages are late: 1 waiting since" in page
    assert reverse("alive") in page


def test_the_banner_says_so_when_nobody_sends(client, settings):
    settings.LATE_BANNER = True
    assert "what sends them has not started yet" in queue_page(client)
    cache.clear()
    alive_now(ago=MINUTE)
    assert "what sends them has been silent since" in queue_page(client)


def test_pages_share_one_look_for_half_a_minute(django_assert_num_queries):
    alive_now()
    assert alive.late_kept() is None
    make_notice(due_at=timezone.now() - timedelta(minutes=6))
    with django_assert_num_queries(0):
        assert alive.late_kept() is None
    with clock_stands_at(timezone.now() + timedelta(seconds=31)):
        alive_now()
        found = alive.late_kept()
        assert found is not None and found.why == "late"


def test_while_one_page_looks_the_others_show_what_was_found_before(django_assert_num_queries):
    alive_now()
    alive.late_kept()
    cache.add(f"{alive.LATE_KEY}-looking", True, 30)
    with clock_stands_at(timezone.now() + timedelta(seconds=31)), django_assert_num_queries(0):
        assert alive.late_kept() is None


def test_a_cache_that_is_gone_breaks_no_page(client, settings, monkeypatch):
    def gone(*_: object, **__: object) -> None:
        raise RedisGone("redis://:secret-word@redis")

    settings.LATE_BANNER = True
    alive_now()
    monkeypatch.setattr(alive.cache, "get", gone)
    assert "Needs booking" in queue_page(client)


def test_a_patient_is_not_told_of_our_troubles(client, settings):
    settings.LATE_BANNER = True
    patient = make_patient(user=True)
    client.force_login(patient.user)
    assert "Messages do not go out" not in client.get(reverse("my-home")).content.decode()


# --- The page ----------------------------------------------------------------------------------


def test_the_page_shows_hearts_waiting_failures_and_receipts(client):
    now = timezone.now()
    alive_now()
    Heartbeat.objects.create(name="worker celery@two", at=now - timedelta(minutes=3))
    make_notice(due_at=now - timedelta(minutes=12))
    make_notice(due_at=now, state="unknown", reason="the worker ended while sending", settled_at=now)
    make_notice(due_at=now, state="failed", reason="30003 +12145550123 unreachable", settled_at=now)
    make_notice(due_at=now, state="failed", reason="of last month", settled_at=now - timedelta(days=8))
    make_notice(due_at=now, state="delivered", delivered_at=now)
    Tally.objects.create(name="refused signature", count=7, last_at=now)
    client.force_login(make_user())
    page = client.get(reverse("alive")).content.decode()
    for words in (
        "Worker celery@two", "Silent", "last sign 3 min ago", "12 min", "The worker ended while sending",
        "30003 … unreachable", "Refused signature", "Last delivery receipt", "Text messages",
    ):  # fmt: skip
        assert words in page, words
    assert "+12145550123" not in page and "of last month" not in page


def test_the_page_costs_the_same_however_many_messages_there_are(client):
    client.force_login(make_user())
    url, counted = reverse("alive"), []
    client.get(url)  # the sign-in's own queries
    for n in (1, 12):
        for _n in range(n):
            make_notice(due_at=timezone.now(), state="failed", settled_at=timezone.now(), reason=f"why {_n}")
        with CaptureQueriesContext(connection) as seen:
            assert client.get(url).status_code == 200
        counted.append(len(seen))
    assert counted[0] == counted[1] <= 16


def test_without_a_worker_nobody_can_tell_about_beat():
    now = timezone.now()
    alive_now(ago=MINUTE)
    lines = {line.what: line.word for line in alive_page.read(now).programs}
    assert lines == {"Clock (beat)": "Cannot be told", "Worker celery@one": "Silent"}


def test_a_broker_that_does_not_answer_is_told_and_breaks_nothing(monkeypatch):
    monkeypatch.setattr(alive, "queue", lambda: None)
    lines = {line.what: line.word for line in alive_page.read(timezone.now()).waiting}
    assert lines["Queue"] == "The broker does not answer"


# --- For Prometheus ----------------------------------------------------------------------------


def scraped(client, **headers: str) -> dict[str, dict[tuple[str, ...], float]]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(answer.content.decode())
    }


def test_the_figures_are_those_of_the_tables(client):
    now = timezone.now()
    alive_now(ago=timedelta(seconds=20))
    patient = make_patient()
    make_notice(due_at=now - timedelta(minutes=10))
    make_notice(due_at=now, state="failed", reason="landline", settled_at=now)
    for days in (0, 3):
        Call.objects.create(
            patient=patient, kind="call_back", about=f"reply {days}", next_at=now,
            due_on=now.date() - timedelta(days=days),
        )  # fmt: skip
    Alert.objects.create(kind="screen", about="screen 1", patient=patient, sentence="Look.", raised_at=now)
    Tally.objects.create(name="refused signature", count=7, last_at=now)
    found = scraped(client)
    prefix = "infusion_home_"
    assert found[f"{prefix}notices"]["planned",] == 1
    assert 600 <= found[f"{prefix}oldest_due_notice_age_seconds"][()] < 660
    assert 20 <= found[f"{prefix}heartbeat_age_seconds"]["worker celery@one",] < 80
    assert (found[f"{prefix}calls_owed"][()], found[f"{prefix}calls_overdue"][()]) == (2, 1)
    assert found[f"{prefix}alerts_open"]["screen",] == 1
    assert found[f"{prefix}failures_7_days"]["text", "landline"] == 1
    assert found[f"{prefix}tally"]["refused signature",] == 7


def test_reasons_become_a_bounded_number_of_labels():
    found = alive.bounded(("text", f"reason {n:03}", 100 - n) for n in range(90))
    assert len(found) == alive.REASONS_SHOWN + 1
    assert sum(one.count for one in found) == sum(100 - n for n in range(90))
    assert alive.plain("to pat@example.com at +12145550123 " + "x" * 90) == ("to … at … " + "x" * 90)[:60]


def test_figures_are_for_who_knows_the_word(client, settings):
    settings.METRICS_TOKEN = "a-long-word"
    for said in ("", "a-long-word", "Bearer", "Bearer a-long-wor", "Bearer ä"):
        assert client.get("/metrics", headers={"Authorization": said}).status_code == 401, said
    assert scraped(client, Authorization="Bearer a-long-word")
    settings.METRICS_TOKEN, settings.PRODUCTION = "", True
    assert client.get("/metrics").status_code == 404
