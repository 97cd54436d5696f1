from turnout.testing.records import make_run


def test_files_are_listed_with_their_sizes(workspace, turnout, terminal):
    make_run(
        workspace,
        "a",
        log=b"x" * 1500,
        files={
            "code/outputs/models/m.pkl": b"12",
            "code/train.py": b"part of the snapshot",
            b"code/outputs/caf\xe9".decode("utf-8", "surrogateescape"): b"",
            "artifacts/plots/a.png": b"png",
        },
    )
    cafe = b"outputs/caf\xe9".decode("utf-8", "surrogateescape")
    assert turnout("files", "a").out == (
        "FILE                     SIZE\n"
        f"{cafe}              0 B\n"
        "outputs/models/m.pkl      2 B\n"
        "plots/a.png               3 B\n"
        "user_logs/std_log.txt  1.5 kB\n"
    )
    assert turnout("files", "a", "--json").json == [
        {"name": cafe, "bytes": 0},
        {"name": "outputs/models/m.pkl", "bytes": 2},
        {"name": "plots/a.png", "bytes": 3},
        {"name": "user_logs/std_log.txt", "bytes": 1500},
    ]
    make_run(workspace, "none")
    assert turnout("files", "none").out == ""
    assert terminal("files", "none").err == "turnout: the run none has no files\n"
