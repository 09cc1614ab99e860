"""What to do next, in the words that the errors of all stores have."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: After a write that may or may not be in.
AGAIN: Final = "Trigger again: nothing starts too early for it, and a trigger with an event id that is in counts once"
#: Where a table is missing, or something that it needs.
INIT: Final = "`holdoff store init` creates what is missing"
