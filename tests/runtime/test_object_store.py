"""The object store is called ready when it is, not before."""

from functools import partial

import anyio
import pytest

from geoscope.objects import BUCKETS, open_bucket
from geoscope.runtime.data_folder import prepare_data_folder
from geoscope.runtime.plan import ObjectStoreProbe, Part
from geoscope.runtime.probes import is_well
from geoscope.secrets import ensure_secrets, read_s3_keys
from geoscope.settings import InternalSettings, Settings
from object_store_server import choose_ports, end, start_object_store


@pytest.fixture(scope="module")
def ports():
    return choose_ports()


@pytest.fixture(scope="module")
def settings(tmp_path_factory, ports):
    url = f"http://127.0.0.1:{ports['s3']}"
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("store"), internal=InternalSettings(object_store_url=url)
    )
    prepare_data_folder(settings.data_dir)
    ensure_secrets(settings)
    return settings


def bucket(settings, name):
    """A bucket that is asked once: what is not there at once is an error."""
    return open_bucket(settings, name, read_s3_keys(settings, "platform"), patient=False)


def test_a_ready_store_reads_and_writes_at_once_and_so_again_after_each_kill(settings, ports):
    for turn in range(4):
        process = start_object_store(settings, ports)
        try:
            for name in BUCKETS:
                if turn:
                    assert bytes(bucket(settings, name).get("kept").bytes()) == b"%d" % (turn - 1)
                bucket(settings, name).put("kept", b"%d" % turn)
        finally:
            process.kill()
            process.wait()


def test_a_store_without_its_buckets_or_its_master_is_not_well(settings, ports):
    process = start_object_store(settings, ports)
    try:
        master = f"http://127.0.0.1:{ports['master']}"
        elsewhere = f"http://127.0.0.1:{ports['data-apis']}"

        def asked(of, at):
            part = Part("store", "Store", (), probe=ObjectStoreProbe(of, at))
            return anyio.run(partial(is_well, part, thoroughly=True))

        assert asked(settings, master)
        assert not asked(settings, elsewhere)
        without_store = settings.model_copy(update={"internal": InternalSettings(object_store_url=elsewhere)})
        assert not asked(without_store, master)
    finally:
        end(process)
