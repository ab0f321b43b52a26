"""The platform goes to other images, behind the gates and with a backup; or images and data are as they were."""

from rofecare_infra.upgrade.plan import Change, Plan, plan_of
from rofecare_infra.upgrade.recover import settle
from rofecare_infra.upgrade.rehearse import Rehearsed, rehearse
from rofecare_infra.upgrade.run import Upgraded, upgrade
from rofecare_infra.upgrade.target import target_of

__all__ = [
    "Change",
    "Plan",
    "Rehearsed",
    "Upgraded",
    "plan_of",
    "rehearse",
    "settle",
    "target_of",
    "upgrade",
]
