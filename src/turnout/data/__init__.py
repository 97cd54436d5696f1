"""How data gets to a run: looked up, hashed, recorded by digest and, where the target is elsewhere, brought there.

Lives here: the submitter's side of data. The classes that people name (Datastore, Dataset, Model, …) are the script's, too, and
live in `turnout.runtime.script.assets`; placing the files before a script starts is `turnout.runtime.inputs`.
"""
