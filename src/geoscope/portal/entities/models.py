"""Entities, their members, and invitations to them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import User

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

slug_is_plain = RegexValidator(
    r"^[a-z][a-z0-9-]{1,38}[a-z0-9]\Z",
    _("Use 3 to 40 small letters, digits and hyphens; begin with a letter."),
)


class Entity(models.Model):
    """An organisation or a project; what is granted to it, all its members have.

    Buckets, collections and tokens carry its short name: it never changes, and is never given again.
    """

    slug: models.CharField[str, str] = models.CharField(
        _("short name"), max_length=40, primary_key=True, validators=[slug_is_plain]
    )
    title: models.CharField[str, str] = models.CharField(_("name"), max_length=120)
    description: models.TextField[str, str] = models.TextField(_("description"), max_length=2000)
    website: models.URLField[str, str] = models.URLField(_("website"), blank=True)
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    closed: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        null=True, blank=True, help_text=_("Since when its members have nothing from it any more.")
    )

    memberships: RelatedManager[Membership]
    invitations: RelatedManager[Invitation]
    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """By name."""

        ordering = ("title",)
        verbose_name_plural = _("entities")

    def __str__(self) -> str:
        return self.title


class Place(models.TextChoices):
    """What somebody is in an entity."""

    MEMBER = "member", _("member")
    ADMINISTRATOR = "administrator", _("administrator")


class Membership(models.Model):
    """That somebody belongs to an entity."""

    entity: models.ForeignKey[Entity, Entity] = models.ForeignKey(
        Entity, on_delete=models.CASCADE, related_name="memberships"
    )
    user: models.ForeignKey[User, User] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    place: models.CharField[str, str] = models.CharField(max_length=13, choices=Place, default=Place.MEMBER)
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """Once in each."""

        ordering = ("place", "since")
        constraints = [models.UniqueConstraint(fields=["entity", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.entity}"

    @property
    def is_administrator(self) -> bool:
        """Whether they manage its members."""
        return self.place == Place.ADMINISTRATOR


class Invitation(models.Model):
    """A code that makes somebody a member. Only its digest is kept."""

    digest: models.CharField[str, str] = models.CharField(max_length=64, unique=True)
    entity: models.ForeignKey[Entity, Entity] = models.ForeignKey(
        Entity, on_delete=models.CASCADE, related_name="invitations"
    )
    email: models.EmailField[str, str] = models.EmailField(
        blank=True, help_text=_("Who alone may use it; empty: whoever has the code.")
    )
    invited_by: models.CharField[str, str] = models.CharField(max_length=150)
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    expires: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_index=True)
    uses_left: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(default=1)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """Newest first."""

        ordering = ("-created",)

    def __str__(self) -> str:
        return f"invitation to {self.entity}"


def entities_of(user: User) -> models.QuerySet[Entity]:
    """Return the entities that somebody belongs to and that are not closed."""
    return Entity.objects.filter(closed=None, memberships__user=user)
