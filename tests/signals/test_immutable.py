"""What came in through the door stays as it came: the database itself refuses to change it."""

import pytest
from django.db import ProgrammingError, connection, transaction

from signals.models import ActivityEvent, Signal
from tests.signals.correlation import feed
from tests.signals.correlation.feed import finding, login

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _stored(db):
    feed.prepare()
    feed.post([finding("x", "login.vpn_exit"), login("x", ip="198.51.100.7")])


@pytest.mark.parametrize("model", [Signal, ActivityEvent])
@pytest.mark.parametrize("act", ["update", "delete", "truncate"])
def test_no_row_is_changed_or_removed(model, act):
    table = model._meta.db_table
    statement = {
        "update": f"UPDATE {table} SET data = '{{}}'",
        "delete": f"DELETE FROM {table}",
        "truncate": f"TRUNCATE {table} CASCADE",
    }[act]
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET LOCAL portal.allow_truncate = 'off'")
        cursor.execute(statement)
    assert model.objects.count() == 1


@pytest.mark.parametrize("model", [Signal, ActivityEvent])
def test_inserting_fires_nothing(model):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
            " AND tgtype & 4 <> 0",
            [model._meta.db_table],
        )
        assert cursor.fetchone()[0] == 0
