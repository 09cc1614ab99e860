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
      EventError                     65   an event cannot be made a trigger: names what was missing or wrong in it
      EventEarly                     75   an event came before what it is about is recorded: deliver it again
      SignatureError                 77   a webhook is not signed as it should be
      StartRefused                   75   the build *certainly does not* exist: the slot is given back
      StartUnknown                   75   *nobody knows* whether the build exists: the claim stays for its lease
      WakeError                      69   a wake could not be arranged; whoever sweeps finds the gate

The number is the exit status of the command line (``sysexits.h``). Any exception of a starter that is not
``StartRefused`` means what ``StartUnknown`` means.
"""

from __future__ import annotations

from typing import ClassVar


class HoldoffError(Exception):
    """The base of every error of Holdoff's own.

    Attributes:
        hint: what to do next, where there is something to do.
        retryable: whether the same call may succeed later without anybody changing anything.
    """

    exit_code: ClassVar[int] = 70
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class ConfigError(HoldoffError, ValueError):
    """A setting is wrong.

    Attributes:
        field: the setting's name, with the file and table where there are any.
        got: what stands there.
        want: what would be right.
    """

    exit_code = 78

    def __init__(self, *, field: str, got: object, want: str) -> None:
        super().__init__(f"{field} is {_shown(got)}; write {want}")
        self.field, self.got, self.want = field, got, want

    def under(self, prefix: str) -> ConfigError:
        """The same error with its field named from further out: ``holdoff.toml: projects.docs.cooldown``."""
        return type(self)(field=f"{prefix}{self.field}", got=self.got, want=self.want)


def _shown(got: object) -> str:
    text = repr(got)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


class UsageError(HoldoffError):
    """A call's arguments are wrong."""

    exit_code = 2


class StoreError(HoldoffError):
    """Something about the store; the subclass says what."""

    exit_code = 69


class StoreUnavailable(StoreError):
    """The store did not answer; a write may or may not be in.

    Attributes:
        tally: what that write carried along besides, for whoever keeps count (``core.machine.Tally``).
    """

    retryable = True
    tally: object = None


class StoreThrottled(StoreUnavailable):
    """The service asks to slow down; nothing was written."""


class StoreMissing(StoreError):
    """There is no such table or file."""


class StoreDenied(StoreError):
    """Credentials, rights or file permissions are missing."""

    exit_code = 77


class StoreMismatch(StoreError):
    """Something stands there, and it is not a Holdoff store."""

    exit_code = 78


class RecordInvalid(StoreError):
    """A gate's stored state cannot be read; nothing was started and nothing was changed."""

    exit_code = 65


class EventError(HoldoffError):
    """An event cannot be made a trigger. Shows nothing of the event but names, as it may hold secrets.

    Attributes:
        missing: what was missing or wrong in it: a path such as ``event.detail.commitId``.
    """

    exit_code = 65

    def __init__(self, missing: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(f"{missing} {problem}", hint=hint)
        self.missing = missing


class EventEarly(HoldoffError):
    """An event came before what it is about is recorded. Delivered again, it will be understood."""

    exit_code = 75
    retryable = True


class SignatureError(HoldoffError):
    """A webhook is not signed as it should be. Tells neither the secret nor the signature.

    Attributes:
        public: what its sender may be told; the message is for the operator's log.
    """

    exit_code = 77
    public: ClassVar[str] = "not signed as it should be"


class StartRefused(HoldoffError):
    """The build certainly does not exist. A starter raises this, and only this, when it is sure.

    Attributes:
        worth_retrying: the refusal passes by itself (throttling, a limit on concurrent builds): try again in
            seconds; otherwise somebody has to change something first, and tries are minutes apart.
    """

    exit_code = 75

    def __init__(
        self, message: str, *, hint: str | None = None, worth_retrying: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.worth_retrying = worth_retrying


class StartUnknown(HoldoffError):
    """Nobody knows whether the build exists: no answer came."""

    exit_code = 75
    retryable = True


class WakeError(HoldoffError):
    """A wake could not be arranged for its instant; whoever looks for due gates now and then finds the gate."""

    exit_code = 69
    retryable = True
