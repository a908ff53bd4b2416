"""What became of the fields of an ingest."""

from collections import Counter
from typing import Any

from geoscope.errors import InvalidInputError

MOST_TOLD = 1000

type Json = dict[str, Any]


class Outcome:
    """What became of all fields."""

    def __init__(self, looked: Json) -> None:
        self._looked = looked
        self._counts: Counter[str] = Counter()
        self._set_aside: list[Json] = list(looked["set_aside"])
        self._counts["set_aside"] = looked["count_aside"]
        self._versions: dict[str, str] = {}

    def add(self, stored: Json) -> None:
        """Count a batch."""
        for name in ("stored", "duplicates", "conflicts"):
            self._counts[name] += stored[name]
        self._counts["set_aside"] += stored["count_aside"]
        self._set_aside += stored["set_aside"]
        if stored["version"]:
            self._versions[stored["repository"]] = stored["version"]

    @property
    def words(self) -> str:
        """All of it in one line."""
        return (
            f"{self._counts['stored']:,} fields stored, {self._counts['duplicates']:,} were there, "
            f"{self._counts['set_aside']:,} set aside"
        )

    def require_something(self) -> None:
        """Raise an error if nothing could be stored and nothing was there."""
        if not self._counts["stored"] and not self._counts["duplicates"]:
            told = "; ".join(
                f"{each['file']}, byte {each['offset']}: {each['reason']}" for each in self._set_aside[:3]
            )
            raise InvalidInputError(f"Nothing could be stored: {self._counts['set_aside']} set aside. {told}")

    def to_json(self) -> Json:
        """Return the outputs of the process."""
        return {
            "stored": self._counts["stored"],
            "duplicates": self._counts["duplicates"],
            "conflicts": self._counts["conflicts"],
            "set_aside_count": self._counts["set_aside"],
            "set_aside": self._set_aside[:MOST_TOLD],
            "files": self._looked["files"],
            "ignored": self._looked["ignored"],
            "warnings": self._looked["warnings"],
            "fields": self._looked["fields"],
            "bytes": self._looked["bytes"],
            "repositories": [
                each | {"version": self._versions.get(f"{each['collection']}/{each['item']}", "")}
                for each in self._looked["repositories"]
            ],
        }
