"""Replaces a secret while the platform runs: verified by a real login, or rolled back."""

from rofecare_infra.rotation.rotate import Report, is_interrupted, recover, rotate

__all__ = ["Report", "is_interrupted", "recover", "rotate"]
