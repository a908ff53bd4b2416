"""What the OpenAPI document says of queries."""

from collections.abc import Sequence

from geoscope.cube_items import Document
from geoscope.cuts.forms import Form
from geoscope.cuts.parameters import Kind, Parameter


def openapi_of_query(parameters: Sequence[Parameter], *, in_instance: bool, kind: Kind) -> Document:
    """Return what the OpenAPI document says of a query: its parameters and answers."""
    in_path = ["collection", *(["instance"] if in_instance else [])]
    in_path += ["location"] if kind is Kind.LOCATIONS else []
    described: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in in_path
    ]
    described += [
        {
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.description,
            "schema": {"type": "string"} | ({"enum": parameter.choices} if parameter.choices else {}),
        }
        | ({"example": parameter.example} if parameter.example else {})
        for parameter in parameters
    ]
    media_types: Document = {form.media_type.partition(";")[0]: {} for form in Form}
    return {
        "parameters": described,
        "responses": {
            "200": {
                "description": "The cut, or its estimate",
                "content": {"application/json": {}} | media_types,
            },
        },
    }
