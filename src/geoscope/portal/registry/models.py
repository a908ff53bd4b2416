"""What the watch saw of each service."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """How a service is."""

    UP = "up", _("up")
    DOWN = "down", _("down")
    UNKNOWN = "unknown", _("not known")


class ServiceHealth(models.Model):
    """The last observation of one service."""

    service_id: models.CharField[str, str] = models.CharField(max_length=42, primary_key=True)
    status: models.CharField[str, str] = models.CharField(max_length=7, choices=Status)
    since: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        help_text="When it came to be in this state."
    )
    checked: models.DateTimeField[datetime, datetime] = models.DateTimeField(
        help_text="When the watch looked last."
    )
    detail: models.CharField[str, str] = models.CharField(max_length=500, blank=True)
    response_ms: models.FloatField[float | None, float | None] = models.FloatField(null=True)

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return f"{self.service_id}: {self.status}"
