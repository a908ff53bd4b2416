"""What the edge says by itself: a refusal, or that a part does not answer just now."""

import json
from typing import Any

type Json = dict[str, Any]

# Whole in itself, for nothing else may answer when it is shown.
_WAITING_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5"><title>One moment - Geoscope</title>
<style>
:root { color-scheme: light dark; --paper: #f7f6f1; --ink: #17212b; --quiet: #4a5763 }
@media (prefers-color-scheme: dark) { :root { --paper: #10161c; --ink: #e8ecef; --quiet: #a9b4be } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);
       color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }
main { max-width: 34rem; padding: 2rem }
h1 { font-size: 1.75rem; line-height: 1.2 }
p:last-child { color: var(--quiet) }
</style></head>
<body><main><h1>This part is starting again</h1>
<p>It does not answer just now. This page tries again by itself every five seconds.</p>
<p>For the operator: <code>geoscope status</code> says which part, <code>geoscope logs</code> says why.</p>
</main></body></html>
"""


def problem(status: int, detail: str) -> Json:
    """Answer with problem details (RFC 9457)."""
    document = {"type": "about:blank", "status": status, "detail": detail}
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": {"Content-Type": ["application/problem+json"]},
        "body": json.dumps(document),
    }


def error_routes() -> list[Json]:
    """Say that a part does not answer: with a page to people, with problem details to programs."""
    page = {
        "handler": "static_response",
        "status_code": "{http.error.status_code}",
        "headers": {"Content-Type": ["text/html; charset=utf-8"], "Retry-After": ["5"]},
        "body": _WAITING_PAGE,
    }
    document = '{"type":"about:blank","status":{http.error.status_code},"title":"{http.error.status_text}"}'
    details = {
        "handler": "static_response",
        "status_code": "{http.error.status_code}",
        "headers": {"Content-Type": ["application/problem+json"], "Retry-After": ["5"]},
        "body": document,
    }
    wants_page = {"header": {"Accept": ["*text/html*"]}, "expression": "{http.error.status_code} >= 502"}
    return [{"match": [wants_page], "handle": [page], "terminal": True}, {"handle": [details]}]
