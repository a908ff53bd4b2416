"""The parameter `q`, read: phrases, joined by words and signs (STAC API free-text search, both classes).

    EO,Earth Observation            either of the phrases
    "sea ice" AND (cover OR drift)  both sides; the quotation marks keep operators and signs out
    ice -drift                      with the one and without the other; `+` asks for a phrase beyond doubt

Words that stand beside each other are one phrase. AND, OR and NOT are operators in capitals only, so that
small words can be looked for. AND binds before OR, and a comma joins whole terms as OR does.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from geoscope.catalogue.words import AllOf, AnyOf, Phrase, TextQuery, Without, phrases_of
from geoscope.errors import InvalidInputError

MAX_PHRASES = 50
MAX_PHRASE_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 4000
MAX_DEPTH = 16

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | "(?P<quoted>[^"]*)"
    | (?P<mark>[(),])
    | (?P<sign>(?<![^\s(,])[+-](?=[^\s+-]))     # a sign stands before a word, never inside of one
    | (?P<word>[^\s"(),]+)
    | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = frozenset({"AND", "OR", "NOT"})


class _Token(NamedTuple):
    kind: str
    text: str


def parse_phrases(sent: str | Iterable[str] | None) -> TextQuery | None:
    """Read the parameter `q`: one text, or several of which any may match.

    Raises
    ------
    InvalidInputError
        If it is too long, or a parenthesis, a quotation mark or an operator has no counterpart.
    """
    texts = [sent] if isinstance(sent, str) else list(sent or ())
    if len(texts) > MAX_PHRASES or sum(map(len, texts)) > MAX_TEXT_CHARACTERS:
        raise _too_much()
    parts = [_Parser(text).query() for text in dict.fromkeys(texts) if text.strip(" \t\r\n,")]
    query = _joined(AnyOf, parts) if parts else None
    if query is not None:
        _check(query)
    return query


class _Parser:
    """One pass through a text, by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            _Token(str(match.lastgroup), match[str(match.lastgroup)])
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "space"
        ]
        self._at = 0
        self._depth = 0

    def query(self) -> TextQuery:
        query = self._any_of()
        if self._at < len(self._tokens):
            raise self._error(f"{self._tokens[self._at].text!r} has no counterpart")
        return query

    def _any_of(self) -> TextQuery:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"parentheses are nested more than {MAX_DEPTH} deep")
        self._skip_commas()
        parts = [self._all_of()]
        while self._takes(_Token("word", "OR")) or self._skip_commas():
            parts.append(self._all_of())
        self._depth -= 1
        return _joined(AnyOf, parts)

    def _all_of(self) -> TextQuery:
        parts = [self._signed()]
        while self._takes(_Token("word", "AND")):
            parts.append(self._signed())
        return _joined(AllOf, parts)

    def _skip_commas(self) -> bool:
        """Take commas, and tell whether a term follows them."""
        at = self._at
        while self._takes(_Token("mark", ",")):
            pass
        return self._at > at and self._next not in (None, _Token("mark", ")"))

    def _signed(self) -> TextQuery:
        """Read phrases beside each other: what has a sign must be, or must not be; else any may match."""
        wanted: list[TextQuery] = []
        required: list[TextQuery] = []
        refused: list[TextQuery] = []
        while (token := self._next) is not None and token.kind != "stray":
            if self._takes(_Token("sign", "+")):
                required.append(self._unit())
            elif self._takes(_Token("sign", "-")) or self._takes(_Token("word", "NOT")):
                refused.append(Without(self._unit()))
            elif token in (_Token("mark", ")"), _Token("mark", ",")) or self._is_operator(token):
                break
            else:
                wanted.append(self._unit())
        if not wanted and not required and not refused:
            raise self._error("a phrase is missing")
        if not required and wanted:
            required = [_joined(AnyOf, wanted)]
        return _joined(AllOf, required + refused)

    def _unit(self) -> TextQuery:
        token = self._next
        if token is not None and self._takes(_Token("mark", "(")):
            inner = self._any_of()
            if not self._takes(_Token("mark", ")")):
                raise self._error("'(' has no counterpart")
            return inner
        if token is not None and token.kind == "quoted":
            self._at += 1
            return Phrase(token.text.strip())
        words = []
        while (token := self._next) is not None and token.kind == "word" and not self._is_operator(token):
            words.append(token.text)
            self._at += 1
        if not words:
            raise self._error("a phrase is missing")
        return Phrase(" ".join(words))

    @property
    def _next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, token: _Token) -> bool:
        if self._next != token:
            return False
        self._at += 1
        return True

    @staticmethod
    def _is_operator(token: _Token) -> bool:
        return token.kind == "word" and token.text in _OPERATORS

    def _error(self, problem: str) -> InvalidInputError:
        return InvalidInputError(
            f"q: {problem} in {self._text[:80]!r}.",
            "Expected phrases with AND, OR, NOT, parentheses or commas between; quote what is none of these.",
        )


def _joined(kind: type[AnyOf] | type[AllOf], parts: list[TextQuery]) -> TextQuery:
    return parts[0] if len(parts) == 1 else kind(tuple(dict.fromkeys(parts)))


def _check(query: TextQuery) -> None:
    phrases = list(phrases_of(query))
    if len(phrases) > MAX_PHRASES or any(len(phrase.text) > MAX_PHRASE_CHARACTERS for phrase in phrases):
        raise _too_much()
    for phrase in phrases:
        if "\0" in phrase.text or not any(map(str.isalnum, phrase.text)):
            raise InvalidInputError(
                f"q: {phrase.text[:80]!r} holds no word.", "Expected letters or digits in each phrase."
            )


def _too_much() -> InvalidInputError:
    return InvalidInputError(
        "q: too many or too long phrases.",
        f"Give at most {MAX_PHRASES}, each of at most {MAX_PHRASE_CHARACTERS} characters.",
    )
