"""Ports: free ones for the parts behind the edge, and a clear word when the edge's own are taken."""

import random
import socket

import psutil

from geoscope.errors import SetupError

# Above most registered services, below the kernel's usual range for outgoing connections (32768).
PRIVATE_RANGE = range(20_000, 32_000)


def free_ports(
    names: tuple[str, ...], *, avoid: frozenset[int] = frozenset(), among: range = PRIVATE_RANGE
) -> dict[str, int]:
    """Choose a free loopback port for each name.

    Parameters
    ----------
    names : tuple of str
        What the ports are for.
    avoid : frozenset of int
        Ports that are free now and promised to somebody else.
    among : range
        Where to look.
    """
    shuffled = random.sample(among, k=len(among))
    candidates = (port for port in shuffled if port not in avoid and is_free("127.0.0.1", port))
    return {name: next(candidates) for name in names}


def free_port_pair(distance: int, *, among: range = PRIVATE_RANGE) -> tuple[int, int]:
    """Choose two free loopback ports of a range that lie this far apart."""
    for port in random.sample(among, k=len(among)):
        higher = port + distance
        if higher in among and is_free("127.0.0.1", port) and is_free("127.0.0.1", higher):
            return port, higher
    raise SetupError(f"No two free ports {distance} apart were found on this machine.")


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def require_port(host: str, port: int, setting: str) -> None:
    """Make sure that the edge can listen on a port.

    Raises
    ------
    SetupError
        Naming the port, who holds it if the system tells, and the option that chooses another.
    """
    if is_free(host, port):
        return
    if port < 1024:
        remedy = f"Ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); {setting} chooses another."
    else:
        remedy = f"Stop that program, or choose another port with {setting}."
    raise SetupError(f"Port {port} on {host} cannot be used{_holder(port)}.", remedy)


def _holder(port: int) -> str:
    """Say which process listens on a port, as far as this user may know."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                return ": another user's program holds it"
            try:
                return f": {psutil.Process(connection.pid).name()} (process {connection.pid}) holds it"
            except psutil.Error:
                return ": another program holds it"
    return ""
