"""The documentation is true: every service, setting, command and manifest field stands in it."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.main import get_command

from geoscope.cli.main import application
from geoscope.manifests import core_manifests
from geoscope.service import Manifest
from geoscope.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def setting_names(model: type[BaseModel], prefix: str = ""):
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_names(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_setting_is_documented():
    text = (DOCS / "settings.md").read_text()
    assert [name for name in setting_names(Settings) if f"`{name}`" not in text] == []


def test_every_command_is_documented():
    text = (DOCS / "command-line.md").read_text()
    assert [name for name in get_command(application).commands if f"`geoscope {name}" not in text] == []


def test_no_group_of_commands_offers_to_complete_itself_in_the_shell():
    commands = get_command(application).commands
    offering = [
        name for name in commands if "install_completion" in {each.name for each in commands[name].params}
    ]
    assert offering == []


def test_every_setting_and_command_stands_there_once():
    for name in ("settings", "command-line"):
        rows = [line for line in (DOCS / f"{name}.md").read_text().splitlines() if line.startswith("| `")]
        first_cells = [row.split(" | ")[0] for row in rows]
        assert len(first_cells) == len(set(first_cells))


def test_every_field_of_a_manifest_is_documented():
    text = (DOCS / "service-contract.md").read_text()
    assert [name for name in Manifest.model_fields if f"| `{name}` |" not in text] == []


def test_every_core_service_has_a_page_that_names_its_routes():
    pages = {path.stem: path.read_text() for path in (DOCS / "services").glob("*.md")}
    for manifest in core_manifests():
        page = pages["storage" if manifest.id == "objects" else manifest.id]
        assert [route for route in manifest.routes if route not in page] == [], manifest.id


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "zensical.toml").read_text()
    assert [
        str(page.relative_to(DOCS)) for page in PAGES if str(page.relative_to(DOCS)) not in navigation
    ] == []
