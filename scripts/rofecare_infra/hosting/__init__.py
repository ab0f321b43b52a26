"""Makes a machine a host of the platform: it starts with the machine, stops before shutdown, is backed up daily."""

from rofecare_infra.hosting import loopback, schedule
from rofecare_infra.hosting.inherited import Inherited, inherited
from rofecare_infra.hosting.service import Systemd, install, remove
from rofecare_infra.hosting.unit import Unit, home_of, launcher_of, unit_of

__all__ = [
    "Inherited",
    "Systemd",
    "Unit",
    "home_of",
    "inherited",
    "install",
    "launcher_of",
    "loopback",
    "remove",
    "schedule",
    "unit_of",
]
