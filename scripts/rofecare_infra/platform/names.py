"""Names: the full and short ones of services, and that of a project's copy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from rofecare_infra.errors import UsageError

_PREFIXES = ("rofecare-service-", "rofecare-")


def short(name: str) -> str:
    """The short name: `rofecare-service-patient` -> `patient`."""
    return next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), name)


def rehearsal_of(project: str) -> str:
    """The project name of the copy on which an upgrade is rehearsed; it has the secrets of the project."""
    return f"{project}-rehearsal"


def resolve(words: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """The full names of the services in `words`, without duplicates, in the given order.

    Raises UsageError, which contains similar names, for an unknown name.
    """
    full = {**{short(name): name for name in known}, **{name: name for name in known}}
    found: dict[str, None] = {}
    for word in words:
        if word not in full:
            near = difflib.get_close_matches(word, full, n=5, cutoff=0.5) or sorted({short(name) for name in known})
            raise UsageError(
                f"no service is called {word!r}",
                seen=word,
                expected=f"a service's full or short name, such as {', '.join(near)}",
                next_step="inv status  (lists them all)",
            )
        found[full[word]] = None
    return tuple(found)
