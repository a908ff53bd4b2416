"""The catalogue: its store, loads, orders, users' own collections."""

from typing import Annotated

from pydantic import Field, StringConstraints

from geoscope.settings.federation import FederationSettings
from geoscope.settings.values import DatabaseUrl, Group, HostName, Origin


class OrderSettings(Group):
    """Orders of products that are not online, and where products may be fetched from."""

    origins: tuple[Origin, ...] = Field(
        (),
        description="Where products of local items may be fetched from, such as `https://data.example.org` "
        "or `https://*.example.org`.",
    )
    allow_private_addresses: bool = Field(
        default=False, description="Whether `origins` may lie in a private network or on this machine."
    )
    keep_days: Annotated[float, Field(gt=0, le=3650)] = Field(
        14.0, description="How long a delivered product is kept."
    )
    max_product_bytes: Annotated[int, Field(ge=1)] = Field(
        50 * 1024**3, description="Largest product that is delivered."
    )
    max_bytes_per_user: Annotated[int, Field(ge=1)] = Field(
        200 * 1024**3, description="Most that is kept for one user at once."
    )
    max_waiting_per_user: Annotated[int, Field(ge=1)] = Field(
        20, description="Most orders of one user that are not delivered yet."
    )
    max_hours: Annotated[float, Field(gt=0)] = Field(
        24.0, description="Longest time that one delivery may take."
    )


class PublishingSettings(Group):
    """Limits of users' own collections, and of the processes that read their files."""

    max_items: Annotated[int, Field(ge=1)] = Field(
        10_000, description="Most items of a published collection."
    )
    max_bytes: Annotated[int, Field(ge=1)] = Field(
        100 * 1024**3, description="Most bytes that may be uploaded for one collection."
    )
    max_grib_bytes: Annotated[int, Field(ge=1)] = Field(
        2 * 1024**3, description="Largest GRIB file; it is copied to a temporary file to be read."
    )
    reader_timeout_s: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Longest time that the reading of one file may take, in seconds."
    )
    reader_memory_bytes: Annotated[int, Field(ge=512 * 1024**2)] = Field(
        4 * 1024**3, description="Most memory (address space) of a process that reads files."
    )


class LoadingSettings(Group):
    """Loads that are asked for by the API; the command line may load from anywhere."""

    allowed_hosts: tuple[HostName, ...] = Field(
        (), description="Hosts that may be loaded from besides public ones, also by plain HTTP."
    )
    max_download_bytes: Annotated[int, Field(ge=1)] = Field(
        100 * 1024**3, description="Largest file that is fetched to be loaded."
    )


INDEXED_PROPERTIES = (
    *("datetime", "start_datetime", "end_datetime", "created", "updated", "title"),
    *("platform", "constellation", "instruments", "gsd", "federation:backends"),
    *("eo:cloud_cover", "eo:snow_cover", "view:sun_elevation", "view:sun_azimuth", "view:off_nadir"),
    *("sat:orbit_state", "sat:relative_orbit", "sat:absolute_orbit", "sar:instrument_mode"),
    *("sar:polarizations", "grid:code", "s2:mgrs_tile", "proj:code", "processing:level", "product:type"),
    *("storage:tier", "order:status", "ecmwf:class", "ecmwf:dataset", "ecmwf:activity"),
    *("ecmwf:experiment", "ecmwf:generation", "ecmwf:model", "ecmwf:realization", "ecmwf:resolution"),
    *("ecmwf:expver", "ecmwf:stream", "ecmwf:type", "ecmwf:levtype", "ecmwf:levelist", "ecmwf:param"),
    *("ecmwf:date", "ecmwf:time", "ecmwf:step"),
)


class CatalogueSettings(Group):
    """The catalogue's store and limits."""

    indexed_properties: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = Field(
        INDEXED_PROPERTIES,
        description="Properties of items that searches, sorting and summaries are quick by, in every "
        "collection; a collection adds those that its `summaries` name.",
    )

    database_url: DatabaseUrl | None = Field(
        None,
        description="PostgreSQL database that keeps the catalogue, such as `postgresql://USER@HOST/DATABASE`;"
        " by default it is a file in the data folder.",
    )
    max_page_size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1000, description="Largest `limit` of a search."
    )
    data_lake_requires_token: bool = Field(
        default=False, description="Whether `/stac/v2` asks for a token also where data is public."
    )
    orders: OrderSettings = OrderSettings()
    federation: FederationSettings = FederationSettings()
    loading: LoadingSettings = LoadingSettings()
    publishing: PublishingSettings = PublishingSettings()
