"""The API does what its OpenAPI document says, for requests that schemathesis makes up."""

import pytest
import schemathesis
from catalogue_documents import make_item
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.datastructures import State

from geoscope.access import issue_token
from geoscope.catalogue.api import create_application
from geoscope.catalogue.data_lake.application import create_data_lake
from geoscope.catalogue.manifest import EDITOR_ROLE, PUBLISHER_ROLE

# Besides that nothing may fail. JSON Schema cannot say what a filter, a token or a STAC document must be, so
# much of what fits the schemas is refused; whatever does not fit them must be.
CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]

# The Data Lake's shape takes what its clients send besides.
LENIENT_CHECKS = [check for check in CHECKS if check is not negative_data_rejection]

# No object store runs here: what is uploaded has tests of its own.
CATALOGUE = schemathesis.openapi.from_dict(create_application().openapi()).exclude(path_regex="/uploads/")
DATA_LAKE = schemathesis.openapi.from_dict(create_data_lake(State()).openapi())

some_examples = hypothesis_settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def filled(add_items):
    add_items(make_item("a", properties={"gsd": 10}), collection="anna")


@CATALOGUE.parametrize()
@some_examples
def test_answers_are_as_described(case, filled, running, settings):
    validate(case, running, settings, CHECKS)


@DATA_LAKE.parametrize()
@some_examples
def test_answers_in_the_data_lakes_shape_are_as_described(case, filled, running, settings):
    validate(case, running, settings, LENIENT_CHECKS)


def validate(case, address, settings, checks):
    token = issue_token(settings, "anna", frozenset({EDITOR_ROLE, PUBLISHER_ROLE}))
    case.call_and_validate(base_url=address, headers={"Authorization": f"Bearer {token}"}, checks=checks)


@pytest.mark.parametrize("address", ["/stac/api", "/stac/v2/api"])
def test_every_route_is_described_with_its_refusals(visitor, address):
    document = visitor.get(address).json()
    assert document["openapi"].startswith("3.1")
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(operations) > 12
    for path, method, operation in operations:
        assert "4XX" in operation["responses"], (method, path)
        assert "422" not in operation["responses"], (method, path)
        assert operation["description"], (method, path)
        if method in ("post", "put", "patch"):
            assert operation["requestBody"]["required"], (method, path)
