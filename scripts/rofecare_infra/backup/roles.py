"""Creates the roles of a backup that a server does not have, from the SQL that pg_dumpall wrote."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from rofecare_infra.backup.server import Server

# Names and texts may contain anything, also line breaks and semicolons.
_TOKEN = re.compile(
    r"""
    --[^\n]*                                # a comment
    | ^\\[^\n]*                             # a command of psql
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<end>;)
    | (?P<word>[^\s"';]+)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)

_PRESENT = """
SELECT rolname AS name, EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s
                                WHERE s.setrole = r.oid AND s.setdatabase = 0) AS configured
FROM pg_catalog.pg_roles r
"""


_GRANTOR = re.compile(r'\s+GRANTED\s+BY\s+("(?:[^"]|"")*"|\S+)$')


class Kind(Enum):
    """What a statement does."""

    # Creates roles, or changes their attributes, comments or privileges.
    DEFINES = "defines"
    CONFIGURES = "configures"
    OTHER = "other"


@dataclass(frozen=True)
class Statement:
    """A statement, and its words: names without quotation marks."""

    sql: str
    words: tuple[str, ...]

    @property
    def subject(self) -> tuple[Kind, frozenset[str]]:
        """What it does, and the roles that it is about."""
        match self.words:
            case ("ALTER", "ROLE", role, "SET", *_):
                return Kind.CONFIGURES, frozenset({role})
            case ("ALTER", "ROLE", _, "IN", *_):
                return Kind.OTHER, frozenset()  # restored with its database
            case ("CREATE" | "ALTER", "ROLE", role, *_) | ("COMMENT", "ON", "ROLE", role, *_):
                return Kind.DEFINES, frozenset({role})
            case ("GRANT", role, "TO", member, *_):
                return Kind.DEFINES, frozenset({role, member})
            case ("GRANT", *words) if "TO" in words:
                return Kind.DEFINES, frozenset({words[words.index("TO") + 1]})
            case _:
                return Kind.OTHER, frozenset()


def add_roles(server: Server, sql: str, names: Iterable[str]) -> tuple[str, ...]:
    """Create the missing ones of these roles; return their names.

    Existing roles stay unchanged, except that one without any settings gets those of the backup.
    """
    with server.session("template1") as session:
        present = {row["name"]: row["configured"] for row in session.rows(_PRESENT)}
        missing = tuple(name for name in names if name not in present)
        unconfigured = {*missing, *(name for name, configured in present.items() if not configured)}
        for statement in chosen(statements(sql), missing, unconfigured):
            session.execute(statement)
    return missing


def chosen(found: Iterable[Statement], missing: Collection[str], unconfigured: Collection[str]) -> Iterator[str]:
    """The statements about missing roles, and the settings of those that have none."""
    for one in found:
        kind, about = one.subject
        if (kind is Kind.DEFINES and about & {*missing}) or (kind is Kind.CONFIGURES and about & {*unconfigured}):
            # Who granted a membership does not matter, and may be missing here.
            yield _GRANTOR.sub("", one.sql) if one.words[0] == "GRANT" else one.sql


def statements(sql: str) -> Iterator[Statement]:
    """Split SQL into statements."""
    start: int | None = None
    words: list[str] = []
    for token in _TOKEN.finditer(sql):
        if token.lastgroup == "end":
            if start is not None:
                yield Statement(sql[start : token.start()], tuple(words))
            start, words = None, []
        elif token.lastgroup is not None:
            start = token.start() if start is None else start
            text = token.group()
            words.append(text[1:-1].replace('""', '"') if token.lastgroup == "name" else text)
