"""Which names users may choose: such that buckets, addresses and tokens can carry them."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from geoscope.portal.accounts.models import RetiredName

# Of the platform itself, of its identities at the object store, or such as would deceive.
RESERVED = frozenset(
    {"administrator", "admin", "anonymous", "collections", "data-apis", "everybody", "geoscope", "jobs"}
    | {"operator", "platform", "public", "root", "security", "service", "support", "system", "uploads"}
)


def refuse_taken(name: str) -> None:
    """Refuse names of the platform, and of accounts that are gone.

    Raises
    ------
    ValidationError
        Without telling which of the two it is.
    """
    if name in RESERVED or name.startswith("service-") or RetiredName.objects.filter(name=name).exists():
        raise ValidationError(_("This name cannot be used. Choose another one."), code="name_taken")


USERNAME_VALIDATORS = [
    RegexValidator(
        r"^[a-z][a-z0-9-]{1,38}[a-z0-9]\Z",
        _("Use 3 to 40 small letters, digits and hyphens; begin with a letter."),
    ),
    refuse_taken,
]
