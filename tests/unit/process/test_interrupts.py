"""The first signal ends the command through its rollback; a later one does not stop the rollback."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator

import pytest

from rofecare_infra.process import (
    accept_again,
    complete,
    continue_after_completion,
    interrupted_by,
    interruptible,
    uninterrupted,
)
from rofecare_infra.process.interrupts import SIGNALS

each = pytest.mark.parametrize("sign", SIGNALS, ids=lambda one: one.name)


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in SIGNALS}
    yield
    assert {one: signal.getsignal(one) for one in SIGNALS} == before


@each
def test_the_first_signal_is_raised(sign: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(sign)
    assert interrupted_by() == sign.name


def test_without_a_signal_there_is_no_interruption() -> None:
    with interruptible(), uninterrupted():
        pass
    assert interrupted_by() == ""


@each
def test_a_second_signal_does_not_stop_the_rollback(sign: signal.Signals) -> None:
    done = []
    postponed = []

    def change() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            signal.raise_signal(sign)
            with uninterrupted():
                signal.raise_signal(sign)
            done.append("rolled back")
            raise

    with pytest.raises(KeyboardInterrupt), interruptible(lambda: postponed.append(sign)):
        change()
    assert done == ["rolled back"]
    assert postponed == [sign, sign]
    assert interrupted_by() == "SIGTERM"


@each
def test_a_block_is_completed_before_the_signal_is_raised(sign: signal.Signals) -> None:
    done = []

    def change() -> None:
        with uninterrupted():
            with uninterrupted():
                signal.raise_signal(sign)
                done.append("inner")
            done.append("outer")
        done.append("never")

    with pytest.raises(KeyboardInterrupt), interruptible():
        change()
    assert done == ["inner", "outer"]


def test_a_block_that_fails_raises_its_own_error() -> None:
    def change() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGHUP)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), interruptible():
        change()
    assert interrupted_by() == "SIGHUP"


def test_nothing_replaces_the_error_of_a_block() -> None:
    def change() -> None:
        try:
            with uninterrupted():
                signal.raise_signal(signal.SIGHUP)
                raise ZeroDivisionError
        finally:
            with uninterrupted():
                pass

    with pytest.raises(ZeroDivisionError), interruptible():
        change()


@each
def test_a_command_that_has_decided_completes(sign: signal.Signals) -> None:
    done = []
    with interruptible():
        complete()
        signal.raise_signal(sign)
        with uninterrupted():
            signal.raise_signal(sign)
        done.append("complete")
    assert done == ["complete"]
    assert interrupted_by() == sign.name


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_completed_part_of_a_longer_command(*, interrupted: bool) -> None:
    done = []

    def change() -> None:
        complete()
        if interrupted:
            signal.raise_signal(signal.SIGHUP)
        done.append("part")
        continue_after_completion()
        done.append("more")
        signal.raise_signal(signal.SIGTERM)
        done.append("never")

    with pytest.raises(KeyboardInterrupt), interruptible():
        change()
    assert done == (["part"] if interrupted else ["part", "more"])


def test_a_block_with_steps_is_completed() -> None:
    done = []

    def steps() -> Generator[int, None, None]:
        with uninterrupted():
            for number in range(3):
                yield number
                done.append(number)

    def change() -> None:
        for number in steps():
            if number == 1:
                signal.raise_signal(signal.SIGHUP)

    with pytest.raises(KeyboardInterrupt), interruptible():
        change()
    assert done == [0, 1, 2]


def test_what_is_complete_can_be_interrupted_again() -> None:
    def change() -> None:
        try:
            signal.raise_signal(signal.SIGHUP)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            accept_again()
        with uninterrupted():
            pass
        done.append("once")
        signal.raise_signal(signal.SIGINT)

    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        change()
    assert done == ["once"]


@each
def test_an_ignored_signal_stays_ignored(sign: signal.Signals) -> None:
    """`nohup inv upgrade`."""
    before = signal.signal(sign, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(sign)
        assert signal.getsignal(sign) == signal.SIG_IGN
    finally:
        signal.signal(sign, before)


def test_a_new_command_starts_without_the_signals_of_the_last_one() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGHUP)
    with interruptible():
        assert interrupted_by() == ""
