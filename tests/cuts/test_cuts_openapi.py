"""The API does what its OpenAPI document says, for requests that schemathesis makes up."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from geoscope.cuts.api import create_application
from local_holdings import LocalHoldings, client_of

# JSON Schema cannot say what well-known text must be: much of what fits the schemas is refused.
CHECKS = [schemathesis.checks.not_a_server_error, content_type_conformance, status_code_conformance]
# No object store runs here: products have tests of their own.
API = schemathesis.openapi.from_dict(create_application().openapi()).exclude(path_regex="/products/")

some_examples = hypothesis_settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def small_client(level_cubes):
    with client_of(create_application(), LocalHoldings(*level_cubes)) as client:
        yield client


@API.parametrize()
@some_examples
def test_answers_are_as_described(case, small_client):
    # Data that is there, so that what was made up for the query is read.
    there = {"collection": "closed-form", "instance": "one", "location": "FRA"}
    case.path_parameters = {name: there[name] for name in case.path_parameters}
    response = small_client.request(case.method, case.formatted_path, params=case.query, headers=case.headers)
    case.validate_response(schemathesis.Response.from_any(response), checks=CHECKS)
