"""The API does what its OpenAPI document says, for requests that schemathesis makes up."""

import re

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

from geoscope.access import issue_token
from geoscope.catalogue.api import create_application
from geoscope.catalogue.manifest import EDITOR_ROLE

# Parts of the catalogue with tests of their own.
OTHERS = r"^/stac/(v2|publishing|data|federation|orders)|/sharing$"

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

DESCRIBED = schemathesis.openapi.from_dict(create_application().openapi()).exclude(path_regex=OTHERS)


@pytest.fixture
def filled(add_items):
    add_items(make_item("a", properties={"gsd": 10}), collection="anna")


@DESCRIBED.parametrize()
@hypothesis_settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case, filled, running, settings):
    token = issue_token(settings, "anna", frozenset({EDITOR_ROLE}))
    case.call_and_validate(base_url=running, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)


def test_every_route_is_described_with_its_refusals(visitor):
    document = visitor.get("/stac/api").json()
    assert document["openapi"].startswith("3.1")
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not re.search(OTHERS, path)
    ]
    assert len(operations) > 20
    for path, method, operation in operations:
        assert "4XX" in operation["responses"], (method, path)
        assert "422" not in operation["responses"], (method, path)
        assert operation["description"], (method, path)
        if method in ("post", "put", "patch"):
            assert operation["requestBody"]["required"], (method, path)
