"""The tasks, one module per subject. Rooms are imported in the bodies: `inv --list` does not wait for them."""
