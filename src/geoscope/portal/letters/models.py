"""Letters that the mail server has not taken yet."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone


class Letter(models.Model):
    """A mail to one address; written with what it tells, so that neither is there without the other."""

    to: models.EmailField[str, str] = models.EmailField()
    subject: models.CharField[str, str] = models.CharField(max_length=200)
    text: models.TextField[str, str] = models.TextField()
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    taken: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        null=True, help_text="When somebody began to send it."
    )
    tries: models.PositiveSmallIntegerField[int, int] = models.PositiveSmallIntegerField(default=0)
    problem: models.CharField[str, str] = models.CharField(max_length=500, blank=True)

    objects: ClassVar[models.Manager[Self]]

    def __str__(self) -> str:
        return f"letter {self.pk} to {self.to}"
