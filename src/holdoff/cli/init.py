"""``holdoff init``: writes a first ``holdoff.toml``, which works as it is. It asks nothing and overwrites nothing.

Every setting that is commented out is correct, too: remove the mark to use it.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import say, show
from holdoff.config import FILE, nearest
from holdoff.core.errors import UsageError
from holdoff.core.request import KEY_MARK, GateKey
from holdoff.core.shown import in_toml

if TYPE_CHECKING:
    import argparse

EPILOG: Final = """\
  holdoff init                         a project with the name of this folder
  holdoff init site                    a project `site`, built by a command
  holdoff init site --starter codebuild
"""
HEAD: Final = """\
# Which builds start when. `holdoff trigger {name}` asks for one; `holdoff wake --watch` starts what was deferred.
# docs/config.md has every setting. To use a line that begins with #, remove the mark.

# Where the gates are kept. Without this setting: in a SQLite file for this holdoff.toml, in your state directory.
# store = "sqlite:///gates.db"  # beside this file
# store = "dynamodb://builds?region={region}"  # a table, for several machines

[projects.{table}]
cooldown = "10m"            # the least time between two starts
# quiet = "30s"             # start only once no trigger has come for this long ...
# max_wait = "5m"           # ... but at the latest this long after the first trigger (needs quiet)
# limit = "10/1d"           # at most 10 starts in any day
# overlap = "defer"         # while a build runs: allow another build (the default), skip, defer or cancel
# cooldown_from = "finish"  # count the cooldown from a build's end (the default: start)
# on_failure = "rearm"      # build again what a failed build should have built (the default: keep)
# unchanged = "skip"        # build no version twice (the default: build)

"""
STARTERS: Final = {
    "command": """\
# The build: a program and its arguments, no shell; it runs in this file's folder. Yours may be ["make", "site"].
starter = { command = ["sh", "-c", "echo building $HOLDOFF_PROJECT ${HOLDOFF_SOURCE_VERSION:-}"] }
""",
    "codebuild": """\
region = "{region}"

# The build: StartBuild of this CodeBuild project. `holdoff aws check` says whether it would work.
starter = { codebuild = {quoted} }
# starter = { codebuild = {quoted}, environment = { STAGE = "prod" } }
""",
}
REGION: Final = "eu-west-1"


def add_init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="its name (default: the name of this folder)")
    parser.add_argument(
        "--starter", choices=list(STARTERS), default="command", help="what builds (default: %(default)s)"
    )


def init(args: argparse.Namespace) -> int:
    try:
        here = os.getcwd()  # noqa: PTH109  (pathlib is slow to import)
    except FileNotFoundError:
        raise UsageError("the working directory no longer exists", hint="Go to another folder") from None
    name = args.project or _name_of(os.path.basename(here))  # noqa: PTH119
    GateKey(name, REGION)
    if KEY_MARK in name:
        raise UsageError(f"PROJECT is {name!r}", hint=f"Take a name without {KEY_MARK!r}, which stands before a key")
    above, _ = nearest(here)
    try:
        with open(FILE, "x", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text_of(name, args.starter))
    except FileExistsError:
        raise UsageError(f"{here}/{FILE} exists already", hint="Edit it, or go to another folder") from None
    except OSError as error:
        with suppress(OSError):  # on a full disk half of the file would be left
            os.unlink(FILE)  # noqa: PTH108
        raise UsageError(f"{here}/{FILE}: {error.strerror}", hint="Go to a folder that can be written to") from None
    show(f"wrote {here}/{FILE} with the project {name}; next: holdoff trigger {shlex.quote(name)}")
    if above:
        say(f"the new file is now used in this folder and below, instead of {above}")
    return 0


def text_of(name: str, starter: str) -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
    table = in_toml(name)
    quoted = table if table.startswith('"') else f'"{table}"'
    words = {"name": shlex.quote(name), "table": table, "region": region, "quoted": quoted}
    return re.sub(r"\{([a-z]+)\}", lambda found: words[found[1]], HEAD + STARTERS[starter])


def _name_of(folder: str) -> str:
    """A project's name after a folder's, without characters that a shell would want quoted."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-.") or "site"
