"""The platform on several servers: the merged production model as a stack of Docker Swarm."""

from rofecare_infra.swarm import images, names, nodes, placement, secrets, volumes
from rofecare_infra.swarm.deploy import deploy, send_images
from rofecare_infra.swarm.plan import Plan, answers_on, plan
from rofecare_infra.swarm.stop import stop
from rofecare_infra.swarm.translation import definitions

__all__ = [
    "Plan",
    "answers_on",
    "definitions",
    "deploy",
    "images",
    "names",
    "nodes",
    "placement",
    "plan",
    "secrets",
    "send_images",
    "stop",
    "volumes",
]
