"""What ends with a session or a password: everything that was given out under it."""

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete
from django.http import HttpRequest

from geoscope.portal.accounts.models import User
from geoscope.portal.identity.families import end_families_of_session, end_families_of_user


def connect() -> None:
    """Listen to sign-outs and to changes of passwords."""
    user_logged_out.connect(_signed_out)
    post_delete.connect(_session_ended, sender=UserSession)
    for signal in (password_changed, password_reset, password_set):
        signal.connect(_password_changed)


def _signed_out(request: HttpRequest, **_details: object) -> None:
    end_families_of_session(request.session.session_key or "")


def _session_ended(instance: UserSession, **_details: object) -> None:
    end_families_of_session(instance.session_key)


def _password_changed(user: User, **_details: object) -> None:
    end_families_of_user(user)
