"""Lines go out at once; a reader that goes away ends what only shows something, and nothing else."""

from __future__ import annotations

import os

import pytest

from rofecare_infra.progress.sink import Sink


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
        # What follows goes nowhere, and complains no more.
        sink.line("third")
