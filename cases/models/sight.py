"""Who sees which rows: the querysets behind `visible_to` of what hangs on cases and accounts.

The wall: what compliance, legal and auditors see and other readers of a case do not.
"""

from django.db import models
from django.db.models import Q

VIEW = "cases.view_case"
RESTRICTED = "cases.read_restricted_case"
BEHIND_THE_WALL = ("cases.comply_case", "cases.legal_case", "cases.audit_case")


def sees_compliance(user) -> bool:
    """Whether `user` stands behind the wall."""
    return user.is_active and any(user.has_perm(each) for each in BEHIND_THE_WALL)


class OfAccount(models.QuerySet):
    def visible_to(self, user):
        """Rows about accounts: for everybody who may read cases."""
        return self if user.is_active and user.has_perm(VIEW) else self.none()


class OfCase(models.QuerySet):
    def visible_to(self, user):
        """Rows of the cases that `user` may read; rows without a case go by the account."""
        if not (user.is_active and user.has_perm(VIEW)):
            return self.none()
        if user.has_perm(RESTRICTED):
            return self
        return self.filter(Q(case=None) | Q(case__restricted=False))


class WalledOfCase(OfCase):
    def visible_to(self, user):
        """As `OfCase`; rows behind the wall only for who stands there."""
        seen = super().visible_to(user)
        return seen if sees_compliance(user) else seen.filter(wall=False)


class ForCompliance(models.QuerySet):
    def visible_to(self, user):
        return self if sees_compliance(user) else self.none()


class OfPolicy(models.QuerySet):
    def visible_to(self, user):
        """The threat as data holds no person: for everybody with a role that reads policy."""
        return self if user.is_active and user.has_perm("cases.view_policy") else self.none()
