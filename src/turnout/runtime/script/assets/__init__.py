"""What a run reads and leaves, by name: datastores, datasets, models, as a script and a submitter see them alike.

Lives here: v1's data and model classes, over a *place* that says what a workspace has (`places`). On the submitter's machine that
is the workspace itself; in a run elsewhere it is what travelled with the run, and what is registered there goes through the
run's record into the workspace. Compiles for Python 3.6; pandas and fsspec are imported where they are needed, from the
environment of whoever calls.
"""
