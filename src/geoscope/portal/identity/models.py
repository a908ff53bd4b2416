"""What a sign-in gave out: codes and tokens by their digests, in families that end together."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import ClassVar, Self

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.db import models

from geoscope.portal.accounts.models import User


class TokenFamily(models.Model):
    """What came from one sign-in of a user at a client: the code, then tokens and their successors."""

    id: models.UUIDField[uuid.UUID, uuid.UUID] = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user: models.ForeignKey[User, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE
    )
    session_key: models.CharField[str, str] = models.CharField(
        max_length=40,
        blank=True,
        db_index=True,
        help_text="The browser session that it ends with; empty: none.",
    )
    authenticated: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    methods: models.JSONField[list[str], list[str]] = models.JSONField(default=list)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """As the admin pages call it."""

        verbose_name_plural = "token families"

    def __str__(self) -> str:
        return f"sign-in of {self.user}"


class IssuedToken(models.Model):
    """A code or token that was given out; each code and refresh token is spent once."""

    digest: models.CharField[str, str] = models.CharField(max_length=64, primary_key=True)
    family: models.ForeignKey[TokenFamily, TokenFamily] = models.ForeignKey(
        TokenFamily, on_delete=models.CASCADE, related_name="tokens"
    )
    expires: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)
    spent: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return f"token {self.digest[:8]}"


class KeyTerms(models.Model):
    """What is kept of a user's key beside its client; without it, a key does all and is good for ever."""

    client: models.OneToOneField[Client, Client] = models.OneToOneField(
        Client, on_delete=models.CASCADE, primary_key=True, related_name="terms"
    )
    only_reads: models.BooleanField[bool, bool] = models.BooleanField(
        default=False, help_text="Good for reading data alone."
    )
    until: models.DateField[date | None, date | None] = models.DateField(
        null=True, db_index=True, help_text="The last day, in UTC; empty: until it is revoked."
    )
    last_used: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """As the admin pages call it."""

        verbose_name_plural = "terms of keys"

    def __str__(self) -> str:
        return f"terms of the key {self.client}"
