"""Doctests and tests run without a network; loopback stays open."""

import socket

import pytest


@pytest.mark.parametrize("address", ["192.0.2.1", "example.org"])
def test_refused(address):
    with pytest.raises(PermissionError, match="network refused"):
        socket.create_connection((address, 80), timeout=1)


def test_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
