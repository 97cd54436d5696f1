"""Which packages a run gets: Environment, CondaDependencies, the curated and the registered ones, and their locks.

Lives here: the description of an environment, where descriptions come from (files, the registry, the command line's
`--environment`), and their resolution to a lock. May import `turnout.elements`, `turnout.exceptions` and
`turnout.runtime`; what is built on the machine of the run lives in `turnout.runtime.builders`.
"""
