"""The command line: the program ``holdoff``, and a file for each of its verbs or for several."""

from __future__ import annotations

import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def entry() -> NoReturn:
    """The program. Before all else it sees to it that nothing is collected amid its imports, which takes a tenth of
    their time and finds nothing: the interpreter's own threshold is 700 objects."""
    gc.set_threshold(20_000)
    from holdoff.cli import main

    main.entry()
