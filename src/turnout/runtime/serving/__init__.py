"""The agent's end of a connection: frames, what arrives for runs, what is read back of them, and facts of the machine.

What a request does to a run that is there is `turnout.runtime.agent`'s; nothing here decides about runs.
"""
