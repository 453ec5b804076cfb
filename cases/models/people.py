"""The people who work in the portal."""

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property


class UserQuerySet(models.QuerySet):
    def visible_to(self, user):
        """The people `user` may look up with their roles; everybody may look up themselves."""
        if not user.is_active:
            return self.none()
        if user.has_perm("cases.view_user"):
            return self
        return self.filter(pk=user.pk)


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):
    """Django's way to make people, with our way to look them up."""


class User(AbstractUser):
    """A person who signs in. Rights come from role groups (`cases.permissions`), never from here.

    Deleting a person is not possible once they did anything: what they did refers to them.
    """

    display_name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    preferences = models.JSONField(default=dict, blank=True)
    session_epoch = models.PositiveIntegerField(
        default=0, help_text="Counting it up ends every session of this person"
    )

    objects = UserManager()

    class Meta(AbstractUser.Meta):
        pass

    def __str__(self) -> str:
        return self.display_name or self.get_full_name() or self.username

    @cached_property
    def role_permissions(self) -> frozenset[str]:
        """`app.codename` of all that this person's roles give. Read once per request."""
        rows = self.groups.values_list(
            "permissions__content_type__app_label", "permissions__codename"
        )
        return frozenset(f"{app}.{codename}" for app, codename in rows if codename)

    def has_perm(self, perm, obj=None) -> bool:
        """Only what the roles give: being a superuser opens nothing by itself."""
        return self.is_active and perm in self.role_permissions

    def has_module_perms(self, app_label) -> bool:
        return self.is_active and any(
            perm.startswith(f"{app_label}.") for perm in self.role_permissions
        )

    def get_all_permissions(self, obj=None) -> set[str]:
        return set(self.role_permissions) if self.is_active else set()

    @property
    def sees_compliance(self) -> bool:
        """Whether this person stands behind the wall: officer, legal or auditor."""
        return any(
            self.has_perm(each)
            for each in ("cases.comply_case", "cases.legal_case", "cases.audit_case")
        )

    def get_session_auth_hash(self) -> str:
        return self._epoch_bound(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self):
        for value in super().get_session_auth_fallback_hash():
            yield self._epoch_bound(value)

    def _epoch_bound(self, value: str) -> str:
        return f"{value}.{self.session_epoch}"


class TokenQuerySet(models.QuerySet):
    def visible_to(self, user):
        """A person's own tokens, and nobody else's."""
        return self.filter(user=user) if user.is_active else self.none()

    def live(self):
        return self.filter(revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True)


class ApiToken(models.Model):
    """A person's key to the API: `prefix.secret`, of which only a hash is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    signs = models.BooleanField(
        default=False, help_text="Counts as a proof of identity: may sign as the second person"
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = TokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.prefix} ({self.name})"
