"""The one settings file. What differs between machines comes from the environment."""

from pathlib import Path

from tsportal import env

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY", dev_default="dev-only")
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "localhost,127.0.0.1,testserver")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "cases",
    "signals",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cases.context.RequestContext",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "tsportal.urls"
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
            ]
        },
    }
]
DATABASES = {
    "default": env.database(env.secret("DATABASE_URL", dev_default="postgres://postgres@/portal"))
}
AUTH_USER_MODEL = "cases.User"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The way out (`cases.egress`). Public https only, unless told otherwise.
EGRESS_SCHEMES = env.listing("EGRESS_SCHEMES", "https")
EGRESS_PORTS = [int(port) for port in env.listing("EGRESS_PORTS", "443,8443")]
# Names that may be called; empty means any public host. ".example.com" means every host below it.
EGRESS_HOSTS = env.listing("EGRESS_HOSTS")
# Exact host:port of receivers inside the own network, for instance "127.0.0.1:8901".
EGRESS_ALLOW_PRIVATE = env.listing("EGRESS_ALLOW_PRIVATE")
EGRESS_CA_FILE = env.secret("EGRESS_CA_FILE", dev_default="")

# Secrets in the database are sealed with the first key ("id:base64 of 32 bytes"), opened with any.
FIELD_KEYS = env.secret(
    "FIELD_KEYS", dev_default="dev:ZGV2LW9ubHktZmllbGQta2V5LW5vdC1hLXNlY3JldCE="
).split(",")
# A refused attempt inside a transaction is written over a connection of its own, so that it stays.
AUDIT_DENIALS_APART = True
# How many proxies of ours stand in front: that many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
