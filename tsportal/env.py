"""Typed reading of the environment. What cannot be understood stops the start."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from tsportal.pooled import PooledConnection


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, str(default)).lower()
    if value not in ("true", "false"):
        raise ImproperlyConfigured(f"{name} must be 'true' or 'false', not {value!r}")
    return value == "true"


def integer(name: str, default: int, *, least: int | None = None) -> int:
    value = os.environ.get(name, str(default))
    try:
        number = int(value)
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}") from exc
    if least is not None and number < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {number}")
    return number


def seconds(name: str, default: int) -> timedelta:
    return timedelta(seconds=integer(name, default, least=1))


def listing(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def secret(name: str, dev_default: str | None = None) -> str:
    """The value of NAME, or the contents of the file that NAME_FILE points to.

    An empty value counts as missing: `SECRET_KEY=` in a deployment file is a mistake, not a key.
    """
    if path := os.environ.get(f"{name}_FILE"):
        try:
            value = Path(path).read_text().strip()
        except OSError as exc:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {exc.strerror}") from exc
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is empty")
        return value
    given = os.environ.get(name) or dev_default
    if given is None:
        raise ImproperlyConfigured(f"set {name} or {name}_FILE (see docs/settings.md)")
    return given


def database(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a `postgres://user:password@host:port/name?host=/socket` URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {exc}") from exc
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres://")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", None) or unquote(parts.hostname or "")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL must end with the name of a database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": query.pop("port", None) or str(port or ""),
        "OPTIONS": query,
    }


def cache(url: str) -> dict[str, Any]:
    """Django's CACHES entry: a Redis URL, `unix:///path?db=1`, or empty for this process alone."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ImproperlyConfigured("CACHE_URL must begin with redis://, rediss:// or unix://")
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "OPTIONS": {
            # A cache that is away slows the portal down; it must not stop it.
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 1,
        },
    }


def pool(options: Mapping[str, Any], *, size: int) -> dict[str, Any]:
    """Connection options with a psycopg pool of at most `size`; 0 leaves plain connections."""
    if not size:
        return dict(options)
    threads_share = {
        "min_size": min(2, size),
        "max_size": size,
        "timeout": 5,
        "connection_class": PooledConnection,
    }
    return {**options, "pool": threads_share}
