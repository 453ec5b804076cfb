"""Who may do what: seven roles, and the one question that every verb asks.

A role is a Django group; its rights are the table below. The group's rows are made by a migration
and brought in line with the table by `manage.py sync_roles`. Duties are kept apart: who manages
people sees no case, who builds detectors sees no identity, who audits writes nothing.
"""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model

from cases import audit
from cases.models import User

VIEW = "cases.view_case"
REVIEW = "cases.review_case"
APPROVE = "cases.approve_case"
COMPLY = "cases.comply_case"
LEGAL = "cases.legal_case"
READ_RESTRICTED = "cases.read_restricted_case"
AUDIT = "cases.audit_case"
REVEAL = "cases.reveal_person"
EXPORT = "cases.export_case"
MANAGE_PEOPLE = "cases.manage_people"
VIEW_PEOPLE = "cases.view_user"
VIEW_POLICY = "cases.view_policy"
VIEW_WEBHOOKS = "cases.view_webhookendpoint"
MANAGE_WEBHOOKS = "cases.manage_webhook"
REPLAY_WEBHOOKS = "cases.replay_webhook"
VIEW_DETECTORS = "signals.view_detector"
MANAGE_DETECTORS = "signals.manage_detector"

# The model that each right belongs to, for making its row where Django has not made it yet.
SUBJECTS = {
    VIEW: "case",
    REVIEW: "case",
    APPROVE: "case",
    COMPLY: "case",
    LEGAL: "case",
    READ_RESTRICTED: "case",
    AUDIT: "case",
    REVEAL: "case",
    EXPORT: "case",
    MANAGE_PEOPLE: "case",
    VIEW_PEOPLE: "user",
    VIEW_POLICY: "policy",
    VIEW_WEBHOOKS: "webhookendpoint",
    MANAGE_WEBHOOKS: "webhookendpoint",
    REPLAY_WEBHOOKS: "webhookendpoint",
    VIEW_DETECTORS: "detector",
    MANAGE_DETECTORS: "detector",
}

_READ_CASES = {VIEW, VIEW_POLICY, VIEW_DETECTORS}
ROLES: dict[str, frozenset[str]] = {
    "analyst": frozenset({*_READ_CASES, REVIEW, REVEAL}),
    "senior": frozenset({*_READ_CASES, REVIEW, APPROVE, REVEAL, EXPORT}),
    "officer": frozenset(
        {*_READ_CASES, APPROVE, COMPLY, READ_RESTRICTED, REVEAL, EXPORT}
        | {VIEW_WEBHOOKS, REPLAY_WEBHOOKS}
    ),
    "legal": frozenset({*_READ_CASES, LEGAL, READ_RESTRICTED, REVEAL, EXPORT}),
    "engineer": frozenset({VIEW_DETECTORS, MANAGE_DETECTORS, VIEW_POLICY}),
    "auditor": frozenset(
        {*_READ_CASES, AUDIT, READ_RESTRICTED, EXPORT, REVEAL, VIEW_PEOPLE, VIEW_WEBHOOKS}
    ),
    "administrator": frozenset(
        {MANAGE_PEOPLE, VIEW_PEOPLE, VIEW_POLICY, VIEW_DETECTORS}
        | {VIEW_WEBHOOKS, MANAGE_WEBHOOKS, REPLAY_WEBHOOKS}
    ),
}


# Who a right is for, as a refusal says it.
_FOR = {
    VIEW: "people who work on cases",
    REVIEW: "analysts",
    APPROVE: "seniors and compliance officers",
    COMPLY: "compliance officers",
    LEGAL: "legal",
    AUDIT: "auditors",
    REVEAL: "people who may reveal personal data",
    EXPORT: "people who may export",
    MANAGE_PEOPLE: "administrators",
    VIEW_PEOPLE: "administrators and auditors",
    VIEW_POLICY: "people who read the policy",
    VIEW_WEBHOOKS: "officers, auditors and administrators",
    MANAGE_WEBHOOKS: "administrators",
    REPLAY_WEBHOOKS: "officers and administrators",
    VIEW_DETECTORS: "people who read detectors",
    MANAGE_DETECTORS: "detector engineers",
}


class Denied(PermissionDenied):
    """This person may not do this. Pages and the API answer 403."""


def require(actor: User | None, permission: str, *, obj: Model | None = None) -> None:
    """Raise `Denied` unless `actor` has the right now. `None` is the portal itself and may.

    The refusal is recorded so that it outlives the transaction which it ends.
    """
    if actor is None or allows(actor, permission):
        return
    refuse(actor, permission, obj=obj)


def refuse(actor: User | None, what: str, *, obj: Model | None = None, because: str = "") -> None:
    """Record that `actor` was refused `what`, and raise `Denied`."""
    audit.denied(actor, what, obj=obj, **({"because": because} if because else {}))
    raise Denied(because or f"{actor} may not do this: it is for {_FOR.get(what, what)}.")


def allows(user: User, permission: str) -> bool:
    """Whether the roles of `user` give `permission` and the person is still with us."""
    return bool(user.is_authenticated and user.is_active and user.has_perm(permission))


def is_officer(user: User) -> bool:
    """Whether `user` decides as a sanctions compliance officer."""
    return allows(user, COMPLY)


def can_see_compliance(user: User) -> bool:
    """Whether `user` stands behind the wall: officers, legal and auditors."""
    return bool(user.is_authenticated and user.is_active and user.sees_compliance)


def roles_of(user: User) -> list[str]:
    """The names of the roles of `user`, in the order of the table."""
    held = set(user.groups.values_list("name", flat=True))
    return [role for role in ROLES if role in held]


@transaction.atomic
def sync_roles() -> list[str]:
    """Bring the role groups in line with the table; say what was changed. Safe to run again."""
    changed = []
    for role, wanted in ROLES.items():
        group, made = Group.objects.get_or_create(name=role)
        rows = {_permission(name) for name in wanted}
        held = set(group.permissions.all())
        if made or rows != held:
            group.permissions.set(rows)
            changed.append(role)
    return changed


def _permission(name: str) -> Permission:
    app, codename = name.split(".")
    subject, _ = ContentType.objects.get_or_create(app_label=app, model=SUBJECTS[name])
    row, _ = Permission.objects.get_or_create(
        content_type=subject, codename=codename, defaults={"name": codename.replace("_", " ")}
    )
    return row
