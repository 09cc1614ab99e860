"""Makes docs/holdoff.1, the man page, from the parsers of the command line.

Run: python -m tools.written
"""

from __future__ import annotations

from argparse import Action
from collections.abc import Iterator

from holdoff.cli.completion import help_of
from holdoff.cli.main import VERBS, parser_of

HEAD = """\
.\\" Made by `python -m tools.written` from the parsers of the command line.
.TH HOLDOFF 1 "" Holdoff "User commands"
.SH NAME
holdoff \\- many triggers in, few builds out, and the last change always built
.SH SYNOPSIS
.B holdoff
.I COMMAND
[options]
.br
.B holdoff run
.I PROJECT
.B \\-\\-cooldown
.I DURATION
[options]
.B \\-\\-
.I COMMAND...
.SH DESCRIPTION
Starts at most one build per project and region in each cooldown, however many processes and machines trigger it, and
never loses the last trigger. Its state is in a SQLite file, in PostgreSQL or in a DynamoDB table.
.SH COMMANDS
"""
TAIL = """\
.SH EXIT STATUS
0; 1 a check found something wrong, or there is no such gate or answer; 2 bad usage; 65 a stored gate cannot be read;
69 no store; 70 a bug of Holdoff; 74 the output cannot be written; 75 a start failed, or its end is not known;
77 no rights; 78 bad configuration;
of
.B run
the command's own, 128+N if signal N ended it, 126 and 127 if it cannot be executed.
.SH FILES
.TP
.I holdoff.toml
The projects, found upward from the working directory.
.SH ENVIRONMENT
.TP
.B HOLDOFF_CONFIG
The file to use instead.
.TP
.B HOLDOFF_STORE
The store to use, instead of the file's.
.TP
.B XDG_STATE_HOME
Where the SQLite file is by default.
.TP
.B NO_COLOR
No colours.
"""


def page() -> str:
    """The man page, in roff."""
    return HEAD + "".join(f"{line}\n" for verb in VERBS for line in section(verb)) + TAIL


def section(verb: str) -> Iterator[str]:
    """One command: what it does, its options, its examples and exit statuses."""
    parser, _ = parser_of(verb)
    yield f".SS holdoff {verb}"
    yield _roff(VERBS[verb][1][0].upper() + VERBS[verb][1][1:])
    for option in parser._actions:
        if option.dest != "help":
            yield ".TP"
            yield _head(option)
            yield _roff(help_of(option))
    if parser.epilog:
        yield ".PP"
        yield ".nf"
        yield from map(_roff, parser.epilog.rstrip().split("\n"))
        yield ".fi"


def _head(option: Action) -> str:
    value = "|".join(option.choices or ()) or ("" if option.nargs == 0 else str(option.metavar or option.dest.upper()))
    flags = ", ".join(f"\\fB{_roff(flag)}\\fR" for flag in option.option_strings)
    return " ".join(filter(None, [flags, value and f"\\fI{_roff(value)}\\fR"]))


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
