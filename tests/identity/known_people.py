"""Who is at the portal in these tests, and how they confirm what they do."""

from live_portal import CLIENTS, TOTP_SECRET

PASSWORD = "four score and seven years"


def fill(portal):
    people = [
        {"name": "ada", "password": PASSWORD, "roles": ["catalogue-editor", "DPAD_Direct_Access"]},
        {"name": "bob", "password": PASSWORD},
        {"name": "careful", "password": PASSWORD, "totp": TOTP_SECRET},
        {"name": "hasty", "password": PASSWORD, "verified": False},
        {"name": "gone", "password": PASSWORD, "is_active": False},
    ]
    portal.make(users=people, clients=CLIENTS)


def confirmed(visitor, path, password=PASSWORD):
    """A page that wants the password once more."""
    page = visitor.get(path)
    if page.status_code == 302 and "reauthenticate" in page.headers["location"]:
        asked = visitor.get(page.headers["location"])
        page = visitor.get(visitor.submit(asked, password=password).headers["location"])
    return page
