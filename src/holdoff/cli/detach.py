"""``--detach``: the caller gets the decision and goes on; a process behind it looks after the build.

What has started us may wait until no process has its pipes open any more, as git does with a hook's. So the process
behind keeps none of them: output goes on to where it went only if that is a file.
"""

# ruff: noqa: PTH123, SIM115  (pathlib is slow to import; streams are as long-lived as we are)

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import Any, Final

from holdoff.cli.common import Printable

#: What the process behind says last, when it has decided and goes on.
_GOES_ON: Final = b"\0"
_ESCAPED: Final[dict[str, Any]] = {"encoding": "utf-8", "errors": "backslashreplace"}


def detach() -> int | None:
    """Go on in a process behind. In the caller's: wait for the decision, pass on what is said until then, and return
    the exit status. In the process behind: ``None``."""
    reader, writer = os.pipe()
    sys.stderr.flush()
    try:
        behind = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if not behind:
        os.close(reader)
        _settle(writer)
        return None
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    sys.stdout.write(said.removesuffix(_GOES_ON).decode())
    if said.endswith(_GOES_ON):
        return 0
    code = os.waitstatus_to_exitcode(os.waitpid(behind, 0)[1])
    return code if code >= 0 else 128 - code


def _settle(writer: int) -> None:
    """Out of the caller's session, with streams that hold up none of its readers: what we say goes to the caller until
    we go on, what a command says does not."""
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
    """In the process behind: what the caller waits for is said."""
    with suppress(OSError):  # it has gone, and the build goes on without it
        sys.stdout.flush()
        sys.stdout.buffer.write(_GOES_ON)
    for name, fd in (("stdout", 1), ("stderr", 2)):
        with suppress(OSError):
            getattr(sys, name).close()
        setattr(sys, name, Printable(open(fd, "wb", closefd=False), line_buffering=True, **_ESCAPED))
