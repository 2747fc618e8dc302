"""Nothing that the portal runs may reach the network; loopback stays open."""

import ipaddress
import sys


def is_loopback(host: object) -> bool:
    """Whether ``host`` names this machine.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "10.0.0.1")]
    [True, True, True, False]
    """
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _refuse(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(
        arguments[1], tuple
    ):
        host = arguments[1][0]
    else:
        return
    if not is_loopback(host):
        raise PermissionError(f"network refused: {event} to {host!r}")


def refuse() -> None:
    """Make every connection of this process but loopback raise, until it ends."""
    sys.addaudithook(_refuse)
