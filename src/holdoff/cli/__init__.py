"""The command line: the program ``holdoff``, and a file for each of its verbs or for several."""

from __future__ import annotations

import gc
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def entry() -> NoReturn:
    """The program. First it keeps the garbage collector from its imports: with the interpreter's own threshold of 700
    objects that takes a tenth of their time and finds nothing. A Ctrl-C during the imports ends the program without a
    traceback."""
    gc.set_threshold(20_000)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else our caller ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from holdoff.cli import main

    main.entry()
