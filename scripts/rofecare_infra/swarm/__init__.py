"""The platform on several servers: the merged production model as a stack of Docker Swarm."""

from rofecare_infra.swarm import images, nodes, placement, volumes
from rofecare_infra.swarm.deploy import deploy
from rofecare_infra.swarm.plan import Plan, answers_on, plan
from rofecare_infra.swarm.stop import stop

__all__ = ["Plan", "answers_on", "deploy", "images", "nodes", "placement", "plan", "stop", "volumes"]
