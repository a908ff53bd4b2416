"""Ports behind the edge are free; a taken port of the edge is told with its holder."""

import os
import socket

import pytest

from geoscope.errors import SetupError
from geoscope.runtime.ports import free_port_pair, free_ports, is_free, require_port


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_ports_are_different_and_free():
    ports = free_ports(("a", "b", "c"))
    assert len(set(ports.values())) == 3
    assert all(is_free("127.0.0.1", port) for port in ports.values())


def test_a_pair_keeps_its_distance():
    low, high = free_port_pair(10_000)
    assert high - low == 10_000


def test_promised_ports_are_avoided():
    among = range(20_000, 20_004)
    taken = frozenset({20_000, 20_001, 20_002})
    assert free_ports(("only",), avoid=taken, among=among) == {"only": 20_003}


def test_a_taken_port_is_told_with_who_holds_it_and_what_to_do(taken_port):
    with pytest.raises(SetupError) as caught:
        require_port("127.0.0.1", taken_port, "--port")
    assert str(taken_port) in caught.value.problem
    assert str(os.getpid()) in caught.value.problem
    assert "--port" in caught.value.remedy
