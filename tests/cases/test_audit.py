"""`cases.audit`: events are written with the change, only added to, and seen by who may."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from cases import audit, context, grants
from cases.models import AuditEvent


@pytest.mark.django_db
def test_an_event_says_who_did_what_to_which_case(rita, make_case):
    case = make_case()

    with context.from_ip("192.0.2.7"):
        event = audit.record("claim", actor=rita, case=case, note="mine", before="open", n=1)

    event.refresh_from_db()
    assert (event.verb, event.actor, event.actor_name) == ("claim", rita, "Rita")
    assert (event.case, event.account, event.object_ref) == (case, case.account, case.ref)
    assert (event.note, event.data) == ("mine", {"before": "open", "n": 1})
    assert (event.ip, event.wall) == ("192.0.2.7", False)


@pytest.mark.django_db
def test_the_portal_itself_has_a_name_and_no_person():
    event = audit.record("open", actor=None)
    assert (event.actor, event.actor_name) == (None, "portal")


@pytest.mark.django_db
def test_the_database_gives_the_transaction_and_the_time():
    event = audit.record("open", actor=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint, statement_timestamp()")
        txid, now = cursor.fetchone()
    assert event.txid == txid
    assert abs((now - event.at).total_seconds()) < 5


@pytest.mark.django_db
def test_what_the_database_cannot_store_is_made_storable():
    event = audit.record(
        "note",
        actor=None,
        note="a\x00b\ud800",
        data_of={"k\x00": ["\x00", Decimal("1.50"), UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC)]},
    )
    event.refresh_from_db()
    assert event.note == "a\ufffdb?"
    assert event.data["data_of"]["k\ufffd"][:2] == ["\ufffd", "1.50"]


@pytest.mark.django_db
def test_many_events_cost_one_statement(rita, make_case, django_assert_num_queries):
    case = make_case()
    rows = [
        {"verb": "score", "actor": None, "case": case, "data": {"i": i}, "wall": i % 2 == 0}
        for i in range(300)
    ]
    with django_assert_num_queries(1):
        assert audit.record_many(rows) == 300
    assert AuditEvent.objects.filter(wall=True).count() == 150


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases_auditevent SET note = 'x'",
        "UPDATE cases_auditevent SET note = 'x' WHERE false",
        "DELETE FROM cases_auditevent",
        "TRUNCATE cases_auditevent",
        "TRUNCATE cases_auditevent CASCADE",
        "INSERT INTO cases_auditevent (id, txid, at, verb, actor_name, object_type, object_ref, "
        "note, data, wall, request_id) OVERRIDING SYSTEM VALUE SELECT id, txid, at, 'x', '', '', "
        "'', '', '{}', false, '' FROM cases_auditevent ON CONFLICT (id) DO UPDATE SET verb = 'x'",
    ],
)
def test_the_database_refuses_to_change_or_remove_an_event(statement):
    audit.record("open", actor=None, note="first")

    def run():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL portal.allow_truncate = off")
            cursor.execute(statement)

    with pytest.raises(DatabaseError, match="append-only"):
        run()

    assert AuditEvent.objects.get().note == "first"


@pytest.mark.django_db
def test_what_an_event_points_to_cannot_be_deleted(rita, make_case):
    case = make_case()
    audit.record("claim", actor=rita, case=case)

    with pytest.raises(ProtectedError):
        rita.delete()
    with pytest.raises(ProtectedError):
        case.delete()


@pytest.mark.django_db
def test_the_applications_role_can_only_add_to_the_trail():
    call_command("grant_app_role", "portal_app_under_test", "--create")
    try:
        audit.record("open", actor=None)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE portal_app_under_test")
            assert audit.record("open", actor=None).pk
            assert AuditEvent.objects.count() == 2
            for statement in (
                "UPDATE cases_auditevent SET note = 'x'",
                "DELETE FROM cases_auditevent",
                "TRUNCATE cases_auditevent",
                "ALTER TABLE cases_auditevent DISABLE TRIGGER append_only",
                "TRUNCATE cases_case CASCADE",
            ):
                with (
                    pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
                    transaction.atomic(),
                ):
                    cursor.execute(statement)
            cursor.execute("RESET ROLE")
    finally:
        connection.set_rollback(True)
    assert "cases_auditevent" in grants.APPEND_ONLY


@pytest.mark.django_db
def test_an_event_goes_when_its_change_goes():
    with transaction.atomic():
        audit.record("open", actor=None)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_a_read_that_cannot_be_recorded_is_not_granted(rita, make_account):
    account = make_account()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE cases_auditevent ADD CONSTRAINT full_disk CHECK (verb <> 'read')"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        audit.read(rita, account, "e-mail", reason="to call back")


@pytest.mark.django_db
def test_reads_and_exports_name_what_was_seen_and_why(aud, make_account, make_case):
    account = make_account()
    read = audit.read(aud, account, "e-mail", reason="sample")
    sent = audit.exported(aud, make_case(account=account), "cases", count=3, reason="yearly")

    assert (read.verb, read.account, read.note, read.data) == (
        "read", account, "sample", {"what": "e-mail"},
    )  # fmt: skip
    assert (sent.verb, sent.data) == ("exported", {"what": "cases", "count": 3})


@pytest.mark.django_db
def test_who_sees_which_events(rita, sam, lee, aud, adm, dee, olu, make_case):
    plain, secret = make_case(), make_case(restricted=True)
    names = ("open", "wall", "secret", "person")
    audit.record("open", actor=None, case=plain)
    audit.record("wall", actor=None, case=plain, wall=True)
    audit.record("secret", actor=None, case=secret)
    audit.record("person", actor=adm, obj=rita)

    def seen(user):
        verbs = set(AuditEvent.objects.visible_to(user).values_list("verb", flat=True))
        return [name for name in names if name in verbs]

    assert seen(rita) == ["open"]
    assert seen(aud) == list(names)
    for behind_the_wall in (sam, lee):
        assert seen(behind_the_wall) == ["open", "wall", "secret"]
    assert seen(adm) == ["person"]
    assert seen(dee) == seen(olu) == []
    audit.record("sign_in", actor=rita, obj=rita)
    assert AuditEvent.objects.visible_to(rita).filter(verb="sign_in").exists()
    assert not AuditEvent.objects.visible_to(sam).filter(verb="sign_in").exists()


@pytest.mark.django_db
def test_the_canonical_form_is_stable_and_covers_every_column(rita, make_case):
    event = audit.record("claim", actor=rita, case=make_case(), note="é", b=1, a={"z": 1, "y": 2})
    stored = AuditEvent.objects.get(pk=event.pk)

    form = audit.canonical(stored)

    assert form == audit.canonical(AuditEvent.objects.get(pk=event.pk))
    assert form.startswith(b'{"account":')
    assert b'"a":{"y":2,"z":1},"b":1' in form
    for field in AuditEvent._meta.concrete_fields:
        assert f'"{field.name}":'.encode() in form
