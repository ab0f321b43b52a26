"""The verifier is what PostgreSQL itself would compute."""

from __future__ import annotations

import base64

from rofecare_infra.rotation.scram import verifier


def test_the_example_of_the_standard() -> None:
    """RFC 7677, section 3: user "user", password "pencil"."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    assert verifier("pencil", salt) == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_a_password_in_letters_that_can_be_written_two_ways() -> None:
    assert verifier("\u00e9", b"salt") == verifier("e\u0301", b"salt")
