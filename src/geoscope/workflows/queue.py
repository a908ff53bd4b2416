"""The queue of jobs as its clients see it: ask for one, see how it stands, dismiss it.

It needs no worker to be up: what is asked for waits in the database.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from dbos import DBOSClient, DBOSPortableJSONSerializer, WorkflowHandle, WorkflowStatus
from dbos import error as dbos_error

from geoscope.errors import GeoscopeError
from geoscope.settings import Settings
from geoscope.workflows.database import APPLICATION, PROGRESS, QUEUE, WORKFLOW, prepare_database
from geoscope.workflows.models import (
    JobDismissedError,
    JobState,
    NoSuchJobError,
    ResultNotReadyError,
    StatusInfo,
)

JOB_STATES: dict[str, JobState] = {
    "ENQUEUED": "accepted",
    "DELAYED": "accepted",
    "PENDING": "running",
    "SUCCESS": "successful",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "dismissed",
}
ENDED: tuple[JobState, ...] = ("successful", "failed", "dismissed")


class JobFailedError(GeoscopeError):
    """The job failed; its message says why."""


class JobQueue:
    """A client of the queue; every method waits for the database, so call it from a thread."""

    def __init__(self, client: DBOSClient) -> None:
        self._client = client

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the queue of this installation, and make it if it is not there."""
        address = prepare_database(settings)
        client = DBOSClient(
            system_database_url=address,
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
            retry_connection_errors=False,
        )
        return cls(client)

    def close(self) -> None:
        """Close the connections."""
        self._client.destroy()

    def submit(
        self, process_id: str, inputs: Mapping[str, Any], owner: str, *, personal: bool = False
    ) -> tuple[StatusInfo, bool]:
        """Ask for a process; while the same work is waiting or running, that job is the answer.

        Parameters
        ----------
        process_id : str
            Which one.
        inputs : mapping
            What it shall work on.
        owner : str
            The subject who asks.
        personal : bool
            Whether another owner's work is never the same.

        Returns
        -------
        job : StatusInfo
            The job that does the work.
        is_new : bool
            Whether it was made by this call.
        """
        job_id = str(uuid.uuid4())
        handle: WorkflowHandle[dict[str, Any]] = self._client.enqueue(
            {
                "workflow_name": WORKFLOW,
                "queue_name": QUEUE,
                "workflow_id": job_id,
                "deduplication_id": _fingerprint(process_id, inputs, owner if personal else None),
                "duplication_policy": "return-existing",
                "authenticated_user": owner,
            },
            process_id,
            dict(inputs),
        )
        return self.job(handle.get_workflow_id()), handle.get_workflow_id() == job_id

    def job(self, job_id: str) -> StatusInfo:
        """Return how a job stands.

        Raises
        ------
        NoSuchJobError
            If there is none of this id.
        """
        return self._status_info(self._workflow(job_id))

    def jobs(self, *, owner: str | None, states: tuple[JobState, ...], limit: int) -> list[StatusInfo]:
        """Return jobs, the newest first.

        Parameters
        ----------
        owner : str, optional
            Only those that this principal asked for; all if None.
        states : tuple of JobState
            Only those in one of these states; all if empty.
        limit : int
            The most to return.
        """
        found = self._client.list_workflows(
            name=WORKFLOW,
            user=owner,
            status=[kept for kept, state in JOB_STATES.items() if state in states] or None,
            limit=limit,
            sort_desc=True,
            load_output=False,
        )
        return [self._status_info(workflow) for workflow in found]

    def owner(self, job_id: str) -> str | None:
        """Return the subject who asked for a job."""
        return self._workflow(job_id).authenticated_user

    def results(self, job_id: str) -> dict[str, Any]:
        """Return the outputs of a successful job, by name.

        Raises
        ------
        ResultNotReadyError
            If it has not ended yet.
        JobFailedError
            If it failed; with its own message.
        JobDismissedError
            If it was dismissed.
        """
        workflow = self._workflow(job_id)
        state = JOB_STATES[workflow.status]
        if state == "failed":
            raise JobFailedError(_failure(workflow))
        if state == "dismissed":
            raise JobDismissedError(f"The job {job_id} was dismissed: it has no results.")
        if state != "successful":
            raise ResultNotReadyError(f"The job {job_id} is {state}.", "Ask again when it is successful.")
        return dict(workflow.output or {})

    def dismiss(self, job_id: str) -> StatusInfo:
        """Cancel a job that has not ended: it stops before its next step. Forget one that has.

        Returns
        -------
        StatusInfo
            The job, dismissed.
        """
        job = self.job(job_id)
        if job.status in ENDED:
            self._client.delete_workflow(job_id)
            return job.model_copy(
                update={"status": "dismissed", "message": "The job and its results are gone."}
            )
        self._client.cancel_workflow(job_id)
        return self.job(job_id)

    def _workflow(self, job_id: str) -> WorkflowStatus:
        try:
            workflow = self._client.retrieve_workflow(job_id).get_status()
        except dbos_error.DBOSNonExistentWorkflowError as error:
            raise NoSuchJobError(f"There is no job {job_id!r}.") from error
        if workflow.name != WORKFLOW:
            raise NoSuchJobError(f"There is no job {job_id!r}.")
        return workflow

    def _status_info(self, workflow: WorkflowStatus) -> StatusInfo:
        state = JOB_STATES[workflow.status]
        told = self._client.get_event(workflow.workflow_id, PROGRESS, timeout_seconds=0) or {}
        messages: dict[JobState, str] = {
            "accepted": "Waiting for its turn.",
            "successful": "Done.",
            "dismissed": "Dismissed.",
        }
        moments = [_moment(workflow.created_at), _moment(workflow.updated_at)]
        moments += [datetime.fromisoformat(told["at"])] if told else []
        return StatusInfo(
            process_id=workflow.input["args"][0] if workflow.input else "",
            job_id=workflow.workflow_id,
            status=state,
            message=_failure(workflow)
            if state == "failed"
            else messages.get(state) or told.get("message", "Running."),
            created=_moment(workflow.created_at),
            started=_moment(workflow.dequeued_at) if workflow.dequeued_at else None,
            finished=_moment(workflow.completed_at) if workflow.completed_at else None,
            updated=max(moments),
            progress=100 if state == "successful" else told.get("percent", 0),
        )


def _moment(epoch_ms: int | None) -> datetime:
    return datetime.fromtimestamp((epoch_ms or 0) / 1000, UTC)


def _failure(workflow: WorkflowStatus) -> str:
    if workflow.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        return "The job worker stopped too many times while it ran this job, so it was given up."
    return str(workflow.error) if workflow.error else "The job failed."


def _fingerprint(process_id: str, inputs: Mapping[str, Any], owner: str | None) -> str:
    text = json.dumps([process_id, inputs, owner], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
