"""One tree of settings: arguments, then the environment, then the file, then defaults."""

import pytest
from pydantic import ValidationError

from geoscope.settings import Settings


def test_the_environment_wins_over_the_file_and_arguments_over_both(tmp_path, monkeypatch):
    (tmp_path / "geoscope.toml").write_text('site_name = "From file"\n[edge]\nport = 7000\ns3_port = 7001\n')
    monkeypatch.setenv("GEOSCOPE_EDGE__PORT", "7100")
    settings = Settings(data_dir=tmp_path)
    assert (settings.site_name, settings.edge.port, settings.s3_port) == ("From file", 7100, 7001)
    assert Settings(data_dir=tmp_path, edge={"port": 7200}).edge.port == 7200


def test_the_data_folder_of_the_environment_is_where_the_file_is_looked_for(tmp_path, monkeypatch):
    (tmp_path / "geoscope.toml").write_text('site_name = "From file"')
    monkeypatch.setenv("GEOSCOPE_DATA_DIR", str(tmp_path))
    assert Settings().site_name == "From file"


@pytest.mark.parametrize("text", ["[edge]\nprot = 1", "[edge]\nport = 99999", "[egde]\nport = 1"])
def test_a_misspelt_or_wrong_setting_is_an_error(tmp_path, text):
    (tmp_path / "geoscope.toml").write_text(text)
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path)


def test_the_platform_listens_on_loopback_until_told_otherwise(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert settings.is_loopback
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.s3_url == "http://127.0.0.1:8081"
    assert "*" not in settings.allowed_hosts


def test_a_public_host_switches_https_on(tmp_path):
    settings = Settings(data_dir=tmp_path, edge={"public_host": "earth.example"})
    assert settings.public_url == "https://earth.example"
    assert settings.s3_url == "https://s3.earth.example"
    assert not settings.is_loopback
    assert settings.listen_host == ""
    assert Settings(data_dir=tmp_path, edge={"public_host": "earth.example", "host": "127.0.0.1"}).listen_host
