"""``holdoff serve``, ``token`` and ``dead-letters``: the server, who may use it, and its webhooks that failed.

Only ``serve`` imports the web framework (``holdoff[server]``). Like ``wake --watch``, it reads ``holdoff.toml`` again
when the file changes; the table ``[server]`` is read at the start only.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

from holdoff.cli.common import add_json, add_store, opened, print_json, say, show
from holdoff.cli.start import Builds, is_news
from holdoff.clock import SystemClock
from holdoff.config.projects import ON_HTTP
from holdoff.config.server import SCOPES, Server
from holdoff.core.errors import ConfigError, HoldoffError, UsageError
from holdoff.core.shown import shown
from holdoff.stores.base import Store, check_writable

if TYPE_CHECKING:
    import argparse

    from holdoff.config import Config
    from holdoff.server.files import Letters
    from holdoff.server.site import Site

#: The options of ``serve`` that are settings.
SETTINGS: Final = ("listen", "certificate", "key", "user_header", "anonymous")
SERVE_EPILOG = """\
  holdoff token new laptop --scope look,trigger,operate
  holdoff serve                                on http://127.0.0.1:4653
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:4653/api/v1/status

Webhooks come to /hooks/PROJECT; [webhooks] of holdoff.toml says which are
accepted. On any address but a loopback one the server needs tokens. There,
use a certificate, or a proxy with TLS in front of the server.
"""


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = SERVE_EPILOG
    add_store(parser)
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="where to listen (default: 127.0.0.1:4653)")
    parser.add_argument("--certificate", metavar="FILE", help="the certificate for TLS, in PEM")
    parser.add_argument("--key", metavar="FILE", help="the key of the certificate")
    header = "the header in which a proxy on this machine names the user, such as X-Forwarded-User"
    parser.add_argument("--trust-header", dest="user_header", metavar="NAME", help=header)
    anonymous = f"what may be done without a token, on a loopback address only: {', '.join(SCOPES)}"
    parser.add_argument("--anonymous", type=_listed, metavar="SCOPE,...", help=anonymous)
    parser.add_argument("--every", default="1s", metavar="DURATION", help="how often to look (default: 1s)")


def serve(args: argparse.Namespace) -> int:
    config, store = opened(args)
    given = {field: value for field in SETTINGS if (value := getattr(args, field)) is not None}
    server = (config.server or Server()).but(**given)
    try:
        from holdoff.server import run
    except ImportError as error:
        raise UsageError(f"`holdoff serve` needs {error.name}: pip install 'holdoff[server]'") from None
    _serve(args, config.but(server=server), store, run)
    return 0


def _serve(args: argparse.Namespace, config: Config, store: Store, run: Any) -> None:
    from holdoff.cli.config_file import ConfigFile
    from holdoff.cli.watch import LogLines
    from holdoff.server.site import Site
    from holdoff.wake.loop import WakeLoop

    logging.basicConfig(handlers=[LogLines()])
    site = Site(config, store, environment=os.environ, write=_write, attend=lambda gate: loop.attend(gate))
    run.check_access(site)

    def go_by(config: Config, store: Store) -> None:
        site.go_by(config, store)
        loop.go_by(store, site.gate_to_wake)

    file = ConfigFile(args, config, store, go_by)

    def look(_: WakeLoop) -> None:
        site.metrics.looked.set(site.clock.now_ms() / 1000)
        if said := file.look():
            say(said)

    def again(*_: object) -> None:
        file.forget()
        site.renew()

    loop = WakeLoop(
        store,
        site.gate_to_wake,
        clock=site.clock,
        every=args.every,
        on_decision=lambda decision: site.log.decided(decision, None, kind="wake") if is_news(decision) else None,
        on_end=site.ended,
        before_look=look,
        wake=lambda gate: site.starts.decide(gate, None),
    )
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, again)
    for key in config.keys(store)[:1]:
        check_writable(store, key)  # otherwise the first trigger would be the first to meet the error
    at = run.listening(site.server)
    run.serve(site, loop, at, lambda: _say_where(site, at.getsockname()))


def _say_where(site: Site, at: tuple[Any, ...]) -> None:
    server, host = site.server, f"[{at[0]}]" if ":" in at[0] else at[0]
    say(f"serving {site.store.url} on http{'s' if server.certificate else ''}://{host}:{at[1]}; Ctrl-C ends it")
    if not server.is_loopback and server.certificate is None:
        say("traffic to it is not encrypted: put a proxy in front of it, or give --certificate and --key")
    if not (site.guard.tokens.all() or server.anonymous or server.user_header):
        say("page and API still refuse everything: `holdoff token new NAME --scope look,trigger,operate` makes a token")
    _say_which_secrets_are_missing(site)


def _say_which_secrets_are_missing(site: Site) -> None:
    """Name the secrets that should be on this machine. Secrets in AWS are not fetched."""
    webhooks = site.settings.webhooks(site.config, site.clock.now_ms())
    secrets = [secret for several in webhooks.secrets.values() for secret in several]
    if not secrets:
        say("no webhook is accepted: [webhooks] of holdoff.toml names no secret")
    for secret in secrets:
        try:
            if secret.reference.startswith(("env:", "file:")):
                secret.fetch()
        except ConfigError as error:
            say(f"{error}. Until then webhooks with this secret are refused")
    for project in site.config.projects.values():
        if project.starter.keys() & ON_HTTP.keys():
            try:
                project.make_starter().check_secrets()  # type: ignore[attr-defined]
            except ConfigError as error:
                said = error.under(f"projects.{project.name}.starter: ")
                say(f"{said}. Until then requests with this secret are not sent")


#: What a line in a terminal shows, in this order.
_SHOWN: Final = {
    "project": "{}",
    "build_id": "{}",
    "ended": "{}",
    "exit_status": "(exit status {})",
    "why": "{}",
    "error": "{}:",
    "message": "{}.",
    "hint": "{}",
    "where": "({})",
    "ignored": "{}",
    "by": "by {}",
}


def _write(line: dict[str, Any]) -> None:
    """Write a line of the log: a sentence in a terminal, JSON elsewhere."""
    # JSON is in ASCII, because ``show`` escapes other characters in a way that is no JSON.
    show(_sentence(line) if sys.stdout.isatty() else json.dumps(line))


def _sentence(line: dict[str, Any]) -> str:
    if line["event"] == "decision":
        return str(line["message"])
    ended = {None: "", True: "succeeded", False: "failed"}[line.get("succeeded")]
    told = line | {"ended": ended}
    told.setdefault("project", line.get("finished"))  # where an event tells the end of a build
    if "where" not in line:
        told.pop("error", None)  # only an error that is not Holdoff's needs its class
    shown = (form.format(told[name]) for name, form in _SHOWN.items() if told.get(name))
    return f"{line['event']}: {' '.join(shown)}"


def add_token_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["new", "list", "revoke"], help="new prints the token, only this once")
    parser.add_argument("name", metavar="NAME", nargs="?", help="who or what uses the token")
    scope = f"what the token allows: {', '.join(SCOPES)}; may be given several times"
    parser.add_argument("--scope", type=_listed, action="extend", default=[], metavar="SCOPE,...", help=scope)
    add_store(parser)
    add_json(parser)


def token(args: argparse.Namespace) -> int:
    from holdoff.server.files import files_of

    tokens, _ = files_of(*opened(args), SystemClock())
    if (args.action == "list") is not (args.name is None):
        raise UsageError("`token list` takes no NAME" if args.name else f"`token {args.action}` takes a NAME")
    if (args.action == "new") is not bool(args.scope):
        which = f"is missing: one or more of {', '.join(SCOPES)}" if args.action == "new" else "is for `token new` only"
        raise UsageError(f"--scope {which}")
    for scope in args.scope:
        if scope not in SCOPES:
            raise UsageError(f"--scope is {shown('--scope', scope)}; write one or more of {', '.join(SCOPES)}")
    if args.action == "new":
        text = tokens.new(args.name, args.scope)
        if args.json:
            print_json({"name": args.name, "token": text})
        else:
            say(f"the token is shown only now; {tokens.path} keeps its SHA-256")
            show(text)
    elif args.action == "revoke":
        tokens.revoke(args.name)
        if args.json:
            print_json({"name": args.name, "revoked": True})
        else:
            say(f"{args.name} is revoked, also in servers that are running")
    elif args.json:
        print_json({"tokens": [{"name": t.name, "scopes": list(t.scopes), "made": t.made} for t in tokens.all()]})
    else:
        lines = [f"{t.name}  {','.join(t.scopes)}  {t.made}" for t in tokens.all()]
        show(*lines)
        if not lines:
            say(f"no tokens in {tokens.path}")
    return 0


def add_dead_letters_arguments(parser: argparse.ArgumentParser) -> None:
    what = "retry carries out a webhook again, with the rights that it had, and deletes it if that succeeds"
    parser.add_argument("action", choices=["list", "show", "retry"], help=what)
    parser.add_argument("id", metavar="ID", nargs="?", help="the id of a dead letter")
    parser.add_argument("--all", action="store_true", help="retry all letters, the oldest first")
    add_store(parser)
    add_json(parser)


def dead_letters(args: argparse.Namespace) -> int:
    """List, show or retry. A retry waits for a build of this machine."""
    from holdoff.server.files import files_of

    config, store = opened(args)
    _, letters = files_of(config, store, SystemClock())
    if (args.action != "list" and not args.all) is not (args.id is not None) or (args.all and args.action != "retry"):
        raise UsageError("write `dead-letters list`, `show ID`, `retry ID` or `retry --all`")
    if args.action == "show":
        print_json(letters.read(args.id))
        return 0
    ids = letters.ids() if args.id is None else [args.id]
    if not ids and not args.json:
        say(f"no dead letters in {letters.folder}")  # the server may run as another user, with another folder
    if args.action == "retry":
        return _retry(args, config, store, letters, ids)
    listed = [letters.about(id_) for id_ in ids]
    if args.json:
        print_json({"dead_letters": listed})
    else:
        show(*(f"{one['id']}  {one['kept']}  {one.get('path')}: {one.get('error')}" for one in listed))
    return 0


def _retry(args: argparse.Namespace, config: Config, store: Store, letters: Letters, ids: list[str]) -> int:
    from holdoff.ingress.dispatch import Dispatch
    from holdoff.ingress.event_log import EventLog
    from holdoff.ingress.webhook import carry_out_again

    clock, told = SystemClock(), list[dict[str, Any]]()

    def write(line: dict[str, Any]) -> None:
        if line["event"] == "decision":
            told[-1]["message"] = line["message"]
            if not args.json:
                show(line["message"])

    log, status = EventLog(write, clock=clock), 0
    for id_ in ids:
        told.append({"id": id_, "message": None, "error": None})
        with Builds() as builds:
            dispatch = Dispatch(config, store, clock=clock, log=log, scheduler=None, decide=builds.decide)
            try:
                letters.retry(id_, lambda letter: carry_out_again(letter, id_, dispatch))  # noqa: B023
            except HoldoffError as error:
                told[-1]["error"], status = str(error), error.exit_code
                if not args.json:
                    say(f"{id_}: {error}")
        status = builds.status or status
    if args.json:
        print_json({"retried": told})
    return status


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(" ", "").split(",")))
