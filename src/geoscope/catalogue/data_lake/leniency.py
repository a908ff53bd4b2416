"""What Data Lake clients send, made into what the catalogue's own parameters take.

- Members that are not known are left out instead of refused (a published notebook sends `BBox`); the header
  `Geoscope-Ignored` of the answer names them.
- Times may lack seconds or an offset (then UTC), and a date stands for its whole day.
- `provider=NAME` means the backend, as in version 1 of the Data Lake.
- In `query`, `eq` is met by an item that has the value among several.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from fastapi import Response
from fastapi.datastructures import QueryParams

from geoscope.catalogue.stac_api.conditions import Condition
from geoscope.catalogue.stac_api.parameters import Parameters, json_object, parse_body, parse_query
from geoscope.errors import InvalidInputError

IGNORED_HEADER = "Geoscope-Ignored"
BACKENDS = "federation:backends"
MAX_IGNORED_NAMES = 20

_TIME = re.compile(
    r"""(?P<date>\d{4}-\d\d-\d\d)
    (?:[Tt\ ](?P<minute>\d\d:\d\d)(?P<second>:\d\d(?:[.,]\d+)?)?(?P<offset>[Zz]|[+-]\d\d:\d\d)?)?""",
    re.ASCII | re.VERBOSE,
)
_FIRST, _LAST = "T00:00:00Z", "T23:59:59.999999Z"


class Understood[Sent: Parameters](NamedTuple):
    """What was sent, as far as it is known, and the names of what is not."""

    parameters: Sent
    ignored: tuple[str, ...]

    def mark(self, response: Response) -> Response:
        """Say in an answer what was left out."""
        if self.ignored:
            response.headers[IGNORED_HEADER] = ", ".join(self.ignored)
        return response


def understand_query[Query: Parameters](model: type[Query], query: QueryParams) -> Understood[Query]:
    """Read the parameters of a query.

    Raises
    ------
    InvalidInputError
        Naming the parameters that are known and wrong.
    """
    known = _known(model)
    pairs = [(name, value) for name, value in query.multi_items() if name in known and name != "query"]
    pairs = [(name, plain_times(value) if name == "datetime" else value) for name, value in pairs]
    if "query" in known:
        provider = None if "provider" in known else query.get("provider")
        conditions = _conditions(json_object(query.get("query"), "query") or {}, provider)
        if conditions:
            pairs.append(("query", orjson.dumps(conditions).decode()))
    ignored = _ignored(query.keys(), known | {"provider"})
    return Understood(parse_query(model, QueryParams(pairs)), ignored)


def understand_body[Body: Parameters](model: type[Body], body: bytes) -> Understood[Body]:
    """Read a JSON body; errors as of `understand_query`."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"The body is not JSON: {error}.") from error
    if not isinstance(sent, dict):
        raise InvalidInputError("The body is not a JSON object.")
    known = _known(model)
    kept = {name: value for name, value in sent.items() if name in known and value is not None}
    if isinstance(kept.get("datetime"), str):
        kept["datetime"] = plain_times(kept["datetime"])
    conditions = kept.get("query", {})
    if "query" in known and isinstance(conditions, Mapping):
        kept["query"] = _conditions(conditions, sent.get("provider"))
    ignored = _ignored(sent, known | {"provider"})
    return Understood(parse_body(model, orjson.dumps(kept)), ignored)


def plain_times(text: str) -> str:
    """Complete the times of `datetime` to RFC 3339; what is no time stays, and is refused later."""
    ends = text.split("/")
    if len(ends) == 1:
        date = _TIME.fullmatch(text.strip())
        if date and date["minute"] is None:
            return f"{date['date']}{_FIRST}/{date['date']}{_LAST}"
    return "/".join(_plain_time(end.strip(), is_last=number == 1) for number, end in enumerate(ends))


def _plain_time(text: str, *, is_last: bool) -> str:
    time = _TIME.fullmatch(text)
    if time is None:
        return text
    if time["minute"] is None:
        return time["date"] + (_LAST if is_last else _FIRST)
    return f"{time['date']}T{time['minute']}{time['second'] or ':00'}{time['offset'] or 'Z'}"


def _known(model: type[Parameters]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def _conditions(query: Mapping[str, Any], provider: object) -> Condition:
    """Let `eq` mean one of the values where items have several, and `provider` the backend."""
    conditions = {name: _any_of(asked) for name, asked in query.items()}
    return conditions | ({BACKENDS: {"eq": [str(provider)]}} if provider else {})


def _any_of(asked: object) -> object:
    if isinstance(asked, dict) and isinstance(asked.get("eq"), str | int | float):
        return {**asked, "eq": [asked["eq"]]}
    return asked


def _ignored(sent: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """Name what is not known, in characters that a header can hold."""
    unknown = {re.sub(r"[^\w:.-]", "?", name[:40], flags=re.ASCII) for name in sent if name not in known}
    return tuple(sorted(unknown))[:MAX_IGNORED_NAMES]
