"""HEAD and OPTIONS for every route: the framework answers only what is written down."""

from functools import cached_property
from re import Pattern

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class MethodsMiddleware:
    """Answers HEAD as GET without its body, and OPTIONS with the methods that there are (RFC 9110, 9.3).

    Parameters
    ----------
    inner : ASGIApp
        What answers everything else.
    application : FastAPI
        Whose OpenAPI document says which methods there are.
    """

    def __init__(self, inner: ASGIApp, application: FastAPI) -> None:
        self._inner = inner
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        method = scope.get("method")
        if method == "HEAD":
            await self._inner({**scope, "method": "GET", "is_head": True}, receive, _without_body(send))
        elif method == "OPTIONS" and not _is_preflight(scope) and (allowed := self._allowed(scope["path"])):
            await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    def _allowed(self, path: str) -> list[str]:
        methods = {method for pattern, those in self._methods if pattern.match(path) for method in those}
        if "GET" in methods:
            methods.add("HEAD")
        return sorted(methods | {"OPTIONS"}) if methods else []

    @cached_property
    def _methods(self) -> list[tuple[Pattern[str], list[str]]]:
        paths = self._application.openapi()["paths"]
        return [(compile_path(path)[0], [name.upper() for name in paths[path]]) for path in paths]


def is_head(request: Request) -> bool:
    """Tell whether only the headers of an answer are wanted: then the work for its body can be left out."""
    return bool(request.scope.get("is_head"))


def _is_preflight(scope: Scope) -> bool:
    """Tell whether a browser asks for another site's page; that is answered elsewhere."""
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
