"""Makes a machine a host of the platform: it starts with the machine, stops before shutdown, is backed up daily."""

from rofecare_infra.hosting import schedule
from rofecare_infra.hosting.service import Systemd, install, remove
from rofecare_infra.hosting.unit import Unit, unit_of

__all__ = ["Systemd", "Unit", "install", "remove", "schedule", "unit_of"]
