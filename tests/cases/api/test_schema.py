import re
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.urls import get_resolver

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated() -> str:
    """What the generator says now; a warning of it is a fault of ours."""
    out = StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=out)
    return out.getvalue()


def test_the_committed_description_is_that_of_the_code(generated):
    assert generated == COMMITTED.read_text(), (
        "run: python manage.py spectacular --file docs/openapi.yaml"
    )


def test_every_address_of_the_api_is_described(generated):
    described = {re.sub(r"\{\w+\}", "*", path) for path in yaml.safe_load(generated)["paths"]}
    addresses = [
        "/api/v1/" + re.sub(r"<[^>]+>", "*", str(pattern.pattern))
        for resolver in get_resolver().url_patterns
        if str(resolver.pattern) == "api/v1/"
        for pattern in resolver.url_patterns
    ]
    assert len(addresses) > 30
    assert [address for address in addresses if address not in described] == []


def test_each_operation_says_how_it_is_refused(generated):
    for path, operations in yaml.safe_load(generated)["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403"} <= set(operation["responses"]), (path, method)


def test_the_description_is_for_signed_in_people(api, db, olu):
    assert api().get("/api/schema/").status_code == 401
    assert api().get("/api/docs/").status_code == 302
    assert api(olu).get("/api/schema/").status_code == 200
    page = api(olu).get("/api/docs/")
    assert page.status_code == 200
    body = page.content.decode()
    assert "<script>" not in body
    assert "style=" not in body
    assert "//cdn" not in body
