"""Where the outside begins: errors become exit codes, ^C a sentence, words of the command line arguments."""

from rofecare_infra.boundary.checkout import bind
from rofecare_infra.boundary.command_line import accept_lists

__all__ = ["accept_lists", "bind"]
