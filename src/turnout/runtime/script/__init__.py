"""What a training script imports: `Run` and its kin, the one home of in-script classes.

Lives here: the script's side of a run. May import the standard library and the runtime's record modules; compiles for
Python 3.6, because old environments import it. Nothing here reaches a network or needs a server.
"""
