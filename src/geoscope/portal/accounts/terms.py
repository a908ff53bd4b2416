"""Terms of use: versions, and who accepted which."""

from geoscope.portal.accounts.models import AcceptedTerms, Terms, User


def newest_terms() -> Terms | None:
    """Return the version that counts, or None while there is none."""
    return Terms.objects.order_by("-published").first()


def terms_to_accept(user: User) -> Terms | None:
    """Return the version that a user has still to accept, or None."""
    newest = newest_terms()
    if newest is None or AcceptedTerms.objects.filter(user=user, terms=newest).exists():
        return None
    return newest


def accept_terms(user: User, terms: Terms) -> None:
    """Remember that a user accepts a version, and when."""
    AcceptedTerms.objects.get_or_create(user=user, terms=terms)
