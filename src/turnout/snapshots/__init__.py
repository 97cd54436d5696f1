"""Which code: packs a source directory into a snapshot, and says what would be packed.

A snapshot is a manifest (see `turnout.runtime.manifest`) whose file contents lie in the home as objects named by their
SHA-256. Imported by name, because most commands need only one of them: `take.take` makes a snapshot, `survey.survey`
only looks, `restore.restore` writes one back, `git.GitFacts` reads the facts of the repository.
"""
