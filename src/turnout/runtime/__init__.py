"""The part of Turnout that travels to the machine where a run happens.

Lives here: everything that a compute target needs to start, watch and end a run and to write its record. May import the
standard library and itself, nothing else, and compiles for Python 3.8. What a training script imports (`script/`, and the
modules that it uses: `layout`, `records`, `states`, `processes`, `record`) compiles for Python 3.6.
"""
