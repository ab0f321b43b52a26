"""The verifier is the one that PostgreSQL itself would make."""

from __future__ import annotations

from rofecare_infra.secrets import scram_verifier


def test_a_verifier_that_a_server_made() -> None:
    """The vector of RFC 7677, whose keys follow from its password, salt and count."""
    import base64

    made = scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_each_has_a_salt_of_its_own() -> None:
    assert scram_verifier("x") != scram_verifier("x")
