"""The health of services: the supervisor's watch observes, the registry remembers and tells."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from geoscope.portal.registry.models import ServiceHealth, Status

# The watch looks every few seconds; what it saw longer ago says nothing about now.
OBSERVATION_LIFETIME = timedelta(minutes=2)


class Observation(BaseModel):
    """What the watch saw."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["up", "down"]
    detail: Annotated[str, StringConstraints(max_length=500)] = ""
    response_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    checked: AwareDatetime | None = None


@dataclass(frozen=True)
class Health:
    """How a service is, since when, and when that was seen (UTC)."""

    status: Status = Status.UNKNOWN
    since: datetime | None = None
    checked: datetime | None = None
    detail: str = ""
    response_ms: float | None = None

    @property
    def document(self) -> dict[str, object]:
        """The same as JSON."""
        return {
            "status": self.status.value,
            "since": self.since and self.since.isoformat(),
            "checked": self.checked and self.checked.isoformat(),
            "detail": self.detail,
            "response_ms": self.response_ms,
        }


def record_observation(service_id: str, observation: Observation) -> Health:
    """Keep what the watch saw; `since` moves only when the status does."""
    now = timezone.now()
    checked = min(observation.checked or now, now)
    with transaction.atomic():
        known = ServiceHealth.objects.filter(pk=service_id).first()
        same = known is not None and known.status == observation.status
        kept, _created = ServiceHealth.objects.update_or_create(
            pk=service_id,
            defaults={
                "status": observation.status,
                "since": known.since if known is not None and same else checked,
                "checked": checked,
                "detail": observation.detail,
                "response_ms": observation.response_ms,
            },
        )
    return _health(kept)


def health_by_service() -> dict[str, Health]:
    """Return the health of every service that was ever observed."""
    return {kept.pk: _health(kept) for kept in ServiceHealth.objects.all()}


def _health(kept: ServiceHealth) -> Health:
    if timezone.now() - kept.checked > OBSERVATION_LIFETIME:
        return Health(Status.UNKNOWN, kept.checked, kept.checked)
    return Health(Status(kept.status), kept.since, kept.checked, kept.detail, kept.response_ms)


def portal_health(_request: HttpRequest) -> JsonResponse:
    """Answer the watch: this process runs and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
