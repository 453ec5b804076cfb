"""The environment is read strictly, and a forgotten variable leaves the site shut."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tsportal import env


def test_a_flag_is_true_or_false_and_nothing_else(monkeypatch):
    monkeypatch.setenv("A_FLAG", "TRUE")
    assert env.flag("A_FLAG", False) is True
    monkeypatch.setenv("A_FLAG", "yes")
    with pytest.raises(ImproperlyConfigured, match="A_FLAG must be 'true' or 'false'"):
        env.flag("A_FLAG", False)


def test_a_number_below_its_least_stops_the_start(monkeypatch):
    monkeypatch.setenv("A_NUMBER", "-1")
    with pytest.raises(ImproperlyConfigured, match="at least 0"):
        env.integer("A_NUMBER", 5, least=0)


def test_a_secret_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "secret"))
    assert env.secret("A_SECRET") == "from a file"


def test_an_empty_secret_counts_as_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("A_SECRET", "")
    with pytest.raises(ImproperlyConfigured, match="set A_SECRET"):
        env.secret("A_SECRET")
    (tmp_path / "empty").write_text("\n")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "empty"))
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        env.secret("A_SECRET")


def test_a_secret_file_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(ImproperlyConfigured, match="cannot read"):
        env.secret("A_SECRET")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://ann:p%40ss@db:5433/portal", ("portal", "ann", "p@ss", "db", "5433", {})),
        ("postgres://ann@/portal?host=/run/pg", ("portal", "ann", "", "/run/pg", "", {})),
        (
            "postgresql:///portal?host=db&port=6&sslmode=verify-full",
            ("portal", "", "", "db", "6", {"sslmode": "verify-full"}),
        ),
    ],
)
def test_a_database_url_is_taken_apart(url, expected):
    found = env.database(url)
    fields = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    assert tuple(found[field] for field in fields) == expected


@pytest.mark.parametrize(
    "url", ["mysql://a/b", "postgres://host/", "postgres://host:port/name", "portal"]
)
def test_a_database_url_that_cannot_be_meant_stops_the_start(url):
    with pytest.raises(ImproperlyConfigured):
        env.database(url)


def test_a_cache_url_of_an_unknown_kind_stops_the_start():
    with pytest.raises(ImproperlyConfigured, match="CACHE_URL"):
        env.cache("memcached://somewhere")


SAFE = {
    "SECRET_KEY": "x" * 60,
    "FIELD_KEYS": "k1:bm90LWEtc2VjcmV0LW9ubHktZm9yLXRlc3RzLS0tLTM=",
    "DATABASE_URL": "postgres://portal@db/portal",
    "CELERY_BROKER_URL": "amqp://broker",
    "ALLOWED_HOSTS": "portal.example",
}


def _load(**environment: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import json; from django.conf import settings as s; s.DEBUG;"
        "print(json.dumps([s.DEBUG, s.DEMO, s.HTTPS, s.REQUIRE_SECOND_FACTOR,"
        " s.SESSION_COOKIE_NAME, s.ALLOWED_HOSTS]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "tsportal.settings"}
        | environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_is_closed_unless_told_otherwise():
    told = _load(**SAFE)
    assert told.stdout.strip() == (
        '[false, false, true, true, "__Host-session", ["portal.example"]]'
    ), told.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_KEYS", "DATABASE_URL", "CELERY_BROKER_URL"])
def test_a_forgotten_secret_stops_the_start_and_is_named(name):
    told = _load(**{key: value for key, value in SAFE.items() if key != name})
    assert told.returncode != 0
    assert f"set {name}" in told.stderr


def test_a_forgotten_host_list_serves_nobody():
    told = _load(**{key: value for key, value in SAFE.items() if key != "ALLOWED_HOSTS"})
    assert told.stdout.strip().endswith("[]]")


def test_the_deployment_check_finds_nothing():
    told = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env={"PATH": os.environ["PATH"]} | SAFE | {"SECRET_KEY": "p" + "q7-Z" * 20},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.returncode == 0, told.stderr
