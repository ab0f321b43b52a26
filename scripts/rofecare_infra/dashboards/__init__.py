"""The dashboards of Grafana, drawn from a few shapes: one module a subject, and the files that they become.

Needs the builders of Grafana's own schema, which are a tool of development: who runs the platform reads the files.
"""

from rofecare_infra.dashboards.files import DASHBOARDS, texts, write

__all__ = ["DASHBOARDS", "texts", "write"]
