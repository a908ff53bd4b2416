"""The host names of Destination Earth, answered by this platform: for clients that know no others.

Names must resolve to this machine where such a client runs, and the client must trust the platform's own
certificate authority (`edge/pki/authorities/local/root.crt` in the data folder).
"""

from typing import Any

SITES = ("central", "lumi", "leonardo", "mn5", "marenostrum")
DATA_LAKE = "data.destination-earth.eu"

# Identity and the catalogue lie at the same paths as under the platform's own name.
_SAME_PATHS = ("auth.destine.eu", f"identity.{DATA_LAKE}", f"hda.{DATA_LAKE}")
_DOWNLOADS = tuple(f"hda-download.{site}.{DATA_LAKE}" for site in SITES)
_S3 = tuple(f"s3.{site}.{DATA_LAKE}" for site in SITES)
# The Polytope API; also where clients of the twins are sent back to when they have signed in.
_TWINS = tuple(f"polytope.{site}.apps.dte.destination-earth.eu" for site in SITES)

HOSTS = (*_SAME_PATHS, *_DOWNLOADS, *_S3, *_TWINS)

type Json = dict[str, Any]


def host_routes(platform: list[Json], s3: list[Json], data_apis: Json) -> list[Json]:
    """Return the routes of these hosts.

    Parameters
    ----------
    platform, s3 : list of dict
        What answers under the platform's own names.
    data_apis : dict
        The handler that passes a request on to the data services.
    """
    downloads = [{"handle": [{"handler": "rewrite", "uri": "/stac/v2{http.request.uri}"}, data_apis]}]
    twins: list[Json] = [
        {
            "match": [{"path": ["/api/v1/*"]}],
            "handle": [{"handler": "rewrite", "uri": "/polytope{http.request.uri}"}, data_apis],
            "terminal": True,
        },
        # Where the answers lead.
        {"match": [{"path": ["/polytope/*"]}], "handle": [data_apis], "terminal": True},
        {"handle": [{"handler": "static_response", "status_code": 200}]},
    ]
    return [
        _host(_SAME_PATHS, platform),
        _host(_DOWNLOADS, downloads),
        _host(_S3, s3),
        _host(_TWINS, twins),
    ]


def _host(names: tuple[str, ...], routes: list[Json]) -> Json:
    return {
        "match": [{"host": list(names)}],
        "handle": [{"handler": "subroute", "routes": [_nameless(route) for route in routes]}],
        "terminal": True,
    }


def _nameless(route: Json) -> Json:
    """Return a route without its name: Caddy ends, and does not say why, when a name comes twice."""
    return {name: value for name, value in route.items() if name != "@id"}


def certificates() -> Json:
    """Return the policy by which the platform's own authority certifies these names, and nobody is asked."""
    return {"automation": {"policies": [{"subjects": list(HOSTS), "issuers": [{"module": "internal"}]}]}}
