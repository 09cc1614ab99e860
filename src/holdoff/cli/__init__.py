"""The command line ``holdoff``. A file holds one of its verbs, or several that belong together."""

from __future__ import annotations

import gc
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def entry() -> NoReturn:
    """The program. The garbage collector stays out of the imports: with the interpreter's threshold of 700 objects it
    takes a tenth of their time and finds nothing. A Ctrl-C during the imports ends the program without a traceback."""
    gc.set_threshold(20_000)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # otherwise the caller has SIGINT ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from holdoff.cli import main

    main.entry()
