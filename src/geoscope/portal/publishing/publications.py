"""What the pages ask of publishing: folders, jobs, one's own collections and who finds them."""

from dataclasses import dataclass

from geoscope.access import Policy
from geoscope.portal.explorer.data_half import DataHalf, Json


@dataclass(frozen=True)
class Folder:
    """What is in a folder of the object store; without an address, the folders that are one's own."""

    address: str
    folders: list[Json]
    files: list[Json]
    is_complete: bool

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The way to it: name and address of each folder above, and its own."""
        parts = self.address.removeprefix("s3://").split("/") if self.address else []
        return [(part, "s3://" + "/".join(parts[: place + 1])) for place, part in enumerate(parts)]


@dataclass(frozen=True)
class Publication:
    """A job that publishes, or tells what would be published."""

    id: str
    status: str
    percent: int
    message: str

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status in ("accepted", "running")

    @property
    def has_succeeded(self) -> bool:
        """Whether it has results."""
        return self.status == "successful"


@dataclass(frozen=True)
class OwnCollection:
    """A collection of one's own, who finds it (`private`, `entity` or `public`), and whom its data is for."""

    id: str
    title: str
    visibility: str
    entity: str
    policy: Policy


def open_folder(data: DataHalf, address: str) -> Folder:
    """Return what is in a folder."""
    parameters = {"address": address} if address else {}
    answer = data.get("stac", "publishing", "folders", parameters=parameters)
    return Folder(
        answer.get("address") or "", answer["folders"], answer["files"], bool(answer.get("is_complete"))
    )


def start(data: DataHalf, inputs: Json) -> str:
    """Ask for the publishing in the visitor's name, and return the job's id."""
    return _execute(data, "publish-collection", inputs)


def find_publication(data: DataHalf, job_id: str) -> Publication:
    """Return how a job stands."""
    answer = data.get("jobs", job_id)
    return Publication(job_id, answer["status"], answer.get("progress") or 0, answer.get("message") or "")


def read_outcome(data: DataHalf, job_id: str) -> Json:
    """Return what became of each file."""
    return data.get("jobs", job_id, "results")


def dismiss(data: DataHalf, job_id: str) -> None:
    """Stop a job."""
    data.send("DELETE", "jobs", job_id)


def list_own_collections(data: DataHalf) -> list[OwnCollection]:
    """Return the visitor's own collections, with who finds them."""
    answer = data.get("stac", "publishing", "collections")
    return [
        OwnCollection(
            one["collection"],
            one["title"],
            one["visibility"],
            one.get("entity") or "",
            Policy.parse(one["policy"]),
        )
        for one in answer["collections"]
    ]


def share(data: DataHalf, collection_id: str, visibility: str, entity: str) -> None:
    """Let nobody, the members of an entity or everybody find a collection."""
    wanted = {"visibility": visibility} | ({"entity": entity} if visibility == "entity" else {})
    data.send("PUT", "stac", "collections", collection_id, "sharing", body=wanted)


def limit(data: DataHalf, collection_id: str, policy: str) -> None:
    """Say whom the data of a collection is for."""
    data.send("PUT", "stac", "collections", collection_id, "access", body={"policy": policy})


def remove(data: DataHalf, collection_id: str) -> str:
    """Ask for the removal of a collection with its items and uploaded files, and return the job's id."""
    return _execute(data, "unpublish-collection", {"collection": collection_id})


def _execute(data: DataHalf, process: str, inputs: Json) -> str:
    answer = data.send("POST", "processes", process, "execution", body={"inputs": inputs})
    return str(answer["jobID"])
