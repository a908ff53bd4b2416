"""What the demo is made of: which files, and what a public page says of them.

All files come from the package iris-sample-data. What is said here stands in the files' own attributes, in
the gallery of Iris (https://scitools-iris.readthedocs.io/en/stable/generated/gallery/) or in the papers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LICENSE = "OGL-UK-3.0"
LICENSE_URL = "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/"
SOURCE_URL = "https://github.com/SciTools/iris-sample-data"
ATTRIBUTION = "© British Crown copyright, licensed under the Open Government Licence v3.0."


type ProviderRole = Literal["producer", "processor", "licensor", "host"]


@dataclass(frozen=True)
class Provider:
    """Who made, processed, licensed or hosts the data (STAC 1.1 provider)."""

    name: str
    url: str
    roles: tuple[ProviderRole, ...]


@dataclass(frozen=True)
class Publication:
    """A paper that describes the data (STAC scientific extension 1.0)."""

    doi: str
    citation: str


@dataclass(frozen=True)
class Drawing:
    """How a variable is drawn unless the user says otherwise."""

    variable: str
    title: str
    colormap: str
    minimum: float
    maximum: float


@dataclass(frozen=True)
class DemoItem:
    """One cube, made of the files that a pattern below the package's data folder names."""

    id: str
    title: str
    description: str
    files: str


@dataclass(frozen=True)
class Regridding:
    """How a collection's data is brought to HEALPix and stored as a twin's cube.

    Attributes
    ----------
    level : int
        HEALPix level.
    of : DemoCollection
        Whose data it is.
    mars : mapping
        Keys in ECMWF's vocabulary, and of the variable `param`; they say that this is none of ECMWF's data.
    """

    level: int
    of: "DemoCollection"
    mars: Mapping[str, str]


@dataclass(frozen=True)
class DemoCollection:
    """A collection of the catalogue; each item is one run, period or scene of the same data."""

    id: str
    title: str
    description: str
    keywords: tuple[str, ...]
    institution: str
    providers: tuple[Provider, ...]
    drawing: Drawing
    items: tuple[DemoItem, ...]
    publications: tuple[Publication, ...] = ()
    regridding: Regridding | None = None


SCITOOLS = Provider("SciTools, iris-sample-data", SOURCE_URL, ("host",))
MET_OFFICE_URL = "https://www.metoffice.gov.uk/"

SCENARIOS = DemoCollection(
    id="uk-met-office-scenarios",
    title="Two climate futures for North America",
    description=(
        "Yearly mean air temperature, 1.5 m above the ground, from 1860 to 2099, as simulated by the Met "
        "Office climate model HadGEM2-AO under two emission scenarios of the European project ENSEMBLES. "
        "In A1B emissions grow until the middle of the century; in E1 they are cut early, to limit warming "
        "to about 2 °C. Until the end of the 20th century both follow the same history. The model's year has "
        "360 days."
    ),
    keywords=(
        "climate",
        "climate change",
        "climate model",
        "scenario",
        "projection",
        "air temperature",
        "North America",
        "HadGEM2-AO",
        "ENSEMBLES",
        "A1B",
        "E1",
        "yearly mean",
    ),
    institution="Met Office",
    providers=(Provider("Met Office", MET_OFFICE_URL, ("producer", "licensor")), SCITOOLS),
    drawing=Drawing("air_temperature", "Air temperature at 1.5 m", "cmocean:thermal", 255.0, 305.0),
    items=(
        DemoItem(
            id="a1b",
            title="Scenario A1B: emissions grow until mid-century",
            description=(
                "SRES scenario A1B: fast economic growth with a balance of energy sources; emissions peak "
                "around 2050."
            ),
            files="A1B_north_america.nc",
        ),
        DemoItem(
            id="e1",
            title="Scenario E1: emissions are cut early",
            description=(
                "ENSEMBLES scenario E1: strong mitigation that stabilises greenhouse gases at 450 ppm of CO2 "
                "equivalent."
            ),
            files="E1_north_america.nc",
        ),
    ),
    publications=(
        Publication(
            doi="10.1007/s00382-011-1005-5",
            citation=(
                "Johns T.C. et al. (2011): Climate change under aggressive mitigation: the ENSEMBLES "
                "multi-model experiment. Climate Dynamics 37 (9-10)."
            ),
        ),
        Publication(
            doi="10.1029/2009EO210001",
            citation=(
                "Lowe J.A. et al. (2009): New Study For Climate Modeling, Analyses, and Scenarios. "
                "Eos Trans. AGU 90 (21)."
            ),
        ),
    ),
)

OSTIA = DemoCollection(
    id="ostia-sea-surface-temperature",
    title="Sea surface temperature of the tropical oceans (OSTIA)",
    description=(
        "Monthly mean sea surface temperature of a belt around the equator (5° S to 5° N), April 2006 to "
        "September 2010, from the Met Office analysis OSTIA, which joins satellite and in-situ measurements. "
        "The swings between El Niño and La Niña show in the Pacific. Land has no values."
    ),
    keywords=(
        "ocean",
        "sea surface temperature",
        "SST",
        "temperature",
        "tropics",
        "El Niño",
        "La Niña",
        "satellite",
        "analysis",
        "OSTIA",
        "monthly mean",
    ),
    institution="Met Office",
    providers=(Provider("Met Office", MET_OFFICE_URL, ("producer", "licensor")), SCITOOLS),
    drawing=Drawing("surface_temperature", "Sea surface temperature", "cmocean:thermal", 293.0, 304.0),
    items=(
        DemoItem(
            id="monthly-2006-2010",
            title="Monthly means, April 2006 to September 2010",
            description="54 months on a grid of 5/6° by 5/9°.",
            files="ostia_monthly.nc",
        ),
    ),
)

NEMO = DemoCollection(
    id="nemo-ocean",
    title="Sea surface temperature of the world ocean (NEMO)",
    description=(
        "Monthly mean sea surface temperature of the ocean model NEMO for the first three months of a model "
        "year 2015, on the model's own curvilinear grid of about one degree, whose lines bend around two "
        "northern poles on land. The files do not say which experiment they belong to: read them as model "
        "output, not as observation. The model's year has 360 days."
    ),
    keywords=(
        "ocean",
        "ocean model",
        "sea surface temperature",
        "SST",
        "temperature",
        "global",
        "NEMO",
        "curvilinear grid",
        "monthly mean",
    ),
    institution="Unknown; the files say: An IPSL model",
    providers=(Provider("Met Office", MET_OFFICE_URL, ("licensor",)), SCITOOLS),
    drawing=Drawing("tos", "Sea surface temperature", "cmocean:thermal", -2.0, 32.0),
    items=(
        DemoItem(
            id="monthly-2015",
            title="Monthly means, January to March 2015",
            description="Three months on the T points of the grid, 330 rows by 360 columns.",
            files="NEMO/nemo_1m_2015*_grid-T.nc",
        ),
    ),
)

SEVIRI = DemoCollection(
    id="toa-brightness-temperature",
    title="The Earth in the infrared (SEVIRI, 10.8 µm)",
    description=(
        "Brightness temperature at the top of the atmosphere in the infrared window at 10.8 µm, seen by the "
        "instrument SEVIRI on a Meteosat Second Generation satellite over the North Atlantic and Europe. "
        "Cold is high cloud, warm is the ground or the sea. In a polar stereographic projection. The file "
        "says that it is for test purposes only."
    ),
    keywords=(
        "satellite",
        "infrared",
        "brightness temperature",
        "cloud",
        "weather",
        "Europe",
        "North Atlantic",
        "Meteosat",
        "MSG",
        "SEVIRI",
        "EUMETSAT",
    ),
    institution="Met Office",
    providers=(
        Provider("EUMETSAT", "https://www.eumetsat.int/", ("producer",)),
        Provider("Met Office", MET_OFFICE_URL, ("processor", "licensor")),
        SCITOOLS,
    ),
    drawing=Drawing("toa_brightness_temperature", "Brightness temperature", "crameri:grayC_r", 210.0, 320.0),
    items=(
        DemoItem(
            id="seviri-2016-05-16",
            title="16 May 2016, 12:00 UTC",
            description="One picture of 160 rows by 256 columns, about 35 km a cell at the pole.",
            files="toa_brightness_stereographic.nc",
        ),
    ),
)

NEMO_HEALPIX = DemoCollection(
    id="nemo-ocean-healpix",
    title="Sea surface temperature of the world ocean on HEALPix (NEMO, regridded)",
    description=(
        "The monthly means of the collection nemo-ocean, regridded by this platform: interpolated "
        "(bilinear) from the model's curvilinear grid to nested HEALPix of level 6 (nside 64, cells of "
        "about 0.9 degrees), in kelvin, and stored as the output of digital twins is. It shows how a twin "
        "looks and is asked for; it is not the output of a digital twin. The model's year has 360 days; the "
        "times are its calendar dates."
    ),
    keywords=(*NEMO.keywords[:-2], "HEALPix", "regridded", "monthly mean"),
    institution=NEMO.institution,
    providers=NEMO.providers,
    drawing=Drawing("avg_tos", "Sea surface temperature", "cmocean:thermal", 271.15, 305.15),
    items=(
        DemoItem(
            id="clmn-o2d-standard",
            title="Monthly means, January to March 2015",
            description="Three months on 49,152 cells of equal area; land has no values.",
            files=NEMO.items[0].files,
        ),
    ),
    regridding=Regridding(
        level=6,
        of=NEMO,
        mars={
            "class": "rd",
            "dataset": "geoscope-demo",
            "activity": "regridded",
            "experiment": "sample",
            "generation": "1",
            "model": "NEMO",
            "realization": "1",
            "expver": "demo",
            "stream": "clmn",
            "type": "fc",
            "levtype": "o2d",
            "resolution": "standard",
        },
    ),
)

COLLECTIONS = (SCENARIOS, OSTIA, NEMO, SEVIRI)
TWINS = (NEMO_HEALPIX,)
