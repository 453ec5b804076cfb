"""The one settings file. What differs between machines comes from the environment.

Closed by default: a forgotten variable stops the start or leaves the site shut, never open.
`docs/settings.md` says what each variable does.
"""

import secrets
import sys
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from kombu import Queue

from tsportal import env, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# -- Modes ---------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", False)
TESTING = "pytest" in sys.modules or sys.argv[1:2] == ["test"]
# The demo has made-up people, known passwords and no second factor; each page says so.
DEMO = env.flag("DEMO", False)
# Reached by https (through the proxy). Only a machine of one's own does without.
HTTPS = env.flag("HTTPS", not (DEBUG or TESTING))
# Commands that answer nobody and read no secret: they may run where no secrets are.
_ANSWERS_NOBODY = {
    *("check", "makemigrations", "migrate", "showmigrations", "sqlmigrate"),
    *("spectacular", "collectstatic", "compilemessages", "makemessages", "help"),
}
_OFFLINE = sys.argv[0].endswith("manage.py") and sys.argv[1:2] and sys.argv[1] in _ANSWERS_NOBODY
_RELAXED = DEBUG or TESTING or _OFFLINE

# -- Secrets -------------------------------------------------------------------------------------
# A stand-in lives as long as the process, so that it opens nothing anywhere else.
SECRET_KEY = env.secret("SECRET_KEY", secrets.token_urlsafe(48) if _RELAXED else None)
SECRET_KEY_FALLBACKS = env.listing("SECRET_KEY_FALLBACKS")
# `id:base64 of 32 bytes`, newest first: sealed fields (webhook secrets) in the database.
FIELD_KEYS = [
    key.strip()
    for key in env.secret(
        "FIELD_KEYS", f"dev:{'bm90LWEtc2VjcmV0LW9ubHktZm9yLXRlc3RzLS0tLTM='}" if _RELAXED else None
    )
    .replace("\n", ",")
    .split(",")
    if key.strip()
]
SIGNED_COOKIE_LEGACY_SALT_FALLBACK = False

# -- Who may ask ---------------------------------------------------------------------------------
ALLOWED_HOSTS = env.listing(
    "ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver" if _RELAXED else ""
)
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")
# How many proxies of our own stand in front; 0 means that X-Forwarded-For is not believed.
NUM_PROXIES = env.integer("NUM_PROXIES", 0, least=0)
if env.flag("PROXY_SETS_PROTO", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- Apps ----------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_cotton",
    "csp",
    "cases",
    "signals",
]
MIDDLEWARE = [
    "tsportal.health.HealthMiddleware",  # before the host check: probes come by address
    "tsportal.logs.RequestLog",
    "tsportal.middleware.OnlyGetAndPost",
    "cases.context.RequestContext",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tsportal.middleware.PageHeaders",
    "csp.middleware.CSPMiddleware",
    "tsportal.middleware.PlainAddress",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tsportal.middleware.SessionLimits",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "tsportal.middleware.SecondFactor",
    "tsportal.middleware.OwnTimeZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "tsportal.urls"
ADMIN_PATH = env.secret("ADMIN_PATH", "admin/")
WSGI_APPLICATION = "tsportal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [],  # django-cotton adds its tags and its loader here
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tsportal.context.demo",
                "cases.views.look.look",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Database ------------------------------------------------------------------------------------
DATABASES = {
    "default": env.database(
        env.secret("DATABASE_URL", "postgres://postgres@/portal" if _RELAXED else None)
    )
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# A statement that runs away is stopped; 0 (commands, workers) lets it run.
DATABASES["default"]["OPTIONS"].setdefault(
    "options", f"-c statement_timeout={env.integer('DATABASE_STATEMENT_TIMEOUT_MS', 0, least=0)}"
)
DATABASES["default"]["OPTIONS"].setdefault("application_name", "portal")
# The door's statements are planned once per connection. Off for a pooler that cannot follow that.
if env.flag("DATABASE_PREPARE", True):
    DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 2)
# Connections shared by the threads of one process (`tsportal.wsgi` asks for 8); 0: none are.
DATABASE_POOL = 0 if TESTING else env.integer("DATABASE_POOL", 0, least=0)
DATABASES["default"]["OPTIONS"] = env.pool(DATABASES["default"]["OPTIONS"], size=DATABASE_POOL)
DATABASES["default"]["CONN_MAX_AGE"] = 0 if DATABASE_POOL or TESTING else 300

# -- Cache: throttles and sign-in limits, nothing that must not be lost ----------------------------
CACHES = {"default": env.cache("" if TESTING else env.secret("CACHE_URL", ""))}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True

# -- Celery: the row is the work, a message only a doorbell ----------------------------------------
CELERY_BROKER_URL = (
    "memory://" if TESTING else env.secret("CELERY_BROKER_URL", "memory://" if _RELAXED else None)
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 3600, "socket_connect_timeout": 2, "socket_keepalive": True}
    if CELERY_BROKER_URL.startswith(("redis", "rediss"))
    else {}
)
CELERY_TASK_PUBLISH_RETRY = False  # a nudge is tried once; the sweeps come anyway
CELERY_TASK_QUEUES = [
    Queue(name) for name in ("default", "correlation", "enrichment", "webhooks", "reports")
]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"signals.*": {"queue": "correlation"}, "webhooks.*": {"queue": "webhooks"}}
CELERY_TASK_CREATE_MISSING_QUEUES = False  # a mistyped queue name is an error, not a silent void
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 10 * 60
CELERY_TASK_TIME_LIMIT = 11 * 60
CELERY_WORKER_MAX_TASKS_PER_CHILD = 5000
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
# Sweeps find what a crash or a lost message left behind. A message that waited longer than its
# slot is dropped: the next one does the same work.
CELERY_BEAT_SCHEDULE: dict[str, dict] = {
    "correlation": {
        "task": "signals.correlate",
        "schedule": 5,
        "options": {"queue": "correlation", "expires": 5},
    },
    "cases": {
        "task": "cases.sweep",
        "schedule": 15,
        "options": {"queue": "default", "expires": 15},
    },
    "webhooks": {
        "task": "webhooks.sweep",
        "schedule": 15,
        "options": {"queue": "webhooks", "expires": 15},
    },
    "enrichment": {
        "task": "enrichment.sweep",
        "schedule": 20,
        "options": {"queue": "enrichment", "expires": 20},
    },
    "screening": {
        "task": "screening.sweep",
        "schedule": 30,
        "options": {"queue": "enrichment", "expires": 30},
    },
}

# -- Screening and enrichment ----------------------------------------------------------------------
# A new version of a list that lost more than this share of its entries is refused.
SCREENING_MAX_LOSS = 0.10
# Late jobs that one sweep rings for.
ENRICHMENT_SWEEP = 200
# {kind: [files]} for country, asn, hosting, hosting_asn, vpn, vpn_asn, tor and sanctioned: each
# from NETWORK_<KIND>_FILES, several split by commas. What is not set is not looked up.
NETWORK_FILES = {
    kind: env.listing(f"NETWORK_{kind.upper()}_FILES", "")
    for kind in ("country", "asn", "hosting", "hosting_asn", "vpn", "vpn_asn", "tor", "sanctioned")
}

# -- People and signing in -------------------------------------------------------------------------
AUTH_USER_MODEL = "cases.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests make many people
    if TESTING
    else [
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "tsportal.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "cases.auth.forms.SignInForm"}
MFA_ADAPTER = "tsportal.adapters.SecondFactorAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300  # how long a step-up lasts
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = NUM_PROXIES
USERSESSIONS_TRACK_ACTIVITY = False
# Whoever has neither an authenticator app nor a passkey is led to making one before anything else.
REQUIRE_SECOND_FACTOR = not DEMO and not TESTING and env.flag("REQUIRE_SECOND_FACTOR", True)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # people are made by an administrator, not by their mail
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = "Case portal"
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Single sign-on by OpenID Connect: on when an issuer is named. People must exist here already.
SOCIALACCOUNT_ADAPTER = "tsportal.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_ONLY = env.flag("OIDC_ONLY", False)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_LOGIN_ON_GET = False
OIDC_ISSUER = env.secret("OIDC_ISSUER", "")
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": env.secret("OIDC_ID", "sso"),
                    "name": env.secret("OIDC_NAME", "Single sign-on"),
                    "client_id": env.secret("OIDC_CLIENT_ID"),
                    "secret": env.secret("OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_ISSUER},
                }
            ],
        }
    }

# -- Sessions --------------------------------------------------------------------------------------
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_IDLE_LIMIT = env.seconds("SESSION_IDLE_SECONDS", 30 * 60)
SESSION_ABSOLUTE_LIMIT = env.seconds("SESSION_ABSOLUTE_SECONDS", 10 * 3600)
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE_LIMIT.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# -- What browsers are told ------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS and env.flag("SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
        "report-uri": ["/csp-report/"],
    }
}

# -- Files -----------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.secret("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
_HASHED = not (DEBUG or TESTING)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if not _HASHED
        # Compressing takes most of the time, and nobody's line is slow on a machine of one's own.
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        if DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = not _HASHED
# Uploads and other files of people. Never served from a static address.
MEDIA_ROOT = Path(env.secret("MEDIA_ROOT", str(BASE_DIR / "var" / "media")))
MEDIA_URL = ""
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = [
    "cases.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# -- The API for people ----------------------------------------------------------------------------
REST_FRAMEWORK = {
    # The API's own views (`cases.api`) also take a personal token.
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    # Lists page by key, with a maximum: `cases.api.pagination`, named by each list.
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "cases.api.problems.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": env.secret("API_RATE", "1200/min"), "anon": "60/min"},
    "NUM_PROXIES": NUM_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Case portal",
    "DESCRIPTION": "Signals in, cases and decisions out. Errors are RFC 9457 problems.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "cases.api.openapi.complete",
        "signals.openapi.add_door",
    ],
    "ENUM_NAME_OVERRIDES": {
        "CaseState": "cases.models.Case.State",
        "CaseOutcome": "cases.models.Case.Outcome",
        "CaseQueue": "cases.models.Case.Queue",
        "DecisionState": "cases.models.Decision.State",
        "ActionState": "cases.models.Action.State",
        "AccountKind": "cases.models.Account.Kind",
        "OverrideKind": "cases.models.RingOverride.Kind",
    },
}

# -- Language and time -----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# -- Logs and figures ------------------------------------------------------------------------------
LOG_LEVEL = env.choice(
    "LOG_LEVEL", "WARNING" if TESTING else "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")
)
LOGGING = logs.configure(level=LOG_LEVEL, plain=DEBUG or bool(_OFFLINE))
# When set, `/metrics` wants it as a bearer token; without it only this machine may read them.
METRICS_TOKEN = env.secret("METRICS_TOKEN", "")
# Not ready any more when less than this is free where the files are.
DISK_FREE_LEAST = env.integer("DISK_FREE_LEAST_MB", 200, least=0) * 1024 * 1024
# Accepted work that waits longer than this makes `/readyz` say "degraded".
LAG_DEGRADED = env.seconds("LAG_DEGRADED_SECONDS", 120)

# -- The way out (`cases.egress`). Public https only, unless told otherwise ------------------------
EGRESS_SCHEMES = env.listing("EGRESS_SCHEMES", "https")
EGRESS_PORTS = [int(port) for port in env.listing("EGRESS_PORTS", "443,8443")]
# Names that may be called; empty means any public host. ".example.com" means every host below it.
EGRESS_HOSTS = env.listing("EGRESS_HOSTS")
# Exact host:port of receivers inside the own network, for instance "127.0.0.1:8901".
EGRESS_ALLOW_PRIVATE = env.listing("EGRESS_ALLOW_PRIVATE")
EGRESS_CA_FILE = env.secret("EGRESS_CA_FILE", dev_default="")

# -- The door (`signals.door`) ---------------------------------------------------------------------
DOOR_BATCH_MAX = 1000  # events of a batch; a stream of lines has no end
DOOR_BODY_MAX = 8 * 1024 * 1024  # bytes of a batch, unpacked; also of a stream's slice
DOOR_LINE_MAX = 256 * 1024  # bytes of one line of a stream
DOOR_ITEM_MAX = 64 * 1024  # bytes of one event's data
DOOR_SLICE_LINES = 2000  # lines of a stream that are stored in one transaction
DOOR_STREAM_RESULTS = 1000  # results that the answer to a stream lists at most
# Nothing is taken while more accepted batches than this wait for correlation.
DOOR_PENDING_BATCHES_MAX = env.integer("DOOR_PENDING_BATCHES_MAX", 50_000, least=0)
DOOR_PENDING_CHECK_SECONDS = 0 if TESTING else 0.5
DOOR_BEHIND_RETRY_SECONDS = 30
# A message to the correlator goes out at most this often per process; sweeps do the rest.
DOOR_NUDGES = not TESTING
DOOR_NUDGE_SECONDS = 0.25
# Refused items kept per detector, and how much of each.
REJECTS_KEPT = 1000
REJECT_BODY_MAX = 16 * 1024
# What a newly registered detector may send when nothing else is said.
DETECTOR_QUOTA_PER_MINUTE = 60_000
DETECTOR_QUOTA_PER_DAY = None
DETECTOR_KEYS_LIVE = 2  # so that one can be rotated while the other works
DETECTOR_KEY_LIFETIME = timedelta(days=365)

# -- Rules of the portal. Plain settings, so that a test can override one --------------------------
# How long a claim lasts without a sign of life from the page.
CLAIM_LEASE = timedelta(minutes=30)
# What comes back to a person (a rejected proposal, a verification's result, an assignment) waits
# this long for them before the queue has it; a case passed over is not offered again for this long.
RETURN_LEASE = timedelta(hours=8)
SKIP_FOR = timedelta(hours=12)
# Waits before the second, third … attempt of a webhook: about three days. Then a person must look.
WEBHOOK_RETRY_DELAYS = [
    timedelta(seconds=s)
    for s in (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 86400)
]
WEBHOOK_TIMEOUT = timedelta(seconds=20)  # one attempt, from the name lookup to the last byte
WEBHOOK_LEASE = timedelta(seconds=90)  # longer than one attempt can take
# Failures in a row after which a receiver is left alone: five seconds first, five minutes at most.
WEBHOOK_BREAKER_AFTER = 10
# How long older secrets of a receiver still sign beside a new one.
WEBHOOK_SECRET_OVERLAP = timedelta(days=7)
WEBHOOK_USER_AGENT = "case-portal-webhooks/1"
# A refused attempt inside a transaction is written over a connection of its own, so that it stays.
AUDIT_DENIALS_APART = True
# A step of a decision that the platform has not acknowledged after this is late.
ACTION_ACKNOWLEDGE_WITHIN = timedelta(minutes=15)
# A hold that the platform has not acknowledged after this shouts.
HOLD_ACKNOWLEDGE_WITHIN = timedelta(minutes=5)
# Attempts of an enrichment job before a person must look at it.
ENRICHMENT_ATTEMPTS = 5
ENRICHMENT_LEASE = timedelta(minutes=5)
# Ordinary work in the background is taken for this long; a dead worker's share comes back after.
WORK_LEASE = timedelta(minutes=5)
# Business days of deadlines are counted in this calendar.
BUSINESS_CALENDAR = "US"
# A personal API token lasts at most this long.
API_TOKEN_LIFETIME = timedelta(days=90)
# One that may approve and confirm without a fresh proof of identity, much shorter.
API_SIGNING_TOKEN_LIFETIME = API_TOKEN_LIFETIME if DEMO else timedelta(days=1)
# Personal data revealed per person and day before a senior is told.
REVEALS_PER_DAY = 50
