"""Where products may be fetched from."""

import pytest

from geoscope.catalogue.orders.origins import OriginRefusedError, open_client, require_origin
from geoscope.catalogue.orders.sources import SourceError, open_source, safe_name
from geoscope.network import PrivateAddressError
from geoscope.settings import CatalogueSettings, OrderSettings, Settings

ALLOWED = OrderSettings(
    origins=("https://data.example.org", "https://*.tiles.example.org", "http://lan.example:8080")
)


@pytest.mark.parametrize(
    "url",
    [
        "https://data.example.org/a?b=c",
        "https://data.example.org:443/a",
        "HTTPS://DATA.example.org/a",
        "https://a.tiles.example.org/x",
        "https://a.b.tiles.example.org/x",
        "http://lan.example:8080/x",
    ],
)
def test_an_allowed_origin(url):
    require_origin(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "http://data.example.org/a",
        "https://data.example.org:8443/a",
        "https://data.example.org.evil.example/a",
        "https://evil-tiles.example.org/a",
        "https://tiles.example.org/a",
        "https://.tiles.example.org/a",
        "https://user:password@data.example.org/a",
        "https://data.example.org@evil.example/a",
        "https://evil.example/https://data.example.org",
        "http://lan.example/x",
        "file:///etc/passwd",
        "ftp://data.example.org/a",
        "https://data.example.org:99999/",
        "//data.example.org/a",
        "",
    ],
)
def test_any_other_is_refused(url):
    with pytest.raises(OriginRefusedError) as refused:
        require_origin(url, ALLOWED)
    assert "password" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0"]
)
def test_a_private_address_is_refused_even_at_an_allowed_origin(host, origin):
    with open_client(OrderSettings()) as client, pytest.raises(PrivateAddressError, match="private network"):
        client.get(f"http://{host}:{origin.url.rpartition(':')[2]}/good/1/x")


def test_a_busy_source_is_given_up_after_a_while(origin, monkeypatch):
    monkeypatch.setattr("geoscope.catalogue.orders.sources.PAUSES_S", (0.01,) * 3)
    orders = OrderSettings(origins=(origin.url,), allow_private_addresses=True)
    settings = Settings(catalogue=CatalogueSettings(orders=orders))
    source = open_source(f"{origin.url}/always-busy/1/busy.bin", settings)
    with pytest.raises(SourceError, match="failed 4 times in a row"):
        list(source.chunks())
    assert origin.count("busy.bin") == 4


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("https://a/b/c.nc?x=/y", "c.nc"),
        ("s3://b/a%20b.nc", "a_b.nc"),
        ('https://a/%22%0d%0aSet-Cookie:x"', "_Set-Cookie_x_"),
        ("https://a/..%2f..%2fetc", "etc"),
        ("https://a/.hidden", "hidden"),
        ("https://a/", "fallback"),
        ("https://a/" + "x" * 500 + ".grib", "x" * 195 + ".grib"),
    ],
)
def test_names_are_safe_in_headers_and_archives(href, name):
    assert safe_name(href, "fallback") == name
