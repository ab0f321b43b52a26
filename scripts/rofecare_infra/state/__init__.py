"""What is kept between commands: files that outlive a power cut, and journals of what must not stay half done."""

from rofecare_infra.state.files import replace, sync_folder, write
from rofecare_infra.state.journal import Journal

__all__ = ["Journal", "replace", "sync_folder", "write"]
