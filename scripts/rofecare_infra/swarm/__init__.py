"""Several machines: the nodes of a Swarm, where services with data run, and how images reach the nodes."""

from rofecare_infra.swarm import images, nodes, placement, reach, volumes

__all__ = ["images", "nodes", "placement", "reach", "volumes"]
