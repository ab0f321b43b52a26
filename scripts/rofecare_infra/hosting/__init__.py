"""What makes a machine a host of the platform: it starts it when it boots, and stops it before it goes down."""

from rofecare_infra.hosting import schedule
from rofecare_infra.hosting.service import Systemd, install, remove
from rofecare_infra.hosting.unit import Unit, unit_of

__all__ = ["Systemd", "Unit", "install", "remove", "schedule", "unit_of"]
