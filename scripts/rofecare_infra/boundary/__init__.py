"""Where the outside begins: errors become exit codes, ^C a sentence, words of the command line arguments."""

from rofecare_infra.boundary.command_line import accept_lists
from rofecare_infra.boundary.guard import guarded

__all__ = ["accept_lists", "guarded"]
