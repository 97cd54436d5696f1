from turnout.cli.tables import Facts, Table


def table():
    made = Table("run", "status", "size", "extra", right=["size"], status="status", optional=["extra"], note="reason")
    made.add("first", "Completed", 1, "something long that a narrow terminal does without")
    made.add("second [bold]", "Failed", 2345, None, note="it broke")
    return made


def test_piped_tables_are_aligned_whole_and_without_decoration(capsys):
    table().print()
    assert capsys.readouterr().out == (
        "RUN            STATUS     SIZE  EXTRA                                               REASON\n"
        "first          Completed     1  something long that a narrow terminal does without  -\n"
        "second [bold]  Failed     2345  -                                                   it broke\n"
    )


def test_an_empty_table_prints_nothing(capsys):
    Table("run").print()
    assert capsys.readouterr().out == ""


def test_facts_are_aligned_and_empty_ones_left_out(capsys):
    facts = Facts()
    facts.add("a", 0)
    facts.add("longer", "two\nlines")
    facts.add("none", None)
    facts.add("empty", "")
    facts.print()
    assert capsys.readouterr().out == "a       0\nlonger  two lines\n"


def test_a_terminal_gets_what_fits_and_notes_below_their_rows(draw):
    assert draw(table(), columns=40).splitlines() == [
        "RUN            STATUS     SIZE",
        "first          Completed     1",
        "second [bold]  Failed     2345",
        "    it broke",
    ]


def test_a_wide_terminal_gets_every_column(draw):
    assert "something long that a narrow terminal does without" in draw(table(), columns=120)


def test_the_status_is_coloured_unless_no_color_is_set(draw):
    assert "\x1b[32mCompleted\x1b[0m" in draw(table(), escapes=True)
    assert "\x1b[3" not in draw(table(), escapes=True, NO_COLOR="1")


def test_wide_characters_keep_the_columns_aligned(draw):
    made = Table("name", "n")
    made.add("日本", 1)
    made.add("abcd", 2)
    assert draw(made, columns=80).splitlines()[1:] == ["日本  1", "abcd  2"]
