"""`cases.permissions`: who may do what, and what is left of an attempt that was refused."""

from importlib import import_module

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.core.management import call_command
from django.db import transaction

from cases import permissions
from cases.models import AuditEvent, Case, User

WORK = {permissions.REVIEW, permissions.APPROVE, permissions.COMPLY, permissions.LEGAL}


def test_the_migration_makes_what_the_table_says():
    made = import_module("cases.migrations.0004_role_groups")
    for role, rights in permissions.ROLES.items():
        assert set(made.ROLES[role].split()) == {name.split(".")[1] for name in rights}
    assert made.ROLES.keys() == permissions.ROLES.keys()
    for name, model in permissions.SUBJECTS.items():
        app, codename = name.split(".")
        assert {"cases": made.CASES, "signals": made.SIGNALS}[app][codename] == model


@pytest.mark.django_db
def test_syncing_mends_a_group_that_was_changed_by_hand(adm):
    permissions.sync_roles()
    group = Group.objects.get(name="administrator")
    group.permissions.add(Permission.objects.get(codename="view_case"))
    Group.objects.get_or_create(name="analyst")[0].permissions.clear()

    call_command("sync_roles")

    assert permissions.sync_roles() == []
    assert not User.objects.get(pk=adm.pk).has_perm(permissions.VIEW)


def test_duties_are_kept_apart():
    roles = permissions.ROLES
    for role in ("administrator", "engineer"):
        assert not roles[role] & {permissions.VIEW, permissions.REVEAL, permissions.EXPORT, *WORK}
    assert not roles["auditor"] & {*WORK, permissions.MANAGE_PEOPLE, permissions.MANAGE_WEBHOOKS}
    assert not roles["analyst"] & {permissions.APPROVE, permissions.READ_RESTRICTED}
    for role in roles.keys() - {"officer"}:
        assert permissions.COMPLY not in roles[role]
    for role in roles.keys() - {"administrator"}:
        assert permissions.MANAGE_PEOPLE not in roles[role]


@pytest.mark.django_db
def test_being_a_superuser_opens_nothing(make_case):
    make_case()
    root = User.objects.create_superuser("root", password="correct horse")

    assert not root.has_perm(permissions.VIEW)
    assert not root.has_perms([permissions.APPROVE])
    assert not root.get_all_permissions()
    assert not Case.objects.visible_to(root).exists()
    with pytest.raises(permissions.Denied):
        permissions.require(root, permissions.APPROVE)


@pytest.mark.django_db
def test_a_right_given_to_the_person_instead_of_a_role_opens_nothing(olu):
    olu.user_permissions.add(Permission.objects.get(codename="approve_case"))

    assert not permissions.allows(User.objects.get(pk=olu.pk), permissions.APPROVE)


@pytest.mark.django_db
def test_somebody_who_left_may_do_nothing(rita):
    rita.is_active = False
    rita.save()

    assert not permissions.allows(User.objects.get(pk=rita.pk), permissions.REVIEW)


def test_a_stranger_may_do_nothing():
    assert not permissions.allows(AnonymousUser(), permissions.VIEW)
    assert not permissions.can_see_compliance(AnonymousUser())


def test_the_portal_itself_may_do_everything():
    permissions.require(None, permissions.APPROVE)


@pytest.mark.django_db
def test_only_compliance_legal_and_auditors_stand_behind_the_wall(
    rita, ana, sam, lee, aud, dee, adm, olu
):
    seeing = [u for u in (rita, ana, sam, lee, aud, dee, adm, olu) if u.sees_compliance]
    assert seeing == [sam, lee, aud]
    assert permissions.is_officer(sam)
    assert not permissions.is_officer(aud)


@pytest.mark.django_db(transaction=True)
def test_a_refused_attempt_is_recorded_although_its_transaction_rolls_back(rita, make_case):
    case = make_case()

    @transaction.atomic
    def attempt():
        Case.objects.filter(pk=case.pk).update(severity=4)
        permissions.require(rita, permissions.APPROVE, obj=case)

    with pytest.raises(permissions.Denied):
        attempt()

    case.refresh_from_db()
    assert case.severity == 2
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.case, event.account) == (
        "denied",
        rita,
        case,
        case.account,
    )
    assert event.data == {"what": "cases.approve_case"}


@pytest.mark.django_db(transaction=True)
def test_a_refused_attempt_is_recorded_even_while_its_case_is_locked_by_ourselves(rita, make_case):
    case = make_case()

    @transaction.atomic
    def attempt():
        Case.objects.select_for_update().get(pk=case.pk)
        permissions.require(rita, permissions.APPROVE, obj=case)

    with pytest.raises(permissions.Denied):
        attempt()

    event = AuditEvent.objects.get()
    assert (event.verb, event.actor_name, event.object_ref) == ("denied", "Rita", case.ref)
    assert event.data["actor"] == rita.pk


@pytest.mark.django_db
def test_a_change_of_role_counts_from_the_next_request(client, adm, rita):
    client.force_login(rita)
    assert User.objects.get(pk=rita.pk).has_perm(permissions.REVIEW)

    rita.groups.clear()

    assert not User.objects.get(pk=rita.pk).has_perm(permissions.REVIEW)
