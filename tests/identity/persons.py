"""People of a real portal with their tokens: they ask for things, and decide on them."""

import itertools
import shutil
import time
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from pathlib import Path

import httpx
from known_people import PASSWORD

from geoscope.access import verify_token

PURPOSE = "We train a small model on twenty years of sea ice."
STACK_DASK = Path(__file__).parent / "stack-dask.toml"

_numbers = itertools.count()


def day(ahead):
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def new_name(word):
    """A name that nobody has: tests share a portal, and names are never given again."""
    return f"{word}-{next(_numbers)}-{time.time_ns() % 10**6}"


def offer_dask(portal):
    shutil.copy(STACK_DASK, portal.settings.data_dir / "services")


def readable(mail):
    """Subject and text of a mail as people read them."""
    message = message_from_string(mail, policy=policy.default)
    return f"{message['Subject']}\n{message.get_content()}"


class Person:
    """Somebody new, signed in with a browser and with a token."""

    def __init__(self, portal, word="person", roles=(), **fields):
        self.portal, self.name = portal, new_name(word)
        portal.make(users=[{"name": self.name, "password": PASSWORD, "roles": list(roles), **fields}])
        self.email = f"{self.name}@example.org"
        self.sign_in()

    def sign_in(self):
        self.browser = self.portal.visitor()
        assert self.browser.sign_in(self.name, PASSWORD).status_code == 302
        self.tokens = self.browser.tokens(self.browser.code()).json()
        self.token = self.tokens["access_token"]

    def ask(self, method, path, **body):
        # From an address of their own, as limits count by address.
        address = self.browser.http.headers["X-Forwarded-For"]
        headers = {"Authorization": f"Bearer {self.token}", "X-Forwarded-For": address}
        return httpx.request(
            method,
            f"{self.portal.url}/api{path}",
            json=body or None,
            headers=headers,
            timeout=60,
            trust_env=False,
        )

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def request(self, offer="stack-dask/medium", until=60, **more):
        answer = self.ask("POST", "/requests", offer=offer, purpose=PURPOSE, until=day(until), **more)
        assert answer.status_code == 201, answer.text
        return answer.json()["number"]

    def step(self, number, step, reason="Because.", **more):
        return self.ask("POST", f"/requests/{number}/steps", step=step, reason=reason, **more)

    def found_entity(self, board, word="lab"):
        """An entity of this person, approved by a member of the board; its short name."""
        slug = new_name(word)
        told = {"slug": slug, "title": slug.title(), "description": "We study ice.", "purpose": PURPOSE}
        asked = self.ask("POST", "/entities", **told)
        assert asked.status_code == 201, asked.text
        granted = board.step(asked.json()["number"], "grant")
        assert granted.status_code == 200, granted.text
        return slug

    def invite(self, slug, **told):
        answer = self.ask("POST", f"/entities/{slug}/invitations", **({"days": 14} | told))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def join(self, code):
        return self.ask("POST", "/entities/join", code=code)

    def next_token(self):
        """Who they are by the token that they get next, by their refresh token."""
        answer = self.browser.refresh(self.tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.token = self.tokens["access_token"]
        return verify_token(self.portal.settings, self.token)

    def letters(self, words, patience_s=20):
        """The mails to this person that hold some words; the newest last."""
        deadline = time.monotonic() + patience_s
        while True:
            found = [text for mail in self.portal.mails(self.email) if words in (text := readable(mail))]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)
