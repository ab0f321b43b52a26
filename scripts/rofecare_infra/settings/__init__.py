"""Settings from `.env` and the environment, as one frozen record; all problems are reported together."""

from rofecare_infra.settings.addresses import COMBINED, Place, place
from rofecare_infra.settings.dotenv_file import ENVIRONMENT, Assignment, Problem, as_text, published, read
from rofecare_infra.settings.load import load
from rofecare_infra.settings.record import DEFAULT_PROJECT, RELEASE_FILE, SITE_FILE, Settings

__all__ = [
    "COMBINED",
    "DEFAULT_PROJECT",
    "ENVIRONMENT",
    "RELEASE_FILE",
    "SITE_FILE",
    "Assignment",
    "Place",
    "Problem",
    "Settings",
    "as_text",
    "load",
    "place",
    "published",
    "read",
]
