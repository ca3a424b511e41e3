"""Settings, all from the environment, loud when wrong.

INFUSION_HOME_MODE is `production` unless something says otherwise: `demo` (make demo), `test`
(the test suite) or `offline` (commands without a database). Only demo and tests may run without a
secret key of their own and with the embedded PostgreSQL.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

import dj_database_url
from celery.beat import BeatLazyFunc
from celery.schedules import schedule
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from infusion_home import embedded, environment

BASE_DIR = Path(__file__).resolve().parent.parent
MODE = environment.choice("INFUSION_HOME_MODE", "production", {"production", "demo", "test", "offline"})
PRODUCTION = MODE == "production"

# Everything this machine writes lives in one folder.
STATE_DIR = Path(environment.text("INFUSION_HOME_STATE", str(BASE_DIR / "var")))

DEBUG = environment.flag("DEBUG")
if DEBUG and PRODUCTION:
    raise ImproperlyConfigured("DEBUG is for demo and tests only; unset it or set INFUSION_HOME_MODE=demo.")

if PRODUCTION:
    SECRET_KEY = environment.required(
        "SECRET_KEY", "Production needs 50 random characters or more (or run `make demo`)."
    )
    if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10:
        raise ImproperlyConfigured("SECRET_KEY is too short or too simple; use 50 random characters or more.")
    ALLOWED_HOSTS = environment.listed("ALLOWED_HOSTS")
    if not ALLOWED_HOSTS:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS is not set. List the host names people will type, with commas."
        )
else:
    SECRET_KEY = environment.text("SECRET_KEY", secrets.token_urlsafe(50))
    ALLOWED_HOSTS = environment.listed("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]", "testserver"]
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")
# Links in messages lead here, and the provider of texts and calls answers here.
PUBLIC_URL = environment.public_url(
    "PUBLIC_URL", "" if PRODUCTION else f"http://127.0.0.1:{environment.whole_number('PORT', 8000)}"
)

# --- Parts -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "axes",
    "csp",
    "django_htmx",
    "heroicons",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "accounts",
    "patients",
    "nurses",
    "scheduling",
]

MIDDLEWARE = [
    "accounts.middleware.ClientAddressMiddleware",  # first: everything after it may trust REMOTE_ADDR
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # a week of 60 nurses is a megabyte; padded against guessing by length
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.IdleSessionMiddleware",
    "accounts.middleware.PersonalSettingsMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "scheduling.middleware.OriginMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "infusion_home.urls"
WSGI_APPLICATION = "infusion_home.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "infusion_home.context.agency",
                "infusion_home.context.late",
            ],
            "builtins": ["heroicons.templatetags.heroicons"],
        },
    }
]

# --- Data ------------------------------------------------------------------------------------

DATABASE_URL = environment.url("DATABASE_URL", {"postgres": "PostgreSQL", "postgresql": "PostgreSQL"})
if not DATABASE_URL:
    if PRODUCTION:
        raise ImproperlyConfigured("DATABASE_URL is not set. Use postgres://user:password@host:5432/name.")
    if MODE != "offline":
        DATABASE_URL = embedded.start(
            STATE_DIR / ("postgres-test" if MODE == "test" else "postgres"), durable=MODE != "test"
        )
if DATABASE_URL:
    DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
    DATABASES["default"]["TEST"] = {
        "NAME": environment.text("INFUSION_HOME_TEST_DB", "test_infusion_home"),
        "TEMPLATE": "template0",
    }
    # A lock waits for a person's patience, not for ever; see docs/locking.md.
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c lock_timeout=8000 -c timezone=UTC"
    # A host that vanished without a word is noticed within a minute and a half, not after hours.
    for name, seconds in {"connect_timeout": 10, "keepalives_idle": 60, "keepalives_interval": 10}.items():
        DATABASES["default"]["OPTIONS"].setdefault(name, seconds)
    DATABASES["default"]["OPTIONS"].setdefault("keepalives_count", 3)
else:
    DATABASES = {}

REDIS_URL = environment.url("REDIS_URL", {"redis": "Redis", "rediss": "Redis over TLS", "unix": "Redis"})
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
elif PRODUCTION:
    raise ImproperlyConfigured("REDIS_URL is not set. Use redis://host:6379/0.")
elif MODE == "demo":
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": STATE_DIR / "cache",
        }
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People and sign-in ----------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.lockout.AddressLimit",  # one address that tries many names
    "axes.backends.AxesStandaloneBackend",  # first: a locked-out name never reaches the password check
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
if MODE == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

AXES_FAILURE_LIMIT = environment.whole_number("SIGN_IN_TRIES", 5, least=1)
AXES_COOLOFF_TIME = timedelta(minutes=environment.whole_number("SIGN_IN_LOCK_MINUTES", 15, least=1))
SIGN_IN_TRIES_PER_ADDRESS = environment.whole_number("SIGN_IN_TRIES_PER_ADDRESS", 50, least=1)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "accounts.lockout.name_tried"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_out"
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False

# Idle minutes after which a session ends, by role: work is kept, the person signs in again.
IDLE_MINUTES = {"coordinator": 15, "lead": 15, "admin": 15, "nurse": 12 * 60, "patient": 30}
SESSION_COOKIE_AGE = 13 * 60 * 60  # longer than any idle limit: the person is told why the session ended
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"

# --- Transport security ----------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = PRODUCTION and environment.flag("BEHIND_PROXY")
if PRODUCTION:
    SECURE_SSL_REDIRECT = environment.flag("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = environment.whole_number("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# A map behind the picture of a route, when somebody asks for it: the tiles come from there, past this server, and say
# which part of the town is looked at. Nothing is fetched from anywhere while it is unset.
MAP_TILE_URL = environment.tiles("MAP_TILE_URL", plain=not PRODUCTION)
TILE_SERVER = ["/".join(MAP_TILE_URL.split("/")[:3])] if MAP_TILE_URL else []  # scheme and host
MAP_TILE_ATTRIBUTION = environment.text("MAP_TILE_ATTRIBUTION")  # whose map it is

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *TILE_SERVER],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- API -------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["infusion_home.api_errors.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "infusion_home.api_errors.Pages",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "infusion_home.api_errors.problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
REST_KNOX = {"TOKEN_TTL": timedelta(hours=12), "TOKEN_LIMIT_PER_USER": 10, "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Infusion Home",
    "DESCRIPTION": "Prescriptions, dose calendars and visits of a home-infusion agency.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "ENUM_NAME_OVERRIDES": {  # the same field name in several shapes: each gets a name of its own
        "PatientStatus": "patients.models.Patient.Status",
        "PrescriptionStatus": "patients.models.Prescription.Status",
        "DoseState": "scheduling.models.PlannedDose.State",
        "VisitState": "scheduling.models.visit.STATE_CHOICES",
        "VisitKind": "scheduling.models.Visit.Kind",
        "CheckKind": "scheduling.models.PlannedCheck.Kind",
        "CheckState": "scheduling.models.PlannedCheck.State",
        "PlanState": "scheduling.models.WeekPlan.State",
        "PlanLineState": "scheduling.models.PlanLine.State",
        "PlanLineKind": "scheduling.models.PlanLine.Kind",
    },
}

# --- Background work -------------------------------------------------------------------------

CELERY_TIMEZONE = "UTC"  # beat must never meet a repeated or missing hour
CELERY_BROKER_URL = REDIS_URL or "filesystem://"
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # After this long Redis gives what nobody acknowledged to another worker. Nothing of ours waits for that:
        # what a killed worker held is found in the tables by the next tick. So it is only kept above the longest
        # time limit of a task (scheduling/tasks.py), or a task that still runs would be started twice.
        "visibility_timeout": 3600,
        # A restarted or vanished Redis is noticed, and asked again, instead of being listened to for ever.
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
        "socket_timeout": 15,
        "health_check_interval": 10,
        "retry_on_timeout": True,
        # Who publishes is told at once that nobody is there; workers and beat have their own patience, below.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
    }
else:
    broker = STATE_DIR / (
        "broker-test" if MODE == "test" else "broker"
    )  # a demo's worker takes no test's task
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(broker / "queue"),
        "data_folder_out": str(broker / "queue"),
        "control_folder": str(broker / "control"),
        "store_processed": False,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever: beat and workers outlive any outage of Redis
# A lost broker is no reason to end a task in the middle of sending; its row would be in doubt.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20  # seconds; then a worker that was told to stop ends its tasks
CELERY_TASK_PUBLISH_RETRY = False  # a booking never waits for a dead broker: the table is the truth
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]


def _published_at() -> str:
    """The moment beat publishes a tick: its sign of life."""
    return datetime.now(UTC).isoformat()


# What nobody took before it came again is worthless, so that no queue grows while there is no worker.
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {
        "task": "scheduling.tasks.heartbeat",
        "schedule": schedule(timedelta(seconds=10)),
        "kwargs": {"published_at": BeatLazyFunc(_published_at)},
        "options": {"expires": 30},
    },
    "send-due-notices": {
        "task": "scheduling.tasks.send_due_notices",
        "schedule": schedule(timedelta(seconds=10)),
        "options": {"expires": 10},
    },
    "keep-up-calls": {
        "task": "scheduling.tasks.keep_up_calls",
        "schedule": schedule(timedelta(minutes=10)),
        "options": {"expires": 600},
    },
    "plan-staff-notices": {
        "task": "scheduling.tasks.plan_staff_notices",
        "schedule": schedule(timedelta(minutes=10)),
        "options": {"expires": 600},
    },
    "keep-up-plans": {
        "task": "scheduling.tasks.keep_up_plans",
        "schedule": schedule(timedelta(seconds=30)),
        "options": {"expires": 30},
    },
    "extend-calendars": {
        "task": "scheduling.tasks.extend_calendars",
        "schedule": schedule(timedelta(hours=12)),
    },
    "refresh-roads": {"task": "scheduling.tasks.refresh_roads", "schedule": schedule(timedelta(hours=6))},
    "tidy": {"task": "scheduling.tasks.tidy", "schedule": schedule(timedelta(hours=12))},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "beat-schedule")

# --- The agency ------------------------------------------------------------------------------

AGENCY_NAME = environment.text("AGENCY_NAME", "Trinity Home Care")
AGENCY_PHONE = environment.text("AGENCY_PHONE", "+12145550142")
AGENCY_TIME_ZONE = environment.text("AGENCY_TIME_ZONE", "America/Chicago")
if AGENCY_TIME_ZONE not in available_timezones():
    raise ImproperlyConfigured(f"AGENCY_TIME_ZONE is {AGENCY_TIME_ZONE!r}; use a name like America/Chicago.")
for name, value in (("AGENCY_NAME", AGENCY_NAME), ("PUBLIC_URL", PUBLIC_URL)):
    for word in ("infusion", "sclerosis"):
        if word in value.lower():
            raise ImproperlyConfigured(f"{name} appears in messages and must not contain the word {word!r}.")
# Nothing is sent in the first minutes after a booking, so that an undo is silent.
NOTICE_DELAY = timedelta(
    minutes=environment.whole_number("NOTICE_DELAY_MINUTES", 0 if MODE in {"demo", "test"} else 5)
)

NOTICE_HOURS = environment.hours("NOTICE_HOURS", "0-24" if MODE in {"demo", "test"} else "9-20")
if PRODUCTION and not 8 <= NOTICE_HOURS[0] < NOTICE_HOURS[1] <= 21:
    raise ImproperlyConfigured("NOTICE_HOURS must lie between 8 and 21: nobody is written to at night.")

# Drives are estimated from coordinates unless an OSRM server is named. It is told where patients live: run your own.
OSRM_URL = environment.service("OSRM_URL")

globals().update(
    environment.email("EMAIL_URL", f"file://{STATE_DIR / 'mail'}" if MODE == "demo" else "console://")
)
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "no-reply@localhost")
# Unset, there are no texts or calls by machine; the demo writes them to files.
TEXT_URL = environment.channel_url("TEXT_URL", f"file://{STATE_DIR / 'texts'}" if MODE == "demo" else "")
VOICE_URL = environment.channel_url(
    "VOICE_URL", f"file://{STATE_DIR / 'calls'}" if MODE == "demo" else "", service=False
)

# Who scrapes /metrics says this word; without it production has no such page.
METRICS_TOKEN = environment.text("METRICS_TOKEN")
LATE_BANNER = True  # office pages say when messages are late; looked up once in half a minute

# --- Language, time, files -------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = AGENCY_TIME_ZONE  # for showing only: the database connection is UTC

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "infusion_home" / "static"]
if (BASE_DIR / "vendor-assets").is_dir():  # optional font, see `make assets`
    STATICFILES_DIRS.append(BASE_DIR / "vendor-assets")
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
WHITENOISE_USE_FINDERS = not PRODUCTION

LOG_LEVEL = environment.choice(
    "LOG_LEVEL", "WARNING" if MODE == "test" else "INFO", {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "infusion_home.logs.LineFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": LOG_LEVEL,
    },
    "loggers": {
        # Its own handler would write every address as it is, those that open without a password too.
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "axes": {"level": "ERROR"},  # its messages carry the names people typed
        "urllib3": {"level": "WARNING"},  # and these the addresses asked for, with people's numbers
    },
}
