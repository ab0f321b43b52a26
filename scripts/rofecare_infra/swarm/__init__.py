"""The platform on several servers: the merged production model as a stack of Docker Swarm."""

from rofecare_infra.swarm import images, names, nodes, placement, secrets, volumes
from rofecare_infra.swarm.deploy import deploy
from rofecare_infra.swarm.plan import Plan, answers_on, plan
from rofecare_infra.swarm.stop import stop

__all__ = [
    "Plan",
    "answers_on",
    "deploy",
    "images",
    "names",
    "nodes",
    "placement",
    "plan",
    "secrets",
    "stop",
    "volumes",
]
