"""Users of the object store, and their keys. The secrets lie in the object store alone."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from geoscope.portal.accounts.models import User


class Home(models.Model):
    """That somebody uses the object store: there is a bucket of theirs, and a policy that opens it."""

    user: models.OneToOneField[User, User] = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="home"
    )
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return f"home of {self.user}"


class StorageKey(models.Model):
    """A key that opens the buckets of a user until it is revoked."""

    access_key: models.CharField[str, str] = models.CharField(max_length=20, primary_key=True)
    user: models.ForeignKey[User, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="storage_keys"
    )
    name: models.CharField[str, str] = models.CharField(max_length=60)
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    until: models.DateField[date | None, date | None] = models.DateField(
        null=True, db_index=True, help_text="The last day, in UTC; empty: until it is revoked."
    )

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """Oldest first."""

        ordering = ("created",)

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
