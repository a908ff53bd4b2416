"""What programs are told of a key that reads; each piece runs as it is shown."""

import json

from geoscope.portal.explorer.snippets import Snippet


def reading_snippets(base: str, user_key: str) -> list[Snippet]:
    """Return where polytope-client and earthkit-data look for a key, and how curl sends it.

    Parameters
    ----------
    base : str
        The platform's address.
    user_key : str
        The key.
    """
    file = f"""\
install -m 600 /dev/null ~/.polytopeapirc
cat > ~/.polytopeapirc <<'END'
{json.dumps({"user_key": user_key})}
END
"""
    shell = f"""\
export POLYTOPE_ADDRESS={base}/polytope
export POLYTOPE_USER_KEY={user_key}
"""
    curl = f"""\
curl -H 'Authorization: Bearer {user_key}' {base}/edr/collections
"""
    return [Snippet("~/.polytopeapirc", file), Snippet("Shell", shell), Snippet("curl", curl)]
