"""Unit tests wait for nothing and talk to nobody: whatever tries fails at once."""

from __future__ import annotations

import socket
import sys
import time

import pytest


@pytest.fixture(autouse=True)
def _closed_world(monkeypatch: pytest.MonkeyPatch) -> None:
    nap = time.sleep

    def sleep(seconds: float) -> None:
        if sys._getframe(1).f_globals["__name__"] == "subprocess":
            nap(seconds)  # how the standard library itself waits for a child that is about to end
            return
        pytest.fail(f"a unit test slept for {seconds} s: hand in a fake clock")

    def connect(_socket: socket.socket, address: object) -> None:
        pytest.fail(f"a unit test connected to {address}: hand in a fake")

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
