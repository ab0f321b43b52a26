"""What `scripts/bootstrap.py` is made of. Standard library only: nothing is installed yet when it runs.

The records are named tuples, because Debian's python3-minimal has no dataclasses (nor shutil, shlex, json).

Decisions (`system`, `needs`, `plan`) are pure and know no machine; `survey`, `run`, `engine` and `environment`
look at it and change it; `flow` puts them in order; `boundary` turns whatever goes wrong into an exit code.
"""
