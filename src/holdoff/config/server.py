"""``[server]`` of ``holdoff.toml``: where ``holdoff serve`` listens, and who may do what there."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Any, Final

from holdoff.config.checks import must_be, one_or_more, refuse_unknown, under
from holdoff.core.errors import ConfigError
from holdoff.core.value import Value

#: What a caller may do: see gates and builds; ask for builds and report their ends; everything else.
SCOPES: Final = ("look", "trigger", "operate")
LOOPBACK: Final = ("127.0.0.0/8", "::1")
_LISTEN: Final = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_PATHS: Final = ("tokens", "dead_letters", "certificate", "key")
_LISTS: Final = ("proxies", "user_scopes", "anonymous")


class Server(Value):
    """The table. A wrong setting raises ConfigError."""

    listen: str = "127.0.0.1:4653"  #: ``HOST:PORT``; port 0: any free port
    tokens: str | None = None  #: the file of the tokens; ``None``: beside the store
    dead_letters: str | None = None  #: the folder of the dead letters; ``None``: beside the store
    certificate: str | None = None  #: this and ``key``: PEM files for TLS; ``None``: no TLS
    key: str | None = None
    user_header: str | None = None  #: the header in which a proxy names the user
    proxies: tuple[str, ...] = LOOPBACK  #: addresses and networks of the proxies that are trusted to do so
    user_scopes: tuple[str, ...] = SCOPES  #: what such a user may do
    anonymous: tuple[str, ...] = ()  #: what may be done on a loopback address without a token

    def _check(self) -> None:
        found = _LISTEN.fullmatch(self.listen)
        if not found or int(found[1]) > 65_535:
            raise ConfigError(field="listen", got=self.listen, want="ADDRESS:PORT, such as '127.0.0.1:4653'")
        for field in ("user_scopes", "anonymous"):
            for scope in getattr(self, field):
                if scope not in SCOPES:
                    raise ConfigError(field=field, got=scope, want=f"one or more of {', '.join(SCOPES)}")
        if self.user_header is not None and not _HEADER.fullmatch(self.user_header):
            raise ConfigError(field="user_header", got=self.user_header, want="a header's name: 'X-Forwarded-User'")
        for field, other in (("certificate", "key"), ("key", "certificate")):
            if (path := getattr(self, field)) is not None and (not path or getattr(self, other) is None):
                raise ConfigError(field=field, got=path, want=f"a file in PEM, and {other} as well")
        self.networks()

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        from ipaddress import ip_address

        with suppress(ValueError):
            return ip_address(self.address[0]).is_loopback
        return self.address[0] == "localhost"

    def networks(self) -> tuple[Any, ...]:
        """``proxies`` as networks of ``ipaddress``."""
        from ipaddress import ip_network

        try:
            return tuple(ip_network(one) for one in self.proxies)
        except ValueError:
            want = "addresses and networks, such as '10.0.0.5' and '10.0.0.0/24'"
            raise ConfigError(field="proxies", got=list(self.proxies), want=want) from None


KEYS: Final = Server._fields


def server_of(table: object, folder: str | None) -> Server:
    """The table of a file in this folder, at which its relative paths start."""
    settings: dict[str, Any] = {**must_be(dict, table, "server", "a table such as { listen = '127.0.0.1:4653' }")}
    refuse_unknown(settings, KEYS, "server.")
    for name, value in settings.items():
        at = f"server.{name}"
        if name in _LISTS:
            several = [] if value == [] else one_or_more(value)
            settings[name] = tuple(must_be(str, one, at, "a list of texts") for one in several)
        elif name not in _PATHS:
            settings[name] = must_be(str, value, at, "text")
        elif not isinstance(value, str) or not value.strip() or "\0" in value:
            raise ConfigError(field=at, got=value, want="a path")
        else:
            settings[name] = os.path.join(folder or "", os.path.expanduser(value))
    with under("server."):
        return Server(**settings)
