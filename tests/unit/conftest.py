"""Unit tests neither sleep nor open connections: a test that tries fails at once."""

from __future__ import annotations

import socket
import sys
import time

import pytest


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    nap = time.sleep

    def sleep(seconds: float) -> None:
        if sys._getframe(1).f_globals["__name__"] == "subprocess":
            nap(seconds)  # the standard library waits like this for a child process that is exiting
            return
        pytest.fail(f"a unit test slept for {seconds} s: pass a fake clock")

    def connect(_socket: socket.socket, address: object) -> None:
        pytest.fail(f"a unit test connected to {address}: pass a fake")

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
