"""Requests as YAML text, from strangers: read without surprises, and bounded before anything is built.

YAML's own idea of types would turn `0001` into 1, `12:00` into 720 and `no` into false: here a scalar is the
text that was written.
"""

from collections.abc import Iterator

import yaml

from geoscope.errors import InvalidInputError

MOST_CHARACTERS = 1_000_000
MOST_NODES = 200_000
MOST_DEPTH = 12

# libyaml's parser, twenty times as quick, where PyYAML was built with it.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

type Node = str | list[Node] | dict[str, Node]


def read_yaml(text: str) -> Node:
    """Read one YAML document whose scalars are all text.

    Raises
    ------
    InvalidInputError
        If it is not valid, or larger, deeper or, with its aliases written out, longer than a request is.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidInputError(
            "The request is too long.", f"At most {MOST_CHARACTERS:,} characters are read."
        )
    try:
        return _Builder(yaml.parse(text, Loader=_LOADER)).document()
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"The request is no valid YAML: {said}.") from error


class _Builder:
    """Builds the document from the parser's events, counting as it goes."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchored: dict[str, tuple[Node, int]] = {}
        self._nodes = 0

    def document(self) -> Node:
        for event in self._events:
            if isinstance(event, yaml.NodeEvent):
                return self._node(event, 0)
        return ""

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise InvalidInputError("The request is nested too deeply.")
        if isinstance(event, yaml.AliasEvent):
            # Only what is complete can be named: nothing holds itself. It counts as often as it is named.
            if event.anchor not in self._anchored:
                raise InvalidInputError(f"The request names {event.anchor!r} before it says what that is.")
            node, size = self._anchored[event.anchor]
            self._count(size)
            return node
        before = self._nodes
        self._count(1)
        node = self._content(event, depth)
        if anchor := getattr(event, "anchor", None):
            self._anchored[anchor] = node, self._nodes - before
        return node

    def _content(self, event: yaml.Event, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            entries: list[Node] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                entries.append(self._node(event, depth + 1))
            return entries
        members: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, str) or key in members:
                raise InvalidInputError(f"The request has a member that cannot be read: {str(key)[:50]!r}.")
            members[key] = self._node(next(self._events), depth + 1)
        return members

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise InvalidInputError(f"The request has more than {MOST_NODES:,} values.")
