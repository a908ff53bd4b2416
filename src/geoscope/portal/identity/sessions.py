"""What ends with a session or a password: everything that was given out under it."""

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.usersessions import signals
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_delete
from django.http import HttpRequest
from django.utils import timezone

from geoscope.portal.accounts.models import User
from geoscope.portal.identity.families import end_families_of_session, end_families_of_user


def connect() -> None:
    """Listen to sign-ins, sign-outs and changes of passwords."""
    # Its app, which comes after ours, connects what stands here.
    signals.on_user_logged_in = _signed_in
    user_logged_out.connect(_signed_out)
    post_delete.connect(_session_ended, sender=UserSession)
    for signal in (password_changed, password_reset, password_set):
        signal.connect(_password_changed)


def _signed_in(request: HttpRequest, **_details: object) -> None:
    """Keep a new session in the user's list and take those out that ended.

    allauth looks at each session by itself, which makes a sign-in take seconds after a thousand others.
    """
    lasting = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    UserSession.objects.filter(~Exists(lasting), user=request.user).delete()
    UserSession.objects.create_from_request(request)


def _signed_out(request: HttpRequest, **_details: object) -> None:
    end_families_of_session(request.session.session_key or "")


def _session_ended(instance: UserSession, **_details: object) -> None:
    end_families_of_session(instance.session_key)


def _password_changed(user: User, **_details: object) -> None:
    end_families_of_user(user)
