"""Users, and the links that sign them in once."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField


class User(AbstractUser):
    """A person with an account; the names of their groups are their roles.

    The user name is the subject of tokens and the owner of data: it never changes, and is never given again.
    """

    organisation: models.CharField[str, str] = models.CharField(_("organisation"), max_length=200, blank=True)
    country = CountryField(_("country"), blank=True)
    purpose: models.CharField[str, str] = models.CharField(_("purpose"), max_length=500, blank=True)
    language: models.CharField[str, str] = models.CharField(
        _("language"), max_length=10, blank=True, choices=settings.LANGUAGES
    )

    class Meta(AbstractUser.Meta):
        """Found by name or by e-mail address."""

        indexes = [models.Index(fields=["email"])]


class RetiredName(models.Model):
    """The name of an account that was deleted: what it owned must not fall to somebody else."""

    name: models.CharField[str, str] = models.CharField(max_length=150, primary_key=True)
    at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return self.name


class Terms(models.Model):
    """A version of the terms of use. Until there is one, nobody is asked to accept any."""

    version: models.CharField[str, str] = models.CharField(max_length=40, primary_key=True)
    text: models.TextField[str, str] = models.TextField(
        help_text=_("Paragraphs, with an empty line between.")
    )
    published: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """The newest counts."""

        ordering = ("-published",)
        verbose_name = verbose_name_plural = _("terms of use")

    def __str__(self) -> str:
        return self.version


class AcceptedTerms(models.Model):
    """That a user accepted a version, and when."""

    user: models.ForeignKey[User, User] = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="accepted_terms"
    )
    terms: models.ForeignKey[Terms, Terms] = models.ForeignKey(Terms, on_delete=models.PROTECT)
    at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """Accepted once."""

        constraints = [models.UniqueConstraint(fields=["user", "terms"], name="accepted_once")]

    def __str__(self) -> str:
        return f"{self.user} accepted {self.terms}"


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
