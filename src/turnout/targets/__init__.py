"""Where runs run: compute targets, made of a way to reach a machine and a way to schedule work there.

Lives here: `ComputeTarget` and its registry, `reach/` and `schedulers/` with one file a kind. A kind knows nothing of the
kinds on the other axis, and a reach knows nothing of runs.
"""
