"""A secret is replaced while the platform runs: proven by a real login, or everything is as it was."""

from rofecare_infra.rotation.recover import settle
from rofecare_infra.rotation.rotate import Report, rotate

__all__ = ["Report", "rotate", "settle"]
