"""What to run: ScriptRunConfig, RunConfiguration and its sections, and `.runconfig` files.

Lives here: v1's configuration objects, and the rules that hold for them before anything is submitted. May import
`turnout.environments`, `turnout.elements`, `turnout.exceptions` and `turnout.runtime`. Nothing here reads a source
directory or a target.
"""
