"""Makes users of a portal that runs: a program in its environment, told a line of JSON at a time."""

import json
import os
import sys
from datetime import timedelta
from functools import lru_cache

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "geoscope.portal.settings"
django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from allauth.idp.oidc.models import Client  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.utils import timezone  # noqa: E402

from geoscope.portal.accounts.models import Terms, User  # noqa: E402
from geoscope.portal.accounts.personal_data import delete_account  # noqa: E402
from geoscope.portal.entities.members import add_member, remove_member  # noqa: E402
from geoscope.portal.entities.models import Entity  # noqa: E402
from geoscope.portal.grants.models import Request, ServiceProvider  # noqa: E402
from geoscope.portal.identity.clients import hash_of_random_secret  # noqa: E402
from geoscope.portal.identity.models import IssuedToken, KeyTerms  # noqa: E402
from geoscope.portal.storage.models import StorageKey  # noqa: E402


@lru_cache
def hashed(password):
    """A password as it is kept; made once for all who have it, as it takes a quarter of a second."""
    return make_password(password)


def make_user(name, password, roles=(), totp=None, verified=True, **fields):
    user = User(username=name, email=f"{name}@example.org", password=hashed(password), **fields)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, verified=verified, primary=True)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    if totp:
        TOTP.activate(user, totp)


def make_client(
    client_id, redirects=(), secret=None, scopes=("openid",), grants=("authorization_code",), **fields
):
    owner = User.objects.filter(username=fields.pop("owner_name", None)).first()
    kept = hash_of_random_secret(secret) if secret else "!"
    client = Client(pk=client_id, owner=owner, name=fields.pop("name", client_id), secret=kept, **fields)
    client.type = Client.Type.CONFIDENTIAL if secret else Client.Type.PUBLIC
    client.set_redirect_uris(list(redirects))
    client.set_scopes(list(scopes))
    client.set_default_scopes(["openid"])
    client.set_grant_types(list(grants))
    client.save()


def change_requests(told):
    for number, changes in told.get("requests", {}).items():
        Request.objects.filter(pk=number).update(**changes)
    if "providers" in told:
        ServiceProvider.objects.all().delete()
        for service, slug in told["providers"].items():
            ServiceProvider.objects.create(service=service, entity_id=slug)


def change_rights(told):
    for entity in told.get("entities", ()):
        members = entity.pop("members")
        made = Entity.objects.create(**entity, description="For tests.")
        for name in members:
            add_member(made, User.objects.get(username=name), by="service:tests")
    for name, slug in told.get("left", {}).items():
        user = User.objects.get(username=name)
        remove_member(user, Entity.objects.get(slug=slug), name)
    for access_key, day in told.get("last_day", {}).items():
        StorageKey.objects.filter(access_key=access_key).update(until=day)
    for client_id, day in told.get("last_days_of_keys", {}).items():
        KeyTerms.objects.filter(client=client_id).update(until=day)
    for name in told.get("switched_off", ()):
        user = User.objects.get(username=name)
        user.is_active = False
        user.save()


def do(told):
    for user in told.get("users", ()):
        make_user(**user)
    for client in told.get("clients", ()):
        make_client(**client)
    for name, changes in told.get("changes", {}).items():
        User.objects.filter(username=name).update(**changes)
    for name, roles in told.get("roles", {}).items():
        groups = [Group.objects.get_or_create(name=role)[0] for role in roles]
        User.objects.get(username=name).groups.set(groups)
    change_requests(told)
    if "spent_ago_s" in told:
        then = timezone.now() - timedelta(seconds=told["spent_ago_s"])
        IssuedToken.objects.exclude(spent=None).update(spent=then)
    for terms in told.get("terms", ()):
        Terms.objects.create(**terms)
    change_rights(told)
    for name in told.get("deleted", ()):
        delete_account(User.objects.get(username=name))


for line in sys.stdin:
    do(json.loads(line))
    sys.stdout.write("done\n")
    sys.stdout.flush()
