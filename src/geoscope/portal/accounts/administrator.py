"""The first administrator, made at the first start; signs in by a link, has no password."""

from geoscope.errors import NotFoundError
from geoscope.portal.accounts.models import User

FIRST_ADMINISTRATOR = "administrator"


def ensure_administrator() -> None:
    """Make the first administrator unless somebody administers already."""
    if not User.objects.filter(is_superuser=True).exists():
        User.objects.create_superuser(FIRST_ADMINISTRATOR)


def find_user(name: str | None) -> User:
    """Return an active user by name; without a name, the administrator who was there first.

    Raises
    ------
    NotFoundError
        If there is no such user.
    """
    active = User.objects.filter(is_active=True).order_by("pk")
    user = active.filter(username=name).first() if name else active.filter(is_superuser=True).first()
    if user is None:
        raise NotFoundError(
            f"There is no active user {name!r}." if name else "There is no active administrator.",
            "`python -m geoscope.portal prepare` makes the first administrator.",
        )
    return user
