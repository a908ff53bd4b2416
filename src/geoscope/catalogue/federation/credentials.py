"""Credentials that persons bring for backends: encrypted, written and used, and never shown again."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken

from geoscope.catalogue.federation.backends import Credentials
from geoscope.catalogue.federation.keys import credentials_key
from geoscope.errors import InvalidInputError
from geoscope.secrets import write_secret
from geoscope.settings import Settings

MAX_VALUES = 10
MAX_CHARACTERS = 4096


class CredentialStore:
    """Keeps credentials in files of mode 600, one for each person and backend.

    Parameters
    ----------
    settings : Settings
        Say where the data folder is, and hold the key.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir / "catalogue" / "credentials"
        self._settings = settings

    def put(self, owner: str, backend: str, credentials: Credentials) -> datetime:
        """Keep a person's credentials for a backend, in place of those that there were; return when (UTC).

        Raises
        ------
        InvalidInputError
            If there are none, or too many or too long ones.
        """
        if not credentials or len(credentials) > MAX_VALUES:
            raise InvalidInputError(f"Expected 1 to {MAX_VALUES} values, such as 'username' and 'password'.")
        for name, value in credentials.items():
            if not value or len(name) + len(value) > MAX_CHARACTERS:
                raise InvalidInputError(f"{name[:80]}: expected text of at most {MAX_CHARACTERS} characters.")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = orjson.dumps({"owner": owner, "backend": backend, "credentials": dict(credentials)})
        write_secret(self._path(owner, backend), self._fernet().encrypt(text).decode())
        return datetime.now(UTC)

    def get(self, owner: str, backend: str) -> Credentials:
        """Return a person's credentials for a backend; none if there are none that can be read."""
        try:
            sealed = self._path(owner, backend).read_bytes()
        except FileNotFoundError:
            return {}
        try:
            kept = orjson.loads(self._fernet().decrypt(sealed))
        except InvalidToken:
            # Of another installation's key: as good as none.
            return {}
        if (kept["owner"], kept["backend"]) != (owner, backend):
            return {}
        credentials: Credentials = kept["credentials"]
        return credentials

    def set_at(self, owner: str, backend: str) -> datetime | None:
        """Return when a person's credentials for a backend were set (UTC), or None if there are none."""
        try:
            return datetime.fromtimestamp(self._path(owner, backend).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def remove(self, owner: str, backend: str) -> bool:
        """Forget a person's credentials for a backend; tell whether there were some."""
        try:
            self._path(owner, backend).unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, owner: str, backend: str) -> Path:
        # A subject may hold any character; its digest is a safe name of a file.
        name = hashlib.sha256(orjson.dumps([owner, backend])).hexdigest()
        return self._folder / name

    def _fernet(self) -> Fernet:
        return Fernet(credentials_key(self._settings))
