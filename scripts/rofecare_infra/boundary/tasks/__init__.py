"""The tasks, by subject. Each is one call; imports stand in the tasks because their list must not wait for them."""
