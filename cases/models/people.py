"""The people who work in the portal."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in. Rights come from role groups (`cases.permissions`), never from here.

    Deleting a person is not possible once they did anything: what they did refers to them.
    """

    display_name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    preferences = models.JSONField(default=dict, blank=True)

    class Meta(AbstractUser.Meta):
        pass

    def __str__(self) -> str:
        return self.display_name or self.get_full_name() or self.username
