"""The command line: tasks and their flags; errors become messages and exit codes."""

from rofecare_infra.boundary.command import command
from rofecare_infra.boundary.command_line import bind

__all__ = ["bind", "command"]
