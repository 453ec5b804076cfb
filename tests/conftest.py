"""The people and the few makers that every test may want."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from cases import permissions
from cases.models import Account, Case, Decision, User


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Tests in real transactions empty their tables, the append-only ones among them."""
    options = connection.settings_dict["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c portal.allow_truncate=on".strip()


@pytest.fixture(autouse=True)
def _denials_apart(request, settings):
    """A second connection sees only what is committed: real transactions use it, others do not."""
    marker = request.node.get_closest_marker("django_db")
    real = marker is not None and marker.kwargs.get("transaction", False)
    settings.AUDIT_DENIALS_APART = real or "transactional_db" in request.fixturenames


@pytest.fixture
def person(db):
    """Make somebody with a role (a group of `cases.permissions`), or with none."""

    def make(username: str, role: str | None = None) -> User:
        user = User.objects.create_user(
            username=username,
            email=f"{username}@example.com",
            password="correct horse battery",
            display_name=username.capitalize(),
        )
        if role:
            if not Group.objects.filter(name=role).exists():  # a test before emptied all tables
                permissions.sync_roles()
            user.groups.add(Group.objects.get(name=role))
        return user

    return make


@pytest.fixture
def sign_in(client):
    """Sign somebody in as if they had just given their password: step-up asks nothing."""

    def sign(user: User, *, ago: float = 0):
        client.force_login(user)
        session = client.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time() - ago, "username": user.username}
        ]
        session.save()
        return client

    return sign


@pytest.fixture
def rita(person):
    return person("rita", "analyst")


@pytest.fixture
def ana(person):
    return person("ana", "senior")


@pytest.fixture
def sam(person):
    return person("sam", "officer")


@pytest.fixture
def kim(person):
    return person("kim", "officer")


@pytest.fixture
def lee(person):
    return person("lee", "legal")


@pytest.fixture
def dee(person):
    return person("dee", "engineer")


@pytest.fixture
def aud(person):
    return person("aud", "auditor")


@pytest.fixture
def adm(person):
    return person("adm", "administrator")


@pytest.fixture
def olu(person):
    return person("olu")


@pytest.fixture
def make_account(db):
    """Make an account; the reference is invented when none is given."""

    def make(ref: str | None = None, **fields) -> Account:
        ref = ref or f"fl-{Account.objects.count() + 1:06d}"
        return Account.objects.create(ref=ref, **{"kind": "freelancer", **fields})

    return make


@pytest.fixture
def make_case(make_account):
    """Make a case in any state, with what that state needs filled in."""

    def make(state: str = "open", *, account: Account | None = None, **fields) -> Case:
        now = timezone.now()
        values = {
            "account": account or make_account(),
            "typology_code": "dprk_itw",
            "state": state,
            "state_since": now,
            "opened_at": now,
            "due_at": now + timedelta(days=2),
            "score_at_opening": Decimal("8.00"),
            **fields,
        }
        held = state in ("in_review", "in_compliance")
        if held and values.get("assignee") and "claimed_until" not in values:
            values["claimed_until"] = now + timedelta(minutes=15)
        if state in ("escalated", "in_compliance"):
            values.setdefault("queue", "compliance")
        if state == "closed":
            values.setdefault("closed_at", now)
            values.setdefault("outcome", "cleared")
        if "ref" not in values:
            with connection.cursor() as cursor:
                cursor.execute("SELECT cases_next_ref()")
                values["ref"] = cursor.fetchone()[0]
        case = Case.objects.create(**values)
        if case.outcome in ("restricted", "offboarded"):
            decided_by_two(case)
        return case

    return make


def decided_by_two(case: Case) -> None:
    """What the database wants to see behind an adverse outcome."""
    first, second = (
        User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.com"})[0]
        for name in ("earlier-proposer", "earlier-approver")
    )
    Decision.objects.create(
        case=case,
        outcome=case.outcome,
        reason_code="identity_unconfirmed",
        reason="earlier",
        digest="0" * 64,
        score=case.score_at_opening,
        state="approved",
        proposed_by=first,
        proposed_at=case.opened_at,
        approved_by=second,
        approved_at=case.closed_at or case.state_since,
    )
