"""Secrets are made once, for the owner alone."""

import pytest

from geoscope.errors import SetupError
from geoscope.secrets import S3_IDENTITIES, ensure_secrets, read_s3_keys, read_secret, write_secret
from geoscope.settings import Settings


def test_secrets_are_private_and_stay_the_same(tmp_path):
    settings = Settings(data_dir=tmp_path)
    ensure_secrets(settings)
    files = sorted((tmp_path / "secrets").iterdir())
    first = {path.name: path.read_bytes() for path in files}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    ensure_secrets(settings)
    assert {path.name: path.read_bytes() for path in files} == first


def test_every_identity_has_keys_of_its_own(tmp_path):
    settings = Settings(data_dir=tmp_path)
    ensure_secrets(settings)
    keys = {read_s3_keys(settings, identity) for identity in S3_IDENTITIES}
    assert len(keys) == len(S3_IDENTITIES)


def test_a_missing_secret_is_named(tmp_path):
    with pytest.raises(SetupError, match="nothing-here"):
        read_secret(Settings(data_dir=tmp_path), "nothing-here")


def test_a_half_written_secret_of_an_earlier_start_is_replaced(tmp_path):
    (tmp_path / ".key.partial").write_text("hal")
    write_secret(tmp_path / "key", "whole")
    assert (tmp_path / "key").read_text() == "whole"
    assert not (tmp_path / ".key.partial").exists()
