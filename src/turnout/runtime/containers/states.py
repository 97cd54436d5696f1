"""How it can stand with a run's container."""

RUNNING, EXITED, CREATED, ABSENT, UNKNOWN = "running", "exited", "created", "absent", "unknown"
"""What `state` answers: the script lives, has ended, hasn't begun, there is no such container, the engine is silent."""
