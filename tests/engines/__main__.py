"""Fetch the engines, or run one by hand: ``python -m tests.engines fetch | run ENGINE``."""

import argparse
import signal
import sys
import threading
from types import FrameType

from tests.engines import (
    deploying,
    dynamodb_local,
    frameworks,
    lambda_runtime,
    ministack,
    postgres,
    public_samples,
    sam_cli,
    signers,
)
from tests.engines.cache import EngineUnavailable, engines_required
from tests.engines.process import EngineFailed

FETCH = {
    dynamodb_local.NAME: dynamodb_local.fetch,
    ministack.NAME: ministack.fetch,
    sam_cli.NAME: sam_cli.fetch,
    lambda_runtime.NAME: lambda_runtime.fetch,
    signers.NAME: signers.fetch,
    public_samples.NAME: public_samples.fetch,
    postgres.NAME: postgres.fetch,
    deploying.NAME: deploying.fetch,
    frameworks.NAME: frameworks.fetch,
}
SERVERS = {
    dynamodb_local.NAME: dynamodb_local.dynamodb_local,
    ministack.NAME: ministack.ministack,
    postgres.NAME: postgres.postgres,
}


def main() -> int:
    """Parse the command line and do as it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.engines", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    fetch = verbs.add_parser("fetch", help="bring the engines into the cache")
    fetch.add_argument("engines", nargs="*", metavar="ENGINE", help="default: all of them")
    run = verbs.add_parser("run", help="run one until Ctrl-C; its endpoint goes to stdout")
    run.add_argument("engine", choices=SERVERS)
    run.add_argument("--port", type=int)
    arguments = parser.parse_args()
    if arguments.verb == "run":
        return _run(arguments.engine, arguments.port)
    if unknown := set(arguments.engines) - FETCH.keys():
        parser.error(f"no such engine: {', '.join(sorted(unknown))}; there are {', '.join(FETCH)}")
    return _fetch(arguments.engines or list(FETCH))


def _fetch(names: list[str]) -> int:
    missing = False
    for name in names:
        try:
            print(FETCH[name](), flush=True)
        except EngineUnavailable as reason:
            print(f"{name}: not available: {reason}", flush=True)
            missing = True
    # Elsewhere its tests are skipped, with the reason.
    return 1 if missing and engines_required() else 0


def _run(name: str, port: int | None) -> int:
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        with SERVERS[name](port=port) as endpoint:
            print(endpoint, flush=True)
            print(f"{name} is up; Ctrl-C ends it.", file=sys.stderr, flush=True)
            stop.wait()
    except (EngineUnavailable, EngineFailed) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
