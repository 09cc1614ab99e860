"""What the verbs share: their common options, the config, store and gate that these name, and printing.

**Names, reasons and messages of services are untrusted.** No text in a store can send codes to a terminal, fake a line
of output or reverse the direction of text. ``show`` and ``say`` print whole lines of printable characters. The standard
streams (``Printable``) escape everything else, whichever code writes to them.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from holdoff.core.errors import UsageError
from holdoff.core.shown import escaped
from holdoff.exact_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from holdoff.config import Config
    from holdoff.core.request import GateKey
    from holdoff.stores.base import Store

#: The first error that a write to stdout met; empty: there was none.
unwritten: list[OSError] = []


def add_store(parser: argparse.ArgumentParser) -> None:
    """``--store`` and ``--config``."""
    parser.add_argument(
        "--store",
        metavar="URL",
        default=os.environ.get("HOLDOFF_STORE") or None,
        help="sqlite:///PATH, postgresql://HOST/DATABASE or dynamodb://TABLE?region=REGION (default: HOLDOFF_STORE, "
        "holdoff.toml's, else a SQLite file in your state directory)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the holdoff.toml (default: HOLDOFF_CONFIG, else the nearest in this folder or above)",
    )


def add_gate(parser: argparse.ArgumentParser, *, optional: str | None = None) -> None:
    """``PROJECT``, ``--key`` and ``--region``, and what ``add_store`` adds. ``optional``: PROJECT may be left out; its
    help."""
    parser.add_argument("project", metavar="PROJECT", nargs="?" if optional else None, help=optional)
    parser.add_argument("--key", help="the gate of this branch, customer, ... of PROJECT; the same as PROJECT@KEY")
    parser.add_argument("--region", help="the gate's region (default: the project's or the store's)")
    add_store(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def person(args: argparse.Namespace) -> str | None:
    """The person who gives the command: ``--by``, else the user's name; ``None``: the user has no name."""
    import getpass

    try:
        return str(args.by or getpass.getuser())
    except (KeyError, OSError):
        return None


def read_bytes(name: str) -> bytes:
    """The content of the file that an argument names; ``-`` is stdin."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:  # noqa: PTH123  (as everywhere in the CLI: pathlib is slow to import)
            return file.read()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None


def load_config(args: argparse.Namespace) -> Config:
    from holdoff.config import load

    config = load(args.config)
    if config.passed_over:
        say(config.passed_over)
    return config


def opened(args: argparse.Namespace) -> tuple[Config, Store]:
    """The config and the store that the options name."""
    config = load_config(args)
    return config, config.open_store(args.store)


def open_gate(args: argparse.Namespace) -> tuple[Config, Store, GateKey]:
    """The config, the store, and the gate there that the options name."""
    config, store = opened(args)
    return config, store, config.key(args.project, args.key, args.region, store)


def no_such_gate(config: Config, store: Store, key: GateKey) -> str:
    """The message about a gate that is not known, with the one that may have been meant: a misspelt name must not hold
    a gate that no trigger will ever reach."""
    where = store.url if config.path is None else f"{store.url} or {config.path}"
    known = sorted({*config.keys(store), *(gate for gate, _ in store.gates())})
    if not known:
        return f"{key}: no such gate in {where}, which has no gates yet"
    meant = _nearest(key, known)
    return f"{key}: no such gate in {where}" + (f"; did you mean {meant}?" if meant else "")


def _nearest(key: GateKey, known: list[GateKey]) -> str | None:
    """What may have been meant: another region of this project, else another project."""
    from difflib import get_close_matches

    here = [gate.region for gate in known if gate.project == key.project]
    if here:
        return f"--region {(get_close_matches(key.region, here, 1) or here)[0]}"
    projects = [gate.project for gate in known if gate.region == key.region] or [gate.project for gate in known]
    return next(iter(get_close_matches(key.project, projects, 1)), None)


class Printable(io.TextIOWrapper):
    """A standard stream that escapes all but printable characters and line ends: argparse, logging and tracebacks write
    whatever text they are given."""

    def write(self, text: str) -> int:
        super().write("\n".join(map(escaped, text.split("\n"))))
        return len(text)


def one_line(message: object) -> str:
    return escaped(" ".join(str(message).splitlines()))


def print_json(value: object) -> None:
    """Print one object on stdout, in UTF-8 in every locale, as JSON demands. Unprintable characters are escaped."""
    write("".join(f"{escaped(line, _in_json)}\n" for line in dumps(value, indent=2).split("\n")).encode())


def _in_json(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def show(*lines: object) -> None:
    write("".join(f"{one_line(line)}\n" for line in lines))


def write(content: str | bytes) -> None:
    """Write to stdout and flush. An error only sets the exit status: there may be a command to look after."""
    try:
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        elif content:  # a write of nothing fails where a terminal has gone
            sys.stdout.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # the reader has gone
    except OSError as error:
        if not unwritten:  # the next write tries the same text again, and would report the same error
            unwritten.append(error)
            say(f"cannot write the output: {error.strerror}")


def say(message: object) -> None:
    """Print a line for a person on stderr: stdout may belong to a command. Without a reader the line is lost."""
    with suppress(OSError):
        print(f"holdoff: {one_line(message)}", file=sys.stderr, flush=True)


def draw(*parts: str, stream: TextIO) -> None:
    """Write text with a terminal's own codes. Texts of a store in it must have gone through ``one_line``."""
    with suppress(OSError):
        io.TextIOWrapper.write(stream, "".join(parts))  # type: ignore[arg-type]
        stream.flush()


def mend_streams() -> None:
    """Replace the standard streams: a closed one by the null device, stdout and stderr by ``Printable`` ones, which
    also escape characters that their encoding does not have."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The descriptor is the lowest free one, that of the closed stream. It stays open: --detach replaces it.
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(null, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for name in ("stdout", "stderr"):
        old = getattr(sys, name)
        buffering, encoding = old.line_buffering, old.encoding
        new = Printable(old.detach(), encoding=encoding, errors="backslashreplace", line_buffering=buffering)
        setattr(sys, name, new)
