"""Who may have data: every policy, asked by everybody; and what the refused are told."""

import pytest

from geoscope.access import Policy, Principal, may_have, require_data
from geoscope.errors import InvalidInputError, NotAllowedError, NotSignedInError

OWNER = "user:olga"

ASKERS = {
    "stranger": None,
    "registered": Principal("rita"),
    "with the role": Principal("rolf", frozenset({"DPAD_Direct_Access"})),
    "with another role": Principal("otto", frozenset({"dpad_direct_access", "catalogue-editor"})),
    "member": Principal("mia", entities=frozenset({"met-office"})),
    "member elsewhere": Principal("max", entities=frozenset({"met-office-2", "met"})),
    "role named as the entity": Principal("eva", frozenset({"met-office", "entity:met-office"})),
    "entity named as the role": Principal("ian", entities=frozenset({"DPAD_Direct_Access"})),
    "owner": Principal("olga"),
    "named like the owner": Principal("user:olga"),
    "administrator": Principal("adam", frozenset({"administrator"})),
    "part of the platform": Principal("service:viewer"),
    "part with the role": Principal("service:workflows", frozenset({"DPAD_Direct_Access"})),
    "part as administrator": Principal("service:portal", frozenset({"administrator"})),
    # A program of rolf's whose token was given fewer roles than he has.
    "program with fewer roles": Principal("rolf", frozenset()),
}

ALLOWED = {
    "public": set(ASKERS),
    "registered": set(ASKERS) - {"stranger"},
    "role:DPAD_Direct_Access": {
        *("with the role", "owner", "administrator"),
        *("part with the role", "part as administrator"),
    },
    "entity:met-office": {"member", "owner", "administrator", "part as administrator"},
    # No manifest has it, and nobody: closed, not open.
    "role:no-such-role": {"owner", "administrator", "part as administrator"},
    # Roles and entities are told apart.
    "entity:dpad": {"owner", "administrator", "part as administrator"},
}


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("policy", ALLOWED)
def test_who_may_have_data(policy, asker):
    principal, expected = ASKERS[asker], asker in ALLOWED[policy]
    assert may_have(Policy.parse(policy), principal, OWNER) is expected
    if expected:
        require_data("https://earth.example", Policy.parse(policy), principal, OWNER)
        return
    error = NotSignedInError if principal is None else NotAllowedError
    with pytest.raises(error):
        require_data("https://earth.example", Policy.parse(policy), principal, OWNER)


@pytest.mark.parametrize("policy", ALLOWED)
def test_nobody_owns_what_has_no_owner(policy):
    for name in ("", "None", "user:"):
        expected = policy in ("public", "registered")
        assert may_have(Policy.parse(policy), Principal(name), None) is expected


@pytest.mark.parametrize(
    ("policy", "said", "page"),
    [
        ("role:a-role", "people with the role 'a-role'", "/account/requests/new?role=a-role"),
        ("entity:met.office", "members of the entity 'met.office'", "/entities/met.office"),
        ("registered", "people who have signed in", ""),
    ],
)
def test_the_refused_are_told_for_whom_it_is_and_where_to_ask(policy, said, page):
    with pytest.raises(NotSignedInError, match="Sign in") as refused:
        require_data("https://earth.example", Policy.parse(policy), None)
    assert said in refused.value.problem
    assert refused.value.help_url == (f"https://earth.example{page}" if page else "")
    assert page in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "private", "Public", "public:", "public:x", "registered:all", "role", "role:", "role:a b"),
        *(
            "role:../x",
            "role:a?x=1",
            "role:-a",
            "entity:",
            "entity:Upper",
            "entity:a/b",
            "entity:..",
            "user:anna",
        ),
        *("role:" + "a" * 62, "role:a\n", " role:a", "role:a&role=b"),
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(InvalidInputError):
        Policy.parse(text)


@pytest.mark.parametrize("text", ALLOWED)
def test_a_policy_is_read_as_it_is_written(text):
    assert str(Policy.parse(text)) == text
