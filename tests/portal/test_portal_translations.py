"""Every word that a page can say is there in every language."""

import ast
import re
from itertools import chain
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

import geoscope.portal
from geoscope.manifests import core_manifests
from geoscope.portal.explorer.labels import LABELS

PORTAL = Path(geoscope.portal.__file__).parent
FUNCTIONS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
TEMPLATES = list((PORTAL / "templates").rglob("*.*"))
STRING = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""


def words_of_python(path):
    for node in ast.walk(ast.parse(path.read_text())):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
        if is_call and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


def words_of_template(path):
    python = templatize(path.read_text(), origin=str(path))
    for text in re.findall(rf"\b(?:n?gettext|_)\(u?({STRING})", python):
        yield ast.literal_eval(text)


def words_of_manifests():
    for manifest in core_manifests():
        yield from (manifest.title, manifest.summary)
        for one in (*manifest.roles, *manifest.quotas):
            yield from (text for text in (one.title, one.summary) if text)


SAID = set(
    chain(
        chain.from_iterable(words_of_python(path) for path in PORTAL.rglob("*.py")),
        chain.from_iterable(
            words_of_template(path) for path in TEMPLATES if path.suffix in (".html", ".txt")
        ),
        words_of_manifests(),
    )
)


def read_catalogue(language):
    """Return the translations by message, each a list of its plural forms."""
    text = (PORTAL / "locale" / language / "LC_MESSAGES" / "django.po").read_text()
    assert "#, fuzzy" not in text
    messages = {}
    for block in text.split("\n\n")[1:]:
        fields, name = {}, ""
        for line in (line for line in block.splitlines() if not line.startswith("#")):
            key, quoted = re.fullmatch(r'(?:(msg\S+) )?(".*")', line).groups()
            name = key or name
            fields[name] = fields.get(name, "") + ast.literal_eval(quoted)
        messages[fields["msgid"]] = [value for key, value in fields.items() if key.startswith("msgstr")]
    return messages


def test_words_of_the_elements_are_those_of_the_frontend():
    source = (Path(__file__).parents[2] / "frontend" / "src" / "labels.ts").read_text()
    english = source[source.index("{") : source.index("} as const")]
    words = {
        key: ast.literal_eval(text)
        for key, text in re.findall(rf"^\s+(\w+): ({STRING}),$", english, re.MULTILINE)
    }
    assert {key: str(label) for key, label in LABELS.items()} == words


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_word_is_translated(language):
    catalogue = read_catalogue(language)
    assert sorted(SAID - catalogue.keys()) == []
    assert sorted(catalogue.keys() - SAID) == [], "no page says this any more"
    assert [message for message, forms in catalogue.items() if not all(forms)] == []


@pytest.mark.parametrize("language", ["fr", "de"])
def test_translations_keep_the_placeholders(language):
    for message, forms in read_catalogue(language).items():
        for form in forms:
            assert set(re.findall(r"%\(\w+\)s", form)) == set(re.findall(r"%\(\w+\)s", message)), message


def test_page_speaks_the_language_of_the_browser(browser):
    assert (
        "Se connecter"
        in browser.get("/account/login/", headers={"accept-language": "fr-CH,fr;q=0.9"}).content.decode()
    )
    assert "Anmelden" in browser.get("/account/login/", headers={"accept-language": "de"}).content.decode()
    assert "Sign in" in browser.get("/account/login/", headers={"accept-language": "ja"}).content.decode()
