"""Which tags are newer versions of the same form."""

from __future__ import annotations

import pytest

from rofecare_infra.images.versions import Newer, newer


@pytest.mark.parametrize(
    ("tag", "others", "found"),
    [
        (
            "17.11-trixie",
            ["17.9-trixie", "17.12-trixie", "17.12-bookworm", "18.1-trixie"],
            ("17.12-trixie", "18.1-trixie"),
        ),
        # Numbers, not texts.
        ("17.9-trixie", ["17.10-trixie"], ("17.10-trixie", "")),
        # Series, previews and older versions are no newer versions.
        ("17.11-trixie", ["17-trixie", "18-trixie", "18beta1-trixie", "trixie", "latest", "16.15-trixie"], ("", "")),
        ("v2.53.5", ["v2.54.0", "2.55.0", "v3.0.0-rc.0", "v3.1.0", "v3.0.9", "main"], ("v2.54.0", "v3.1.0")),
        ("7.9.8", ["7.9.9-1-ubi8", "7.9.9.amd64", "7.9.9", "8.1.0", "8.0.3"], ("7.9.9", "8.1.0")),
        ("3.9.16-eclipse-temurin-21-noble", ["3.9.17-eclipse-temurin-25-noble", "4.0.0-rc-5"], ("", "")),
        # A version with a build has as many numbers as it needs.
        (
            "21.0.12.1_1-jre-noble",
            ["21.0.12_7-jre-noble", "21.0.12.1_2-jre-noble", "21-jre-noble", "25.0.1_8-jre-noble", "25-jre-noble"],
            ("21.0.12.1_2-jre-noble", "25.0.1_8-jre-noble"),
        ),
        ("21.0.12.1_1-jre-noble", ["21.0.13_8-jre-noble", "21.0.12.1_9-jre-noble"], ("21.0.13_8-jre-noble", "")),
        ("trixie-slim", ["trixie-20261101-slim", "forky-slim"], ("", "")),
        ("1.0", ["1." + "9" * 5000, "1.٣"], ("", "")),
    ],
)
def test_the_newest_tags(tag: str, others: list[str], found: tuple[str, str]) -> None:
    assert newer(tag, [tag, *others]) == Newer(*found)
