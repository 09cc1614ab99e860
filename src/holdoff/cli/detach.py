"""``--detach``: the caller gets the decision and goes on; a process in the background looks after the build.

The program that called us may wait until no process holds its pipes any more, as git does with a hook. So the
background process closes them: its output goes where it went before only if that is a file.
"""

# ruff: noqa: PTH123, SIM115  (pathlib is slow to import; the streams live as long as the process)

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import Any, Final

from holdoff.cli.common import Printable, write

#: The last byte that the background process sends to the caller's: it has decided, and goes on alone. A line ends with
#: another in every encoding; with a null byte it ends in UTF-16.
_GOES_ON: Final = b"\xff"
_ESCAPED: Final[dict[str, Any]] = {"encoding": sys.stdout.encoding, "errors": "backslashreplace"}


def detach() -> int | None:
    """Fork. In the caller's process: wait for the decision, pass on the output until then, and return the exit status.
    In the background process: return ``None``."""
    reader, writer = os.pipe()
    sys.stderr.flush()
    behind = os.fork()
    if not behind:
        os.close(reader)
        _settle(writer)
        return None
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    write(said.removesuffix(_GOES_ON))
    if said.endswith(_GOES_ON):
        return 0
    code = os.waitstatus_to_exitcode(os.waitpid(behind, 0)[1])
    return code if code >= 0 else 128 - code


def _settle(writer: int) -> None:
    """Leave the caller's session and its pipes. What this process prints goes to the caller until ``go_on``; what a
    command prints does not."""
    os.setsid()
    errors = os.dup(2)  # not inherited
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for fd in (1, 2):
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.dup2(null, fd)
    os.close(null)
    sys.stdout, sys.stderr = (Printable(open(fd, "wb"), **_ESCAPED) for fd in (writer, errors))


def go_on() -> None:
    """In the background process: the caller has its decision, and need not wait any longer."""
    with suppress(OSError):  # the caller has gone, and the build goes on without it
        sys.stdout.flush()
        sys.stdout.buffer.write(_GOES_ON)
    for name, fd in (("stdout", 1), ("stderr", 2)):
        with suppress(OSError):
            getattr(sys, name).close()
        setattr(sys, name, Printable(open(fd, "wb", closefd=False), **_ESCAPED))
