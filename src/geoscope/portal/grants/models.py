"""Requests for roles, quotas and entities, and what was decided on them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import User
from geoscope.portal.entities.models import Entity, entities_of

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


def today() -> date:
    """Return the day, in UTC."""
    return datetime.now(UTC).date()


class Kind(models.TextChoices):
    """What a request is for."""

    ROLE = "role", _("role")
    QUOTA = "quota", _("quota")
    ENTITY = "entity", _("entity")


class State(models.TextChoices):
    """How far a request is."""

    WAITING = "waiting", _("waiting for a decision")
    ASKED = "asked", _("waiting for your answer")
    GRANTED = "granted", _("granted")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("withdrawn")
    REVOKED = "revoked", _("revoked")
    LAPSED = "lapsed", _("lapsed")


OPEN_STATES = (State.WAITING, State.ASKED)


class Request(models.Model):
    """What somebody asks for, for whom and until when, and what they got.

    People stand in it by their user names, which are never given to anybody else: it outlives accounts.
    """

    kind: models.CharField[str, str] = models.CharField(max_length=6, choices=Kind)
    applicant: models.CharField[str, str] = models.CharField(
        _("applicant"), max_length=150, blank=True, db_index=True, help_text=_("Empty: it was allotted.")
    )
    holder: models.CharField[str, str] = models.CharField(
        _("user"), max_length=150, blank=True, db_index=True, help_text=_("The user who gets it.")
    )
    holder_entity: models.ForeignKey[Entity | None, Entity | None] = models.ForeignKey(
        Entity,
        verbose_name=_("entity"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="requests",
        help_text=_("The entity whose members get it."),
    )
    service: models.CharField[str, str] = models.CharField(max_length=42, blank=True, db_index=True)
    role: models.CharField[str, str] = models.CharField(max_length=61, blank=True)
    quota: models.CharField[str, str] = models.CharField(max_length=42, blank=True)
    proposal: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, blank=True, help_text=_("The entity that is asked for.")
    )
    purpose: models.TextField[str, str] = models.TextField(_("planned activities"))
    until: models.DateField[date | None, date | None] = models.DateField(_("until"), null=True, blank=True)

    state: models.CharField[str, str] = models.CharField(
        max_length=9, choices=State, default=State.WAITING, db_index=True
    )
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    due: models.DateField[date | None, date | None] = models.DateField(
        null=True, blank=True, help_text=_("When a decision, or an answer, is due.")
    )
    reminded: models.BooleanField[bool, bool] = models.BooleanField(default=False)

    granted_role: models.CharField[str, str] = models.CharField(max_length=61, blank=True)
    granted_quota: models.CharField[str, str] = models.CharField(max_length=42, blank=True)
    granted_until: models.DateField[date | None, date | None] = models.DateField(null=True, blank=True)

    decisions: RelatedManager[Decision]
    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """Oldest first, as they are decided."""

        ordering = ("created",)
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(kind=Kind.ENTITY, holder="", holder_entity=None)
                    | (~Q(kind=Kind.ENTITY) & ~Q(holder="") & Q(holder_entity=None))
                    | (~Q(kind=Kind.ENTITY) & Q(holder="") & Q(holder_entity__isnull=False))
                ),
                name="one_holder",
            )
        ]

    def __str__(self) -> str:
        return f"request {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody."""
        return self.state in OPEN_STATES

    @property
    def is_in_force(self) -> bool:
        """Whether it gives something today."""
        return self.state == State.GRANTED and (self.granted_until is None or self.granted_until >= today())

    @property
    def is_overdue(self) -> bool:
        """Whether it should have been decided or answered before today."""
        return self.is_open and self.due is not None and self.due < today()


def in_force() -> models.QuerySet[Request]:
    """Return the requests that give something today."""
    lasts = Q(granted_until=None) | Q(granted_until__gte=today())
    return Request.objects.filter(lasts, state=State.GRANTED)


def in_force_for(user: User) -> models.QuerySet[Request]:
    """Return what a user has been granted, and what their entities have."""
    return in_force().filter(Q(holder=user.get_username()) | Q(holder_entity__in=entities_of(user)))


class Step(models.TextChoices):
    """What was done about a request."""

    QUESTION = "question", _("asked back")
    ANSWER = "answer", _("answered")
    GRANT = "grant", _("granted")
    REDUCE = "reduce", _("granted with less")
    REFUSE = "refuse", _("refused")
    REVOKE = "revoke", _("revoked")
    WITHDRAW = "withdraw", _("withdrawn")
    LAPSE = "lapse", _("lapsed")


# These are the board's; nobody takes one of them on a request of their own (a trigger refuses it as well).
BOARD_STEPS = (Step.QUESTION, Step.GRANT, Step.REDUCE, Step.REFUSE, Step.REVOKE)


class Decision(models.Model):
    """One step about a request; never changed and never removed (triggers refuse it)."""

    request: models.ForeignKey[Request, Request] = models.ForeignKey(
        Request, on_delete=models.PROTECT, related_name="decisions"
    )
    step: models.CharField[str, str] = models.CharField(max_length=8, choices=Step)
    author: models.CharField[str, str] = models.CharField(max_length=150)
    reason: models.TextField[str, str] = models.TextField(blank=True)
    role: models.CharField[str, str] = models.CharField(max_length=61, blank=True)
    quota: models.CharField[str, str] = models.CharField(max_length=42, blank=True)
    until: models.DateField[date | None, date | None] = models.DateField(null=True, blank=True)
    at: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """In the order in which they were taken."""

        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.request}: {self.step}"


class ServiceProvider(models.Model):
    """The entity that provides a service: its administrators decide on that service's roles and quotas."""

    service: models.CharField[str, str] = models.CharField(max_length=42, primary_key=True)
    entity: models.ForeignKey[Entity, Entity] = models.ForeignKey(
        Entity, on_delete=models.PROTECT, related_name="services"
    )

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return f"{self.service} by {self.entity}"
