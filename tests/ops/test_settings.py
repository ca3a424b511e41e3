"""Settings come from the environment in one file and are loud, in one sentence, when wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RIGHT = {
    "INFUSION_HOME_MODE": "production",
    "SECRET_KEY": "k3v9-qx7Lw2Zr8Tn5Yb1Hd6Gs4Jf0Mc-Pa9Ue3Wi7Ro2Kt8Vx5Nz1Bq6",
    "ALLOWED_HOSTS": "care.example",
    "DATABASE_URL": "postgres://care:secret-word@127.0.0.1:1/care",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "PUBLIC_URL": "https://care.example",
}


def manage(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {name: value for name, value in {**kept, **RIGHT, **changes}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_production_settings_pass_the_deployment_check_without_a_warning():
    checked = manage("check", "--deploy", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", None, "SECRET_KEY is not set."),
        ("SECRET_KEY", "short", "SECRET_KEY is too short or too simple"),
        ("SECRET_KEY", "a" * 60, "SECRET_KEY is too short or too simple"),
        ("ALLOWED_HOSTS", None, "ALLOWED_HOSTS is not set."),
        ("DATABASE_URL", None, "DATABASE_URL is not set."),
        ("DATABASE_URL", "mysql://u:secret-word@h/d", "DATABASE_URL must start with one of postgres://"),
        ("DATABASE_URL", "postgres://u:secret-word@h:port/d", "DATABASE_URL has a port that is not a number"),
        ("REDIS_URL", None, "REDIS_URL is not set."),
        ("OSRM_URL", "osrm:5000", "OSRM_URL must start with one of http://, https://."),
        ("OSRM_URL", "http://me:secret-word@osrm", "OSRM_URL must be an address like http://osrm:5000"),
        ("OSRM_URL", "http://", "OSRM_URL must be an address like http://osrm:5000"),
        ("REDIS_URL", "http://h", "REDIS_URL must start with one of redis://"),
        ("DEBUG", "1", "DEBUG is for demo and tests only"),
        ("DEBUG", "maybe", "DEBUG is 'maybe'; use 1 or 0."),
        (
            "INFUSION_HOME_MODE",
            "live",
            "INFUSION_HOME_MODE is 'live'; use one of demo, offline, production, test.",
        ),
        ("CSRF_TRUSTED_ORIGINS", "care.example", "CSRF_TRUSTED_ORIGINS contains 'care.example'"),
        ("SIGN_IN_TRIES", "0", "SIGN_IN_TRIES is '0'; use a whole number of at least 1."),
        ("SIGN_IN_LOCK_MINUTES", "1.5", "SIGN_IN_LOCK_MINUTES is '1.5'"),
        ("SECURE_SSL_REDIRECT", "ja", "SECURE_SSL_REDIRECT is 'ja'"),
        ("SECURE_HSTS_SECONDS", "-1", "SECURE_HSTS_SECONDS is '-1'"),
        ("BEHIND_PROXY", "x", "BEHIND_PROXY is 'x'"),
        ("AGENCY_TIME_ZONE", "Dallas", "AGENCY_TIME_ZONE is 'Dallas'; use a name like America/Chicago."),
        ("AGENCY_NAME", "Texas Infusion", "AGENCY_NAME appears in messages and must not contain"),
        ("NOTICE_DELAY_MINUTES", "soon", "NOTICE_DELAY_MINUTES is 'soon'"),
        ("EMAIL_URL", "mail.example", "EMAIL_URL must be smtp://"),
        ("PUBLIC_URL", None, "PUBLIC_URL is not set."),
        ("PUBLIC_URL", "http://care.example", "PUBLIC_URL must be an address like https://care.example"),
        ("PUBLIC_URL", "https://care.example/app", "PUBLIC_URL must be an address like https://care.example"),
        ("PUBLIC_URL", "https://me:secret-word@care.example", "PUBLIC_URL must be an address like"),
        (
            "TEXT_URL",
            "twilio://AC1@api.twilio.com?from=+12145550142",
            "TEXT_URL must be twilio://ACCOUNT_SID",
        ),
        ("TEXT_URL", "twilio://AC1:secret-word@api.twilio.com", "TEXT_URL must name its sender: ?from="),
        ("TEXT_URL", "twilio://AC1:secret-word@h?from=Trinity", "TEXT_URL must name its sender: ?from="),
        ("TEXT_URL", "twilio://AC1:secret-word@h:port?from=+12145550142", "TEXT_URL has a port that is not"),
        ("TEXT_URL", "https://AC1:secret-word@api.twilio.com", "TEXT_URL must be twilio://ACCOUNT_SID"),
        ("TEXT_URL", "file://", "TEXT_URL must be twilio://ACCOUNT_SID"),
        (
            "VOICE_URL",
            "twilio://AC1:secret-word@api.twilio.com?from=MG" + "0" * 32,
            "VOICE_URL must name its sender: ?from=+12145550142.",
        ),
        ("EMAIL_URL", "smtp://h:many", "EMAIL_URL has a port that is not a number"),
        ("NOTICE_HOURS", "late", "NOTICE_HOURS is 'late'"),
        ("NOTICE_HOURS", "0-24", "NOTICE_HOURS must lie between 8 and 21"),
        ("PUBLIC_URL", "https://infusion.example", "PUBLIC_URL appears in messages and must not contain"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'loud'; use one of"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence_naming_it(name, value, sentence):
    stopped = manage("check", **{name: value})
    assert stopped.returncode == 1
    (line,) = stopped.stderr.strip().splitlines()
    assert line.startswith(f"Infusion Home cannot start: {sentence}")
    assert "secret-word" not in line
