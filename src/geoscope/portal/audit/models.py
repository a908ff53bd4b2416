"""Entries of the audit log; each carries a digest over itself and the one before it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models


class AuditEntry(models.Model):
    """One thing that was done; never changed and never removed (triggers refuse it).

    `previous` is unique: two entries cannot follow the same one, so the log is one chain.
    """

    at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    actor: models.CharField[str, str] = models.CharField(max_length=150, db_index=True)
    action: models.CharField[str, str] = models.CharField(max_length=60, db_index=True)
    subject: models.CharField[str, str] = models.CharField(max_length=200, db_index=True)
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    previous: models.CharField[str, str] = models.CharField(max_length=64, unique=True)
    digest: models.CharField[str, str] = models.CharField(max_length=64, unique=True)

    objects: ClassVar[models.Manager[Self]]

    class Meta:
        """In the order of the chain."""

        ordering = ("pk",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.actor} {self.action} {self.subject}"
