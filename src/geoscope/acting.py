"""Acting for a person while they are away: a job asks, when it runs, what they may do then."""

from urllib.parse import quote

import httpx

from geoscope.access import Principal, issue_token, issue_token_for
from geoscope.errors import NotAllowedError, UnavailableError
from geoscope.settings import Settings

# Of the platform's own parts; the portal tells them what was granted to somebody.
PRINCIPAL_READER = "principal-reader"
_PATH = "/health/principals/"
_TIMEOUT_S = 10.0


def principal_now(settings: Settings, subject: str, asker: str) -> Principal:
    """Return a person with all that is granted to them now, as the portal knows it.

    Parameters
    ----------
    settings : Settings
        Says where the portal listens.
    subject : str
        Who.
    asker : str
        Which part of the platform asks, as `service:NAME`.

    Raises
    ------
    NotAllowedError
        If they may not sign in any more.
    UnavailableError
        If the portal does not answer.
    """
    token = issue_token(settings, asker, frozenset({PRINCIPAL_READER}))
    try:
        answer = httpx.get(
            f"{settings.internal.portal_url}{_PATH}{quote(subject, safe='')}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise UnavailableError(f"The portal does not answer: {error!r}.", "Try again in a moment.") from error
    if answer.status_code == 404:
        raise NotAllowedError(f"There is nobody called {subject!r} who may sign in.")
    if not answer.is_success:
        raise UnavailableError(f"The portal answers {answer.status_code}.", "Try again in a moment.")
    known = answer.json()
    return Principal(
        subject, frozenset(known["roles"]), frozenset(known["entities"]), frozenset(known["quotas"])
    )


def authorization_of(settings: Settings, principal: Principal) -> str:
    """Return the header by which a part of the platform asks another in somebody's name."""
    return f"Bearer {issue_token_for(settings, principal)}"
