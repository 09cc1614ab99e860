"""The command line: the program ``holdoff``, and a file for each of its verbs or for several."""

from __future__ import annotations

import gc
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def entry() -> NoReturn:
    """The program. Before all else it sees to it that nothing is collected amid its imports, which takes a tenth of
    their time and finds nothing: the interpreter's own threshold is 700 objects. A Ctrl-C amid them ends it, without
    the traceback of an import that is none of its user's affair."""
    gc.set_threshold(20_000)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else our caller ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from holdoff.cli import main

    main.entry()
