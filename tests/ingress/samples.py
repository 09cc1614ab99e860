"""The sample events that AWS ships with its SAM CLI, as its ``generate-event`` would print them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.engines.sam_cli import EVENTS, sam_cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Samples = dict[str, Any]
_ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url": quote,
}


def read_samples() -> Samples:
    """All of them, by service and name: ``s3 put``.

    Raises:
        EngineUnavailable: they cannot be fetched.
    """
    folder = sam_cli() / EVENTS
    services = json.loads((folder / "event-mapping.json").read_text())
    return {
        f"{service} {name}": _rendered(folder / "events" / service, sample)
        for service, several in services.items()
        for name, sample in several.items()
    }


def _rendered(folder: Path, sample: dict[str, Any]) -> Any:
    """The sample with its defaults filled in; what has none is left empty, as the tool does it."""
    values = {name.replace("-", "_"): _default(tag) for name, tag in sample["tags"].items()}
    text = (folder / f"{sample['filename']}.json").read_text()
    return json.loads(re.sub(r"\{\{\{?(\w+)\}?\}\}", lambda found: values.get(found[1], ""), text))


def _default(tag: dict[str, str]) -> str:
    encode = _ENCODINGS.get(tag.get("encoding", ""), str)
    return json.dumps(encode(tag["default"]))[1:-1]
