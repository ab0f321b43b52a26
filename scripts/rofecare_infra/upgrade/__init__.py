"""Upgrades the platform to other images, behind the gates and with a backup; or rolls back images and data."""

from rofecare_infra.upgrade.journal import is_interrupted
from rofecare_infra.upgrade.plan import Change, Plan, plan_of, target_of
from rofecare_infra.upgrade.recover import recover
from rofecare_infra.upgrade.rehearse import Rehearsed, rehearse
from rofecare_infra.upgrade.run import Upgraded, upgrade

__all__ = [
    "Change",
    "Plan",
    "Rehearsed",
    "Upgraded",
    "is_interrupted",
    "plan_of",
    "recover",
    "rehearse",
    "target_of",
    "upgrade",
]
