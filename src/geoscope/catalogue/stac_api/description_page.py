"""The OpenAPI document as a page for people: plain HTML, that needs no script and nothing from elsewhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

type Json = dict[str, Any]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
code {{ overflow-wrap: anywhere; }}
th {{ text-align: left; vertical-align: top; padding-right: 1rem; font-weight: normal; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
{operations}
</body>
</html>
"""


def description_page(document: Json) -> str:
    """Return a page with every operation of an OpenAPI document, and what can be asked of it."""
    operations = (
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return _PAGE.format(
        title=escape(document["info"]["title"]),
        summary=escape(document["info"].get("summary", "")),
        operations="\n".join(operations),
    )


def _operation(method: str, path: str, operation: Json) -> str:
    rows = "".join(
        f"<tr><th><code>{escape(name)}</code></th><td>{escape(description)}</td></tr>"
        for name, description in _parameters(operation)
    )
    table = f"<table>{rows}</table>" if rows else ""
    description = escape(operation.get("description", ""))
    return f"<h2><code>{method.upper()} {escape(path)}</code></h2>\n<p>{description}</p>\n{table}"


def _parameters(operation: Json) -> Iterator[tuple[str, str]]:
    for parameter in operation.get("parameters", ()):
        yield parameter["name"], parameter.get("description", "")
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        for name, member in schema.get("properties", {"body": schema}).items():
            yield name, member.get("description", "")
