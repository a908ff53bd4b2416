"""The edge's whole configuration, made from the services' manifests and from nothing else.

Caddy is given all of it at start and at each change; what it holds is never the truth.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from geoscope.runtime.data_folder import socket_folder
from geoscope.runtime.edge_answers import error_routes, problem
from geoscope.runtime.edge_destination_earth import certificates, host_routes
from geoscope.secrets import write_secret
from geoscope.service import AccessPolicy, Manifest
from geoscope.settings import Settings

ADMIN_SOCKET = "edge-admin.sock"
DATA_ROUTE = "/data"
OBJECT_STORE_HEALTH = "/healthz"

# A restarted part is waited for this long before the visitor sees an error.
PATIENCE = "8s"
# Any change of the configuration would else close every open WebSocket (Caddy's `stream_close_delay`).
STREAM_PATIENCE = "1h"
# Idle connections end here before they end over there: a request that is sent on one that is just being
# closed is lost. Our own servers keep theirs for longer (`InternalSettings`), strangers' usual ones for two
# seconds or five.
IDLE, IDLE_STRANGERS = "60s", "1s"
MAX_BODY_BYTES = 64 * 1024**2

# What the edge says of a visitor; nobody else may say it.
IDENTITY_HEADERS = ("Remote-User", "Remote-Roles", "Remote-Entities", "Remote-Quotas")

# Only the edge's own questions to the portal carry it (see geoscope.portal.accounts.verify).
EDGE_HEADER = "Geoscope-Edge"

# The portal's own cookies (see geoscope.portal.settings): no business of a stranger's server.
OWN_COOKIES = r"geoscope-(session|csrf)[^=;]*=[^;]*(;\s*|$)"

# Caddy's own list lacks most media types that end in `json`, as those of OpenAPI, schemas and coverages.
COMPRESSIBLE = ("text/*", "*json*", "*xml*", "*javascript*", "application/wasm*")

type Json = dict[str, Any]


def config_path(settings: Settings) -> str:
    """Return where Caddy finds its configuration at start."""
    return str(settings.data_dir / "run" / "edge.json")


def write_config(settings: Settings, manifests: list[Manifest]) -> Json:
    """Write the configuration for the next start of Caddy, and return it."""
    config = make_config(settings, manifests)
    write_secret(settings.data_dir / "run" / "edge.json", json.dumps(config, indent=1))
    return config


def make_config(settings: Settings, manifests: list[Manifest]) -> Json:
    """Return Caddy's configuration for these services."""
    folder = settings.data_dir / "edge"
    return {
        "admin": {
            "listen": f"unix/{socket_folder(settings.data_dir) / ADMIN_SOCKET}|0600",
            "config": {"persist": False},
        },
        "logging": {"logs": {"default": {"level": "WARN", "encoder": {"format": "console"}}}},
        "storage": {"module": "file_system", "root": str(folder)},
        "apps": {
            "http": {
                "grace_period": "3s",
                "http_port": settings.edge.http_port,
                "https_port": settings.edge.https_port,
                "servers": _servers(settings, manifests),
            },
            # Names that no public authority certifies, such as earth.localhost, get a certificate of Caddy's
            # own authority; this machine's list of authorities is not touched.
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
            "tls": {
                # Cleaning begins when Caddy starts, and takes a folder that waits for its certificate for an
                # empty one: that name would be without a certificate for a minute.
                "disable_storage_clean": True,
                **(certificates() if settings.identity.destination_earth_hosts else {}),
            },
        },
    }


def _servers(settings: Settings, manifests: list[Manifest]) -> Json:
    platform = [*_guards(settings), _public_data(settings)]
    platform += [_service(settings, manifest) for manifest in manifests if not _is_default(manifest)]
    platform.append(_portal(settings))
    s3 = [_token_service(settings), {"@id": "s3", "handle": [_proxy(settings.internal.object_store_url)]}]
    errors = {"routes": error_routes()}
    foreign: list[Json] = []
    if settings.identity.destination_earth_hosts:
        foreign = host_routes(platform, s3, _proxy(settings.internal.data_apis_url))
    host = settings.edge.public_host
    secure = f"{_bracketed(settings.listen_host)}:{settings.edge.https_port}"
    if host:
        routes = [
            {
                "match": [{"host": [f"s3.{host}"]}],
                "handle": [{"handler": "subroute", "routes": s3}],
                "terminal": True,
            },
            {
                "match": [{"host": [host]}],
                "handle": [{"handler": "subroute", "routes": platform}],
                "terminal": True,
            },
        ]
        return {"platform": {"listen": [secure], "routes": [*routes, *foreign], "errors": errors}}
    plain = {"automatic_https": {"disable": True}, "errors": errors}
    address = _bracketed(settings.listen_host)
    servers: Json = {
        "platform": {"listen": [f"{address}:{settings.edge.port}"], "routes": platform, **plain},
        "s3": {"listen": [f"{address}:{settings.s3_port}"], "routes": s3, **plain},
    }
    if foreign:
        quiet = {"automatic_https": {"disable_redirects": True}, "errors": errors}
        servers["destination-earth"] = {"listen": [secure], "routes": foreign, **quiet}
    return servers


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_default(manifest: Manifest) -> bool:
    return manifest.part is not None


def _guards(settings: Settings) -> list[Json]:
    """Refuse foreign host names, and take off what only the edge may say."""
    guards: list[Json] = []
    if settings.is_loopback:
        guards.append(
            {
                "@id": "host-guard",
                "match": [{"not": [{"host": list(settings.allowed_hosts)}]}],
                "handle": [problem(421, "This platform does not answer to that host name.")],
                "terminal": True,
            }
        )
    guards.append(
        {
            "@id": "headers",
            "handle": [
                {
                    "handler": "headers",
                    "request": {"delete": [*IDENTITY_HEADERS, EDGE_HEADER]},
                    "response": {
                        "deferred": True,
                        "delete": ["Server", "Via"],
                        "set": {"X-Content-Type-Options": ["nosniff"]},
                    },
                },
                {"handler": "request_body", "max_size": MAX_BODY_BYTES},
            ],
        }
    )
    guards.append(_compression())
    return guards


def _compression() -> Json:
    """Compress what can be; not for HEAD, where Caddy would tell the size of nothing, compressed."""
    return {
        "@id": "compression",
        "match": [{"not": [{"method": ["HEAD"]}]}],
        "handle": [
            {
                "handler": "encode",
                "encodings": {"zstd": {}, "gzip": {}},
                "prefer": ["zstd", "gzip"],
                "match": {"headers": {"Content-Type": list(COMPRESSIBLE)}},
            }
        ],
    }


def _public_data(settings: Settings) -> Json:
    """Serve public objects by plain HTTP GET, as a stranger to the object store.

    What users put there shares the pages' origin: the sandbox keeps a stored page from acting as ours.
    """
    cleaned = {"Authorization", "Cookie", "X-Amz-Security-Token"}
    proxy = _proxy(settings.internal.object_store_url)
    proxy["headers"] = {
        "request": {"delete": sorted(cleaned)},
        "response": {
            "delete": ["Seaweed-*", "X-Amz-*"],
            "set": {
                "Access-Control-Allow-Origin": ["*"],
                "Access-Control-Expose-Headers": ["Content-Range, ETag, Last-Modified"],
                "Content-Security-Policy": ["sandbox; default-src 'none'"],
            },
        },
    }
    preflight = {
        "match": [{"method": ["OPTIONS"]}],
        "handle": [
            {
                "handler": "static_response",
                "status_code": 204,
                "headers": {
                    "Access-Control-Allow-Origin": ["*"],
                    "Access-Control-Allow-Methods": ["GET, HEAD"],
                    "Access-Control-Allow-Headers": ["Range, If-None-Match, If-Modified-Since"],
                    "Access-Control-Max-Age": ["86400"],
                },
            }
        ],
        "terminal": True,
    }
    routes: list[Json] = [
        preflight,
        {
            "match": [{"not": [{"method": ["GET", "HEAD"]}]}],
            "handle": [problem(405, "Public data is read with GET or HEAD; write through the S3 endpoint.")],
            "terminal": True,
        },
        {
            "match": [{"path": [f"{DATA_ROUTE}/health"]}],
            "handle": [{"handler": "rewrite", "uri": OBJECT_STORE_HEALTH}, proxy],
            "terminal": True,
        },
        {
            "handle": [
                {"handler": "rewrite", "strip_path_prefix": DATA_ROUTE},
                {"handler": "rewrite", "uri": "{http.request.uri.path}"},
                proxy,
            ]
        },
    ]
    return {
        "@id": "public-data",
        "match": [{"path": [f"{DATA_ROUTE}/*"]}],
        "handle": [{"handler": "subroute", "routes": routes}],
        "terminal": True,
    }


def _token_service(settings: Settings) -> Json:
    """Let strangers' POSTs to the root of the S3 endpoint change tokens into keys, and nothing else.

    The same address is also that of the store's user management. It takes signed requests alone: what could
    carry a signature is taken off, so that only a token in the body counts.
    """
    proxy = _proxy(settings.internal.object_store_url)
    proxy["headers"]["request"]["delete"] = ["Authorization", "X-Amz-*"]
    return {
        "@id": "s3-token-service",
        "match": [{"method": ["POST"], "not": [{"path_regexp": {"pattern": "^/[^/]"}}]}],
        "handle": [{"handler": "rewrite", "method": "POST", "uri": "/?"}, proxy],
        "terminal": True,
    }


def _service(settings: Settings, manifest: Manifest) -> Json:
    """Route a service's paths to where it runs; guarded by the portal where it is not public."""
    handlers: list[Json] = []
    if manifest.upstream and manifest.access.policy is not AccessPolicy.PUBLIC:
        handlers.append(_guard(settings, manifest))
    if manifest.app and manifest.personal:
        handlers.append(_signed_in_browser(settings))
    if manifest.strip_route:
        handlers.append(
            {
                "handler": "subroute",
                "routes": [
                    {
                        "match": [{"path": [route, f"{route}/*"]}],
                        "handle": [{"handler": "rewrite", "strip_path_prefix": route}],
                    }
                    for route in manifest.routes
                ],
            }
        )
    if manifest.upstream is None:
        proxy = _proxy(settings.internal.data_apis_url)
    else:
        proxy = _proxy(manifest.upstream, IDLE_STRANGERS)
        proxy["headers"]["request"]["replace"] = {"Cookie": [{"search_regexp": OWN_COOKIES, "replace": ""}]}
    handlers.append(proxy)
    return {
        "@id": f"service-{manifest.id}",
        "match": [{"path": [path for route in manifest.routes for path in (route, f"{route}/*")]}],
        "handle": handlers,
        "terminal": True,
    }


def _guard(settings: Settings, manifest: Manifest) -> Json:
    """Ask the portal before each request whether this visitor may use the service."""
    copied = {name: [f"{{http.reverse_proxy.header.{name}}}"] for name in IDENTITY_HEADERS}
    guard = _proxy(settings.internal.portal_url)
    guard["rewrite"] = {"method": "GET", "uri": f"/account/verify?service={manifest.id}"}
    guard["headers"]["request"]["delete"] = ["Upgrade", "Connection"]
    guard["handle_response"] = [
        {
            "match": {"status_code": [2]},
            "routes": [{"handle": [{"handler": "headers", "request": {"set": copied}}]}],
        }
    ]
    return guard


def _signed_in_browser(settings: Settings) -> Json:
    """Let a browser read what its visitor may: what it fetches by itself carries a session and no token.

    Reading alone: a form of another site that changes something gets nothing from the session.
    """
    question = _proxy(settings.internal.portal_url)
    question["rewrite"] = {"method": "GET", "uri": "/account/visitor"}
    question["headers"]["request"]["delete"] = ["Upgrade", "Connection"]
    question["headers"]["request"]["set"][EDGE_HEADER] = ["visitor"]
    token = {"Authorization": ["{http.reverse_proxy.header.Visitor-Authorization}"]}
    question["handle_response"] = [
        {
            "match": {"status_code": [200]},
            "routes": [{"handle": [{"handler": "headers", "request": {"set": token}}]}],
        },
        {"routes": [{"handle": [{"handler": "headers"}]}]},
    ]
    cookie = {"Cookie": {"pattern": rf"(^|;\s*)geoscope-session-{settings.edge.port}="}}
    match = {
        "method": ["GET", "HEAD"],
        "header_regexp": cookie,
        "not": [{"header": {"Authorization": ["*"]}}],
    }
    return {"handler": "subroute", "routes": [{"match": [match], "handle": [question]}]}


def _portal(settings: Settings) -> Json:
    return {"@id": "portal", "handle": [_proxy(settings.internal.portal_url)]}


def _proxy(address: str, idle: str = IDLE) -> Json:
    """Pass a request on; while the part restarts, the request waits instead of failing."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy: Json = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{_bracketed(parts.hostname or '')}:{port}"}],
        "load_balancing": {"try_duration": PATIENCE, "try_interval": "100ms"},
        "stream_close_delay": STREAM_PATIENCE,
        "headers": {"request": {"set": {"X-Forwarded-Host": ["{http.request.hostport}"]}}},
        "transport": {"protocol": "http", "keep_alive": {"idle_timeout": idle}},
    }
    if parts.scheme == "https":
        proxy["transport"]["tls"] = {}
        proxy["headers"]["request"]["set"]["Host"] = [parts.netloc]
    return proxy
