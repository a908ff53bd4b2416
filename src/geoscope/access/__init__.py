"""Who is asking, and may they: one question that every data service asks in the same way."""

from geoscope.access.policies import (
    ANNOUNCED_AS,
    PUBLIC,
    REGISTERED,
    Audience,
    Policy,
    may_have,
    refusal,
    require_data,
)
from geoscope.access.principals import ADMINISTRATOR, Principal
from geoscope.access.tokens import (
    AUDIENCE,
    CLOCK_SKEW_S,
    READING_AUDIENCE,
    TOKEN_LIFETIME_S,
    claims_of,
    issue_token,
    issue_token_for,
    principal_of_header,
    verify_token,
)

__all__ = [
    "ADMINISTRATOR",
    "ANNOUNCED_AS",
    "AUDIENCE",
    "CLOCK_SKEW_S",
    "PUBLIC",
    "READING_AUDIENCE",
    "REGISTERED",
    "TOKEN_LIFETIME_S",
    "Audience",
    "Policy",
    "Principal",
    "claims_of",
    "issue_token",
    "issue_token_for",
    "may_have",
    "principal_of_header",
    "refusal",
    "require_data",
    "verify_token",
]
