"""Who asks."""

from dataclasses import dataclass

from geoscope.errors import NotAllowedError

ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Principal:
    """Who asks: a person or a service, and what was granted to them.

    Parameters
    ----------
    subject : str
        A user's name, or `service:NAME` for a program that belongs to nobody. Never given to anybody else.
    roles : frozenset of str
        The roles that were granted.
    entities : frozenset of str
        Identifiers of the entities (organisations) that they are members of.
    quotas : frozenset of str
        The granted quotas, each as `SERVICE/QUOTA` with the names of the service's manifest.
    """

    subject: str
    roles: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()
    quotas: frozenset[str] = frozenset()

    def has_role(self, role: str) -> bool:
        """Tell whether a role was granted; an administrator has every role."""
        return role in self.roles or ADMINISTRATOR in self.roles

    def require_role(self, role: str) -> None:
        """Refuse a principal without this role.

        Raises
        ------
        NotAllowedError
            Naming the role that is missing.
        """
        if not self.has_role(role):
            raise NotAllowedError(
                f"This needs the role {role!r}.", "Ask the operator of this platform to grant it."
            )
