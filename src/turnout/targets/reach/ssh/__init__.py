"""Reaching a machine over the person's own OpenSSH: one connection, over which the runtime's agent answers there.

`reach` is the kind; `command` says how `ssh` is called, `handshake` what is started there, `channel` carries requests,
`diagnosis` reads what ssh said, `upload` sends objects, `askpass` answers ssh's questions. Nothing here knows of runs.
"""
