"""The errors of a store in PostgreSQL: one table, by SQLSTATE.

The codes: https://www.postgresql.org/docs/current/errcodes-appendix.html. A row is for a whole code, for the first
three characters of codes, or for their class, the first two. If no connection was made, libpq gives no code, and
pgbouncer has one code for everything. Then the server's message decides (``WORDS``). An error of ours has only the
first line of the message: the other lines may have values of a row.
"""

from __future__ import annotations

import re
from typing import Final

import psycopg

from holdoff.core import errors
from holdoff.core.value import Value
from holdoff.stores.base import AGAIN, INIT

_GRANTS: Final = (
    "Its user needs USAGE on the schema and SELECT, INSERT, UPDATE and DELETE on its tables; to create them, CREATE on "
    "the database"
)


class NoTables(errors.StoreMissing):
    """The database does not have Holdoff's tables (yet)."""


class Meaning(Value, kw_only=False):
    """What an error means."""

    kind: type[errors.StoreError]
    what: str
    hint: str = "Try again"
    passes: bool = False  #: a retry over a new connection may succeed
    is_loss: bool = False  #: the connection is lost; if a COMMIT was sent, it is not known whether it was done


_GONE: Final = Meaning(errors.StoreUnavailable, "did not answer", passes=True, is_loss=True)
_BUSY: Final = Meaning(errors.StoreThrottled, "has other writers at the same gate", "See pg_stat_activity", passes=True)
_NONE: Final = Meaning(NoTables, "has no tables of Holdoff's", INIT)
OTHER: Final = Meaning(errors.StoreError, "refused the statement", "See its log")
#: A key of PostgreSQL's has at most 2,704 bytes, and the key of the history also has an instant and a token.
LONGEST_NAMES: Final = 2_600
MEANINGS: Final[dict[str, Meaning]] = {
    "": _GONE,
    "08": _GONE,
    "22": Meaning(errors.RecordInvalid, "cannot keep this value", "Its database must be in UTF8"),
    "25006": Meaning(
        errors.StoreDenied,
        "is a read-only replica, or lets this user only read",
        "Name the primary, or all hosts without target_session_attrs: then the one that takes writes is found",
        passes=True,
    ),
    "25P": _GONE.but(what="ended a transaction that took too long", is_loss=False),
    "28": Meaning(
        errors.StoreDenied,
        "refused this user or its password",
        "They come from the URL, PGUSER and PGPASSWORD, or ~/.pgpass; pg_hba.conf says who may come from where",
    ),
    "3D": Meaning(errors.StoreMissing, "has no such database", "Create it: createdb --encoding=UTF8 NAME"),
    "3F": _NONE,
    "40": _BUSY,
    "42": Meaning(errors.StoreMismatch, "has tables there that are not Holdoff's", "Name another schema: ?schema=NAME"),
    "42501": Meaning(errors.StoreDenied, "does not allow that", _GRANTS),
    "42P01": _NONE,
    "53100": Meaning(errors.StoreUnavailable, "has no space left on its disk", "Free some disk space there"),
    "53300": _BUSY.but(what="has too many connections", hint="Raise max_connections, or put pgbouncer before it"),
    "53": Meaning(errors.StoreThrottled, "is short of a resource", "See its log"),
    "23514": OTHER.but(
        what="has no room for such long names", hint=f"Project and region may have {LONGEST_NAMES:,} bytes together"
    ),
    "55P03": _BUSY,
    "57014": _BUSY.but(what="took too long"),
    "57P": _GONE.but(what="is stopping, starting or failing over"),
    "58": Meaning(errors.StoreUnavailable, "has an error of its operating system", "See its log"),
    "pool": Meaning(errors.StoreMismatch, "is pooled by statement", "Of pgbouncer: pool_mode = transaction"),
    "standby": _GONE.but(what="has no host that takes writes", hint="Try again; to only read, name a replica alone"),
    "host": Meaning(errors.StoreUnavailable, "has a host that is not found", "Check its name"),
    "way": Meaning(errors.StoreMismatch, "cannot be reached with these parameters", "See the URL's parameters and PG*"),
}
#: Parts of the messages of a server that speaks English, or of libpq, and the code that each stands for.
WORDS: Final = {
    "authentication failed|no password supplied|no pg_hba.conf entry|role .* (does not|is not)|permission denied": "28",
    'database ".*" does not exist|no such database': "3D",
    "too many (clients|connections)|connection slots are reserved|no more connections allowed": "53300",
    "starting up|shutting down|not yet accepting|in recovery mode": "57P03",
    "session is read-only|is in hot standby": "standby",
    "not allowed in statement pooling": "pool",
    "failed to resolve host|could not translate host name": "host",
    " certificate |private key|does not support|invalid .*value|unrecognized configuration|definition of service|"
    "could not parse|channel binding|GSSAPI encryption|authentication method|unsupported startup": "way",
}
#: Where a message quotes the name of a user, or the value of a parameter: a secret may stand there by mistake.
_QUOTED: Final = r'((?:user|role|value:?|address|service) )".*?"(?=$|[ ,:)])'


def meaning_of(error: Exception) -> Meaning:
    """The row of an error: psycopg's, or Python's own where a value cannot be sent."""
    code = error.sqlstate or "" if isinstance(error, psycopg.Error) else "22"
    if code[:2] in {"", "08"}:
        code = next((known for words, known in WORDS.items() if re.search(words, str(error))), code)
    return next((MEANINGS[part] for part in (code, code[:3], code[:2]) if part in MEANINGS), OTHER)


def typed(error: Exception, store: str, doing: str, *, writes: bool, in_doubt: bool) -> errors.StoreError:
    """The error to raise. ``in_doubt``: whether a COMMIT was sent and got no answer."""
    meaning = meaning_of(error)
    if in_doubt:
        meaning = meaning.but(kind=errors.StoreUnavailable, hint=AGAIN)
    end = ""
    if writes and issubclass(meaning.kind, errors.StoreUnavailable):
        end = "; the write may or may not be in" if in_doubt else "; nothing was written"
    message = re.sub(_QUOTED, r"\1...", str(error).partition("\n")[0].removeprefix("connection failed: "))
    return meaning.kind(f"{store} {meaning.what}, while {doing} ({message:.200}){end}", hint=meaning.hint)
