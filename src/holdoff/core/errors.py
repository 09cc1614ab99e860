"""Every error Holdoff raises, and what it means for the build.

    HoldoffError                     70
      ConfigError                    78   a setting is wrong: names the field, what was got, what would be right
      UsageError                      2   a call's arguments are wrong
      StoreError                     69
        StoreUnavailable             69   no answer; a write may or may not be in. Trying again is safe
          StoreThrottled             69   the service asks to slow down; nothing was written
        StoreMissing                 69   no such table or file
        StoreDenied                  77   credentials, rights or file permissions
        StoreMismatch                78   there is something, but it is not a Holdoff store
        RecordInvalid                65   a gate's stored state cannot be read
      EventError                     65   an event cannot be made a trigger: names what is missing or wrong in it
        NotAllowed                   77   its sender may not ask for what it asks for
      SignatureError                 77   a webhook's signature is missing or wrong
      StartRefused                   75   the build *certainly does not* exist: the slot is given back
      StartUnknown                   75   *it is not known* whether the build exists: the claim stays for its lease
      WakeError                      69   a wake could not be arranged; the sweep finds the gate

The number is the exit status of the command line (``sysexits.h``). Any exception of a starter except ``StartRefused``
means the same as ``StartUnknown``. All errors can be copied, pickled and shown, also of subclasses whose ``__init__``
does not call theirs.
"""

from __future__ import annotations

import copyreg
from enum import Enum

from holdoff.core.shown import shown, shown_field, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class HoldoffError(Exception):
    """The base of every error of Holdoff's own.

    Attributes:
        hint: what to do next, where there is something to do.
        retryable: whether the same call may succeed later with nothing changed.
    """

    exit_code: ClassVar[int] = 70
    retryable: ClassVar[bool] = False
    message: str = ""
    hint: str | None = None

    def __init_subclass__(cls, *, exit_code: int | None = None, retryable: bool | None = None) -> None:
        cls.exit_code = cls.exit_code if exit_code is None else exit_code
        cls.retryable = cls.retryable if retryable is None else retryable

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        message = without_secrets(message) if isinstance(message, str) else message  # type: ignore[redundant-expr]
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        message = self.message or super().__str__() or type(self).__name__
        return f"{message}. {self.hint}" if self.hint else f"{message}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Without __init__, whose arguments are each subclass's own.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ConfigError(HoldoffError, ValueError, exit_code=78):
    """A setting is wrong. Its value is shown only if it cannot be a secret, and is not kept (``core.shown``).

    Attributes:
        field: the setting's name, with its file and table if there are any.
        got: the setting's value, or words for it.
        want: what would be right.
    """

    def __init__(self, *, field: str, got: object, want: str) -> None:
        self.field: str = shown_field(field)
        self.got: str = shown(field, got)
        self.want: str = want
        super().__init__(f"{self.field} is {self.got}; write {want}")

    def under(self, prefix: str) -> ConfigError:
        """The same error with a longer name for its field: ``holdoff.toml: projects.docs.cooldown``."""
        return type(self)(field=f"{prefix}{self.field}", got=self.got, want=self.want)


class UsageError(HoldoffError, exit_code=2):
    """A call's arguments are wrong."""


class StoreError(HoldoffError, exit_code=69):
    """An error of the store; the subclass says which."""


class StoreUnavailable(StoreError, retryable=True):
    """The store did not answer; a write may or may not be in."""


class StoreThrottled(StoreUnavailable):
    """The service asks to slow down; nothing was written."""


class StoreMissing(StoreError):
    """There is no such table or file."""


class StoreDenied(StoreError, exit_code=77):
    """Credentials, rights or file permissions are missing."""


class StoreMismatch(StoreError, exit_code=78):
    """The table or file exists, and is not a Holdoff store."""


class RecordInvalid(StoreError, exit_code=65):
    """A gate's stored state cannot be read; nothing was started and nothing was changed."""


class EventError(HoldoffError, exit_code=65):
    """An event cannot be made a trigger. Shows only names from the event, because its values may be secrets.

    Attributes:
        missing: what is missing or wrong in it: a path such as ``event.detail.commitId``.
    """

    def __init__(self, missing: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(f"{missing} {problem}", hint=hint)
        self.missing = missing


class NotAllowed(EventError, exit_code=77):
    """An event's sender may not ask for what the event asks for."""


class SignatureError(HoldoffError, exit_code=77):
    """A webhook's signature is missing or wrong. Shows neither the secret nor the signature.

    Attributes:
        public: the answer for the sender; the message is for the operator's log.
    """

    public: ClassVar[str] = "not signed as it should be"


class StartRefused(HoldoffError, exit_code=75):
    """The build certainly does not exist. A starter raises this error only when it is sure.

    Attributes:
        worth_retrying: the cause passes by itself (throttling, a limit on concurrent builds), and the next try is
            seconds later. Otherwise a person must change something first, and tries are minutes apart.
    """

    worth_retrying: bool = False

    def __init__(self, message: str, *, hint: str | None = None, worth_retrying: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.worth_retrying = bool(worth_retrying)


class StartUnknown(HoldoffError, exit_code=75, retryable=True):
    """It is not known whether the build exists: no answer came."""


class WakeError(HoldoffError, exit_code=69, retryable=True):
    """A wake could not be arranged for its instant; the sweep finds the gate."""


class Verdict(Enum):
    """What the error of a service says about the work that was asked for: the last column of each table of errors."""

    NEVER = "certainly not done; something has to be changed first"
    NOT_NOW = "certainly not done; it passes by itself"
    UNKNOWN = "not known"
