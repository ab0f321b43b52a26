"""What the tasks print with `--json`: one class per object, one module per module of tasks. docs/json.md lists them."""
