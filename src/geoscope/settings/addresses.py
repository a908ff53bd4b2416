"""Where the platform listens, and where its parts find each other."""

from typing import ClassVar

from pydantic import Field

from geoscope.settings.values import Group, HostName, Port


class EdgeSettings(Group):
    """Where the platform listens."""

    host: str | None = Field(
        None,
        description="Address to listen on: loopback until told otherwise, every one with a public host name.",
    )
    port: Port = Field(8080, description="Port of pages and APIs.")
    s3_port: Port | None = Field(
        None, description="Port of the S3 endpoint; by default the next after `port`."
    )
    public_host: HostName | None = Field(
        None, description="Public host name; when set, HTTPS with an automatic certificate."
    )
    https_port: Port = Field(443, description="Port of HTTPS, when a public host name is set.")
    http_port: Port = Field(80, description="Port that redirects to HTTPS, when a public host name is set.")


class InternalSettings(Group):
    """Addresses of the parts behind the edge. The runtime sets them for each part that it starts."""

    # For so long they keep a connection that nobody uses: longer than who asks them, the edge or a part with
    # httpx, keeps it. Who closes first decides that no request is just on its way.
    KEEP_ALIVE_S: ClassVar[int] = 75

    portal_url: str = "http://127.0.0.1:8081"
    data_apis_url: str = "http://127.0.0.1:8082"
    object_store_url: str = "http://127.0.0.1:8083"
    object_store_filer_url: str = "http://127.0.0.1:8084"
