"""The people who work here: who joins, with which roles, and how one leaves.

Every verb is for who manages people, and nobody manages themselves: a role is given by somebody
else. Duties that check each other are never held by one person.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from cases import audit, permissions
from cases.models import ApiToken, User
from cases.text import storable

# Each of these is held alone: who audits or administers takes no part, who builds detectors sees
# no case.
ALONE = frozenset({"auditor", "administrator", "engineer"})


class NotPossible(Exception):
    """What was asked for would leave the portal without order among its people."""


@transaction.atomic
def create(
    username: str,
    *,
    actor: User | None,
    email: str,
    display_name: str = "",
    roles: Collection[str] = (),
    password: str | None = None,
) -> User:
    """A new person with `roles`. Without a password they set one by `invitation`."""
    permissions.require(actor, permissions.MANAGE_PEOPLE)
    _check_roles(roles)
    username, email = storable(username.strip()), storable(email.strip())
    user = User(username=username, email=email, display_name=storable(display_name.strip()))
    User.username_validator(username)
    validate_email(email)
    if User.objects.filter(Q(username__iexact=username) | Q(email__iexact=email)).exists():
        raise ValidationError("Somebody with this name or e-mail address is here already.")
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
    user.is_staff = "administrator" in roles
    user.save()
    user.groups.set(_groups(roles))
    audit.record("person.create", actor=actor, obj=user, roles=sorted(roles))
    return user


def invitation(user: User, *, actor: User | None) -> str:
    """The path at which `user` sets a password: works once and for a few days."""
    permissions.require(actor, permissions.MANAGE_PEOPLE)
    if not user.is_active:
        raise NotPossible("this person is not active")
    audit.record("person.invite", actor=actor, obj=user)
    return reverse(
        "account_reset_password_from_key",
        kwargs={
            "uidb36": user_pk_to_url_str(user),
            "key": default_token_generator.make_token(user),
        },
    )


@transaction.atomic
def change_roles(user: User, roles: Collection[str], *, actor: User | None) -> User:
    """Give `user` exactly `roles`, from the next request on."""
    row = _managed(user, actor)
    _check_roles(roles)
    before = permissions.roles_of(row)
    if set(before) == set(roles):
        return row
    if "administrator" in before and "administrator" not in roles:
        _check_not_last(row)
    row.groups.set(_groups(roles))
    row.is_staff = "administrator" in roles
    row.save(update_fields=["is_staff"])
    audit.record("person.roles", actor=actor, obj=row, before=before, after=sorted(roles))
    return row


@transaction.atomic
def deactivate(user: User, *, actor: User | None, note: str = "") -> User:
    """Out at the next request: sessions end, tokens end, nobody can sign in as this person.

    What the person holds stays as it is: claims run out by themselves, holds do not.
    """
    row = _managed(user, actor)
    if not row.is_active:
        return row
    if "administrator" in permissions.roles_of(row):
        _check_not_last(row)
    row.is_active = False
    row.save(update_fields=["is_active"])
    tokens = ApiToken.objects.filter(user=row, revoked_at=None).update(revoked_at=timezone.now())
    _end_sessions(row)
    audit.record("person.deactivate", actor=actor, obj=row, note=note, tokens=tokens)
    return row


@transaction.atomic
def activate(user: User, *, actor: User | None, note: str = "") -> User:
    """Let a person back in, with the roles that they had. Tokens stay ended."""
    row = _managed(user, actor)
    if row.is_active:
        return row
    row.is_active = True
    row.save(update_fields=["is_active"])
    audit.record("person.activate", actor=actor, obj=row, note=note)
    return row


@transaction.atomic
def reset_second_factor(user: User, *, actor: User | None, note: str = "") -> int:
    """Forget the authenticator apps, passkeys and codes of `user`, who makes new ones next time."""
    row = _managed(user, actor)
    forgotten, _ = Authenticator.objects.filter(user=row).delete()
    _end_sessions(row)
    audit.record("person.second_factor_reset", actor=actor, obj=row, note=note, count=forgotten)
    return forgotten


@transaction.atomic
def end_sessions(user: User, *, actor: User) -> None:
    """Sign `user` out everywhere: one's own sessions, or anybody's for who manages people."""
    if actor.pk != user.pk:
        permissions.require(actor, permissions.MANAGE_PEOPLE, obj=user)
    row = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    _end_sessions(row)
    audit.record("person.sessions_ended", actor=actor, obj=row)


def last_seen(user: User) -> datetime | None:
    """When the person last signed in."""
    return user.last_login


def _end_sessions(row: User) -> None:
    # The epoch is part of what each session was signed with: no session of the old one is valid,
    # wherever it is stored.
    User.objects.filter(pk=row.pk).update(session_epoch=F("session_epoch") + 1)
    for session in UserSession.objects.filter(user_id=row.pk):
        session.end()


def _managed(user: User, actor: User | None) -> User:
    permissions.require(actor, permissions.MANAGE_PEOPLE, obj=user)
    if actor is not None and actor.pk == user.pk:
        permissions.refuse(
            actor, permissions.MANAGE_PEOPLE, obj=user, because="Nobody manages themselves."
        )
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _check_roles(roles: Collection[str]) -> None:
    unknown = set(roles) - permissions.ROLES.keys()
    if unknown:
        raise NotPossible(f"there is no role {sorted(unknown)[0]!r}")
    alone = set(roles) & ALONE
    if alone and len(set(roles)) > 1:
        raise NotPossible(f"who is {sorted(alone)[0]} holds no other role")
    if {"analyst", "officer"} <= set(roles) or {"senior", "officer"} <= set(roles):
        raise NotPossible("who escalates to compliance does not decide there")


def _check_not_last(row: User) -> None:
    # Locked in one order, so that two who remove each other do not both succeed.
    admins = (
        User.objects.select_for_update(no_key=True)
        .filter(is_active=True, groups__name="administrator")
        .order_by("pk")
    )
    if not [each for each in admins if each.pk != row.pk]:
        raise NotPossible("somebody must be left who manages people")


def _groups(roles: Collection[str]) -> list[Group]:
    groups = list(Group.objects.filter(name__in=roles))
    if len(groups) != len(set(roles)):
        raise NotPossible("the role groups are missing: run `manage.py sync_roles`")
    return groups
