"""Lines are written at once; a reader that exits ends commands that only print, and no other."""

from __future__ import annotations

import os

import pytest

from rofecare_infra.progress.sink import Sink, discard_if_closed


@pytest.mark.parametrize("lasting", [True, False])
def test_a_reader_that_goes_away(*, lasting: bool) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        sink = Sink(stream, lasting=lasting)
        sink.line("first")
        assert os.read(reading, 100) == b"first\n"
        os.close(reading)
        if lasting:
            sink.line("second")
        else:
            with pytest.raises(BrokenPipeError):
                sink.line("second")
        # Further output is discarded without an error.
        sink.line("third")


def test_a_stream_whose_reader_has_exited_is_discarded() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        os.close(reading)
        discard_if_closed(stream)
        stream.write("error: late")
        stream.flush()


def test_a_stream_that_is_read_is_left_alone() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        discard_if_closed(stream)
        stream.write("error: in time")
        stream.flush()
        assert os.read(reading, 100) == b"error: in time"
    os.close(reading)
