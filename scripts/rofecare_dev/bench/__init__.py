"""Benchmarks: how long the commands of a commit take, compared with another commit and with plain docker compose."""

from rofecare_dev.bench.measures import Measure, Sample, chosen, scenario
from rofecare_dev.bench.report import Benchmark, as_table
from rofecare_dev.bench.run import measure

__all__ = ["Benchmark", "Measure", "Sample", "as_table", "chosen", "measure", "scenario"]
