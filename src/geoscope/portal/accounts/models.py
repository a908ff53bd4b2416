"""Users, and the links that sign them in once."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person with an account; the names of their groups are their roles."""


class LoginLink(models.Model):
    """A link that signs one user in, once. Only the digest of its token is kept."""

    token_digest: models.CharField[str, str] = models.CharField(max_length=64, primary_key=True)
    user: models.ForeignKey[User, User] = models.ForeignKey(User, on_delete=models.CASCADE)
    expires: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return f"login link of {self.user}"


class FailedLogin(models.Model):
    """A try with a link that does not exist (any more)."""

    address: models.GenericIPAddressField[str, str] = models.GenericIPAddressField()
    at: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """Counted by address and time."""

        indexes = [models.Index(fields=["address", "at"])]

    def __str__(self) -> str:
        return f"{self.address} at {self.at.isoformat()}"
