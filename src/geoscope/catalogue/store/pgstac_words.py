"""Free text as SQL.

A phrase is found in an item or in its collection. What the collections say is looked up first, as there are
few: then the items of each group of them are asked only for what their collections leave open, and an index
answers that.
"""

from collections import defaultdict
from collections.abc import Mapping

import psycopg

from geoscope.catalogue.store.pgstac_properties import Parameters
from geoscope.catalogue.words import AllOf, AnyOf, Phrase, TextQuery, Without, phrases_of

_FOUND_IN_COLLECTIONS = """
SELECT kept.id, phrase.number
FROM (
    SELECT geoscope.words(text) AS words, number
    FROM unnest(%s::text[]) WITH ORDINALITY AS sent (text, number)
) AS phrase
JOIN geoscope.collections AS kept ON strpos(kept.words, phrase.words) > 0"""

_FOUND_IN_ITEM = """(
    geoscope.lexemes(i.private->>'words') @@ geoscope.all_lexemes(geoscope.words(%({name})s))
    AND strpos(i.private->>'words', geoscope.words(%({name})s)) > 0)"""

_FOUND_IN_COLLECTION = "strpos(kept.words, geoscope.words(%({name})s)) > 0"


def item_alternatives(connection: psycopg.Connection, query: TextQuery) -> tuple[list[str], Parameters]:
    """Return conditions on an item `i`, exactly one of which it meets if it meets the query."""
    names = _names(query)
    parameters = _parameters(names)
    groups = _groups_of_collections(connection, list(names))
    alternatives = []
    for n, (known, ids) in enumerate(groups.items()):
        parameters[f"group_{n}"] = ids
        asked = {
            phrase: "true" if phrase in known else _FOUND_IN_ITEM.format(name=name)
            for phrase, name in names.items()
        }
        alternatives.append(f"i.collection = ANY (%(group_{n})s) AND {_expression(query, asked)}")
    parameters["grouped"] = [id_ for ids in groups.values() for id_ in ids]
    asked = {phrase: _FOUND_IN_ITEM.format(name=name) for phrase, name in names.items()}
    alternatives.append(f"i.collection <> ALL (%(grouped)s) AND {_expression(query, asked)}")
    return alternatives, parameters


def collection_condition(query: TextQuery) -> tuple[str, Parameters]:
    """Return the condition that a collection `kept` meets a query."""
    names = _names(query)
    asked = {phrase: _FOUND_IN_COLLECTION.format(name=name) for phrase, name in names.items()}
    return _expression(query, asked), _parameters(names)


def _names(query: TextQuery) -> dict[Phrase, str]:
    return {phrase: f"phrase_{n}" for n, phrase in enumerate(dict.fromkeys(phrases_of(query)))}


def _parameters(names: Mapping[Phrase, str]) -> Parameters:
    return {name: phrase.text for phrase, name in names.items()}


def _groups_of_collections(
    connection: psycopg.Connection, phrases: list[Phrase]
) -> dict[frozenset[Phrase], list[str]]:
    """Return the ids of the collections that hold some of the phrases, by which phrases they hold."""
    found: dict[str, set[Phrase]] = defaultdict(set)
    for id_, number in connection.execute(_FOUND_IN_COLLECTIONS, [[phrase.text for phrase in phrases]]):
        found[id_].add(phrases[number - 1])
    groups: dict[frozenset[Phrase], list[str]] = defaultdict(list)
    for id_, held in found.items():
        groups[frozenset(held)].append(id_)
    return groups


def _expression(query: TextQuery, conditions: Mapping[Phrase, str]) -> str:
    match query:
        case Phrase():
            return conditions[query]
        case AnyOf(parts):
            return f"({' OR '.join(_expression(part, conditions) for part in parts)})"
        case AllOf(parts):
            return f"({' AND '.join(_expression(part, conditions) for part in parts)})"
        case Without(part):
            # In a text that is not known nothing is found.
            return f"(({_expression(part, conditions)}) IS NOT TRUE)"
