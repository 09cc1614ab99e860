"""Tokens and dead letters: files that a server keeps beside its store, whatever the store is.

A letter is one JSON file in a folder. It is written under another name, flushed and renamed, so it is there whole or
not at all. Letters are files of this machine even where the gates are in PostgreSQL or DynamoDB: a file is the simplest
thing that works while the store does not answer. Servers on several machines each keep their own letters.

A token is 32 random bytes. The file has only its SHA-256. A slow hash (scrypt) would protect passwords that people
choose; 256 random bits cannot be guessed, and every request, a stranger's too, would have to wait for the slow hash.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from holdoff.clock import Clock, new_token
from holdoff.config import Config
from holdoff.config.checks import shown_file
from holdoff.config.server import SCOPES, Server
from holdoff.config.trust import distrust, sight
from holdoff.core.errors import ConfigError, StoreError, UsageError
from holdoff.core.request import check_note
from holdoff.core.token import instant_ms
from holdoff.core.units import iso
from holdoff.core.value import Value
from holdoff.stores.base import Store
from holdoff.stores.open import default_url
from holdoff.stores.sqlite import SQLiteStore

#: When there are this many letters, a further one is only logged: a sender's mistake must not fill the disk.
MOST_LETTERS: Final = 10_000
MAX_NAME: Final = 80
PREFIX: Final = "holdoff_"
T = TypeVar("T")
_LETTER: Final = re.compile(r"([0-9A-Z]{26})\.json")


def files_of(config: Config, store: Store, clock: Clock) -> tuple[Tokens, Letters]:
    """The tokens and the letters of a config and its store: beside the SQLite store, else the default SQLite store."""
    server = config.server or Server()
    path = store.path if isinstance(store, SQLiteStore) else default_url(config.path).removeprefix("sqlite:///")
    return Tokens(server.tokens or f"{path}.tokens", clock), Letters(server.dead_letters or f"{path}.letters", clock)


def _write(path: Path, content: object) -> None:
    """Write a file as JSON, whole or not at all, also after a power cut. Only this user can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:  # of a full disk, say: every try would leave half a file
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Token(Value):
    """What the file has of one token."""

    name: str
    scopes: tuple[str, ...]
    sha256: str
    made: str

    def _check(self) -> None:
        is_text = all(isinstance(one, str) for one in (self.name, self.sha256, self.made))
        if not is_text or not self.sha256.isascii() or not set(self.scopes) <= set(SCOPES):
            raise ValueError("no token as `holdoff token new` notes it")


class Tokens:
    """The tokens in a file. A changed file is read again, so a revoked token is refused at once."""

    def __init__(self, path: str, clock: Clock) -> None:
        self.path: Path = Path(path).absolute()
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._known: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """The tokens. A file with other content, or that another user could write, raises ConfigError."""
        try:
            seen = sight(str(self.path))
            if seen == self._seen:
                return self._known
            why, content = distrust(str(self.path)), self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._wrong(f"a file that can be read ({error.strerror})") from None
        if why:
            raise self._wrong(f"a file of your own: {why}")
        try:
            listed = json.loads(content)["tokens"]
            self._known = tuple(Token(**{**one, "scopes": tuple(one["scopes"])}) for one in listed)
        except (ValueError, TypeError, LookupError, RecursionError):
            raise self._wrong("a file as `holdoff token new` writes it") from None
        self._seen = seen
        return self._known

    def new(self, name: str, scopes: Iterable[str]) -> str:
        """Make a token; only this return value has it. A name that exists raises UsageError."""
        check_note("name", name, MAX_NAME)
        text = PREFIX + base64.urlsafe_b64encode(self._clock.random(256).to_bytes(32)).rstrip(b"=").decode()
        made = iso(self._clock.now_ms())
        token = Token(name=name, scopes=tuple(one for one in SCOPES if one in scopes), sha256=_digest(text), made=made)
        with self._changing() as known:
            if any(one.name == name for one in known):
                raise UsageError(f"there is a token {name!r} already; revoke it first, or take another name")
            self._keep([*known, token])
        return text

    def revoke(self, name: str) -> None:
        """Remove a token. An unknown name raises UsageError."""
        with self._changing() as known:
            left = [one for one in known if one.name != name]
            if len(left) == len(known):
                said = f"{PREFIX}..." if name.startswith(PREFIX) else name  # it may be the token itself
                raise UsageError(f"there is no token {said!r} in {self.path}: `holdoff token list` shows the names")
            self._keep(left)

    def find(self, text: str) -> Token | None:
        """The token that this text is. The comparison takes the same time for every text."""
        digest, found = _digest(text), None
        for one in self.all():
            if hmac.compare_digest(one.sha256, digest):
                found = one
        return found

    def _keep(self, tokens: Iterable[Token]) -> None:
        _write(self.path, {"tokens": [vars(one) for one in tokens]})

    @contextmanager
    def _changing(self) -> Iterator[tuple[Token, ...]]:
        """The tokens, under a lock: no other process changes the file meanwhile."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as lock:  # noqa: PTH123
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield self.all()
        except OSError as error:
            raise self._wrong(f"a file that can be written ({error.strerror})") from None

    def _wrong(self, want: str) -> ConfigError:
        return ConfigError(field="tokens", got=shown_file(str(self.path)), want=want)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class NoSuchLetter(UsageError):
    """There is no letter of that id."""


class Letters:
    """The dead letters in a folder. An id is a time-ordered token: it has the instant at which the letter was kept."""

    def __init__(self, folder: str, clock: Clock) -> None:
        self.folder: Path = Path(folder).absolute()
        self._clock = clock

    def keep(self, letter: dict[str, object]) -> None:
        """Keep a letter. Raises StoreError if there are too many, or if the file cannot be written."""
        if len(self.ids()) >= MOST_LETTERS:
            raise StoreError(f"{self.folder} is full, with {MOST_LETTERS:,} letters", hint="Retry or delete some")
        try:
            _write(self._file(new_token(self._clock)), letter)
        except OSError as error:
            raise StoreError(f"a letter could not be written to {self.folder}: {error.strerror}") from None

    def ids(self) -> list[str]:
        """The ids, the oldest first. Raises StoreError if the folder cannot be read."""
        try:
            names = sorted(os.listdir(self.folder))  # noqa: PTH208
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.folder} cannot be read: {error.strerror}") from None
        return [found[1] for name in names if (found := _LETTER.fullmatch(name))]

    def about(self, id_: str) -> dict[str, object]:
        """A letter in short, without its content."""
        about: dict[str, object] = {"id": id_, "kept": iso(instant_ms(id_) or 0)}
        try:
            letter = self.read(id_)
        except NoSuchLetter:  # it was retried and deleted meanwhile
            return about
        except StoreError as error:
            return about | {"error": str(error)}
        request, origin = (one if isinstance(one, dict) else {} for one in map(letter.get, ("request", "origin")))
        return about | {"error": letter.get("error"), "path": request.get("path"), "webhook": origin.get("scheme")}

    def read(self, id_: str, *, obeys: bool = False) -> dict[str, Any]:
        """A letter, as ``events.aside`` made it. Raises NoSuchLetter, or StoreError if it cannot be read. ``obeys``:
        also if another user could have written it, because a letter says itself what it may do."""
        file = self._file(id_)
        try:
            if obeys and (why := distrust(str(file))):
                hint = "Retry it as the server's user; if that did not write it, delete it"
                raise StoreError(f"{file} is not obeyed: {why}", hint=hint)
            found = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise NoSuchLetter(f"there is no dead letter {id_}") from None
        except (OSError, ValueError, RecursionError) as error:
            why = getattr(error, "strerror", None) or "it is not JSON"
            raise StoreError(f"{file} cannot be read as a dead letter: {why}", hint="Mend or delete it") from None
        return found if isinstance(found, dict) else {}

    def retry(self, id_: str, act: Callable[[dict[str, Any]], T]) -> T:
        """Carry out a letter by ``act``, and delete it if that raises nothing. Raises StoreError if it cannot be
        deleted."""
        done = act(self.read(id_, obeys=True))
        try:
            self._file(id_).unlink(missing_ok=True)
        except OSError as error:
            hint = "It was carried out: delete it"
            raise StoreError(f"{self._file(id_)} could not be deleted: {error.strerror}", hint=hint) from None
        return done

    def _file(self, id_: str) -> Path:
        if not _LETTER.fullmatch(f"{id_}.json"):
            raise NoSuchLetter("that is no id of a dead letter: `holdoff dead-letters list` shows the ids")
        return self.folder / f"{id_}.json"
