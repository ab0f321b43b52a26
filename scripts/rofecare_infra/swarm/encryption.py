"""Whether the kernels of the nodes can encrypt the networks between them: with ESP.

On a kernel without it, the containers of an encrypted network stay in preparation for ever, and no error says why.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from functools import partial

from rofecare_infra.engine import Reach
from rofecare_infra.errors import EngineError
from rofecare_infra.process import together
from rofecare_infra.progress import Event, Working

# A container that reads a few files, in seconds.
_QUICK = 60.0
# The kernel describes itself, or the modules of its distribution do.
_LOOK = r"""
if [ -r /proc/config.gz ]; then
  zcat /proc/config.gz | grep -q '^CONFIG_INET_ESP=[ym]' && echo yes || echo no
else
  cd "/host/modules/$(uname -r)" && grep -qs '/esp4\.ko' modules.builtin modules.dep && echo yes || echo no
fi
"""


def require(images: Mapping[str, Collection[str]], ways: Mapping[str, Reach]) -> Generator[Event, None, None]:
    """Raise EngineError unless all nodes can encrypt. `images` are those that each node (by host name) has."""
    yield Working("checking whether the nodes can encrypt their networks")
    nodes = [node for node, some in images.items() if some]
    found = yield from together([partial(_ask, ways[node], next(iter(images[node]))) for node in nodes])
    for node, (can, seen) in zip(nodes, found, strict=True):
        if not can:
            raise EngineError(
                f"{node} cannot encrypt the networks between the nodes: nothing was started",
                seen=seen,
                expected="a kernel with ESP (the module esp4) on every node",
                next_step="install such a kernel; or CLEAR_TEXT=accepted, if their network is encrypted otherwise",
            )


def _ask(way: Reach, image: str) -> Generator[Event, None, tuple[bool, str]]:
    yield from ()
    flags = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--pull=never", "--log-driver=none")
    mount = ("--volume=/lib/modules:/host/modules:ro", "--entrypoint=sh")
    answer = way.docker("run", *flags, *mount, image, "-c", _LOOK, timeout=_QUICK, check=False)
    if answer.stdout.strip() == "no":
        return False, "a kernel without ESP"
    return answer.stdout.strip() == "yes", answer.last
