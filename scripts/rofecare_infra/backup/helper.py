"""A container beside the platform that reads or replaces the content of volumes, whatever their services do.

It has no network, ends together with this process, and is made from an image that is already on the engine: that of a
database, which contains bash, GNU tar and gzip.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import IO, Self

from rofecare_infra.backup.encryption import Encrypted
from rofecare_infra.errors import CommandError
from rofecare_infra.process import Conversation, Result, inside, run, transfer

LABEL = "com.rofecare.scratch"
_FOLDER = "/volumes"
_READ = ("DAC_READ_SEARCH",)
_REPLACE = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD")

# In a folder of Kafka's logs the files of the broker are read first, then its own topics, then all others: what a file
# of the first two kinds says about a log must not exceed the log. The folder is read again for the others, which may be
# new. Left out: what the broker rebuilds after a crash, or deletes at its next start, and what declares more as written
# than has been read. tar ends with 1 for files that grew or vanished while they were read.
_ARCHIVE = r"""
set -o pipefail
cd "$1" || exit 2
shift
excluded=("${@/#/--exclude=.}")
first=()
if [ -f meta.properties ]; then
  excluded+=(--exclude=./{.lock,.kafka_cleanshutdown,recovery-point-offset-checkpoint})
  excluded+=(--wildcards --exclude='./*-delete' --exclude='*.'{index,timeindex,txnindex,deleted,cleaned} --no-wildcards)
  mapfile -d '' -t first < <(
    find . -mindepth 1 -maxdepth 1 -type f ! -name '*.tmp' -print0 | sort -z
    find . -mindepth 1 -maxdepth 1 -type d -name '__transaction_state-*' -print0 | sort -z
    find . -mindepth 1 -maxdepth 1 -type d -name '__consumer_offsets-*' -print0 | sort -z
  )
fi
packed() {
  tar --create --file=- --blocking-factor=1 --sparse --numeric-owner --anchored --no-wildcards "${excluded[@]}" "$@"
  code=$?
  [ $code -le 1 ] || return $code
}
{
  # Without the end of this archive, so that the next one continues it.
  if [ ${#first[@]} -gt 0 ]; then packed -- "${first[@]}" | head -c -1024; fi &&
  packed "${first[@]/#/--exclude=}" -- .
} | gzip -1
"""
# The files that must be the same when the archive is complete: those of segments and the ids of topics.
_FILES = r"""
for volume; do
  cd "$volume" || exit 2
  [ ! -f meta.properties ] ||
  find "$volume" \( -name '*.log' -o -name partition.metadata \) ! -path '*-delete/*' -printf '%p %i %B@\n' 2>/dev/null
done
true
"""
# tar writes a block for each file besides its content; du ends with 1 for what vanishes meanwhile.
_SIZES = f"du -s -B 1 {_FOLDER}/* 2>/dev/null; true"
_FIRST_FILE = r"""
cd "$1" || exit 2
shift
kept=()
for each; do kept+=(! -path ".$each"); done
find . -mindepth 1 "${kept[@]}" -print -quit
"""
_REPLACE_ALL = r"""
cd "$1" || exit 2
options=$2
shift 2
kept=()
for each; do kept+=(! -path ".$each"); done
find . -mindepth 1 -depth "${kept[@]}" \( ! -type d -o -empty \) -delete &&
exec tar --extract --file=- --sparse --numeric-owner --same-owner --preserve-permissions $options
"""


class Helper:
    """The container, while it is needed."""

    def __init__(
        self,
        project: str,
        image: str,
        volumes: Mapping[str, str],
        *,
        docker: tuple[str, ...] = ("docker",),
        writable: bool = False,
    ) -> None:
        """`volumes`: the volumes in the compose files -> their names on the engine of `docker`."""
        self.docker = docker
        self.name = f"{project}-volumes-{uuid.uuid4().hex[:8]}"
        capabilities = _REPLACE if writable else _READ
        mode = "" if writable else ",readonly"
        self._argv = [
            *(*docker, "run", "--interactive", "--rm", "--name", self.name, "--label", f"{LABEL}={project}"),
            *("--pull", "never", "--network", "none", "--log-driver", "none", "--read-only", "--user", "0:0"),
            *("--security-opt", "no-new-privileges", "--cap-drop", "ALL"),
            *(word for one in capabilities for word in ("--cap-add", one)),
            *(
                word
                for key, name in volumes.items()
                for word in ("--mount", f"type=volume,source={name},target={_FOLDER}/{key},volume-nocopy{mode}")
            ),
            *("--entrypoint", "bash", image),
        ]

    def __enter__(self) -> Self:
        self._shell = Conversation(self._argv)
        self._shell.__enter__()
        try:
            # The answer shows that it runs.
            self._shell.ask(":", "echo {}".format)
        except BaseException:
            self._shell.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Without it the shell would end by itself, after the program that it runs for this process.
        run([*self.docker, "rm", "--force", "--volumes", self.name], check=False, timeout=60)
        self._shell.__exit__(kind, error, trace)

    def size(self) -> int:
        """The size of all volumes together, in bytes."""
        return sum(int(line.split()[0]) for line in self._output(_SIZES).splitlines())

    def is_empty(self, volume: str, without: Sequence[str]) -> bool:
        """Whether the volume holds nothing besides these paths in it, which begin with a slash."""
        return not self._output(_FIRST_FILE, volume, more=without).strip()

    def files(self, volumes: Sequence[str]) -> dict[str, str]:
        """File -> what identifies it, of the files that must not be replaced while these volumes are archived."""
        lines = self._output(_FILES, *volumes).splitlines()
        return {path: mark for path, _, mark in (line.partition(" ") for line in lines)}

    def archive(self, volume: str, without: Sequence[str], out: Encrypted) -> Generator[int, None, Result]:
        """Write a compressed archive of the volume; `without` are paths in it, which begin with a slash."""
        return transfer(self._words(_ARCHIVE, [volume], *without), sink=out.write)

    def replace(
        self, volume: str, keep: Sequence[str], source: IO[bytes], *, compressed: bool
    ) -> Generator[int, None, Result]:
        """Replace the content of the volume, besides the paths in `keep`, by that of an archive."""
        option = "--gzip" if compressed else "--ignore-zeros"
        words = self._words(_REPLACE_ALL, [volume], option, *keep, interactive=True)
        return transfer(words, source=source)

    def _output(self, script: str, *volumes: str, more: Sequence[str] = ()) -> str:
        result = run(self._words(script, volumes, *more), check=False, timeout=600)
        if not result.ok:
            raise CommandError(
                f"volumes cannot be read: {', '.join(volumes)}",
                seen=result.last,
                expected="a list of their files",
                next_step="fix the cause, then the same command again",
                details=result.tail(8),
            )
        return result.stdout

    def _words(self, script: str, volumes: Sequence[str], *more: str, interactive: bool = False) -> list[str]:
        folders = [f"{_FOLDER}/{one}" for one in volumes]
        return inside(self, "bash", "-c", script, "bash", *folders, *more, interactive=interactive)
