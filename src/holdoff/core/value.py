"""Immutable values: what ``dataclasses`` gives, for a seventieth of its cost at import and half of it at a copy.

A class is its annotated fields and their defaults. ``but`` makes a copy with some fields changed. A value never changes
once it is made, so it may be kept, compared, hashed and shared between threads.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        """It is for type checkers only, and typing takes 2 ms to import."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Value:
    """The base of every record, effect and answer. Fields are named at the call, or given in order (``kw_only=False``).

    Raises:
        TypeError: a field is missing, unknown or assigned to.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[frozenset[str]] = frozenset()
    _defaults: ClassVar[dict[str, Any]] = {}
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, kw_only: bool = True) -> None:
        # Not inspect.get_annotations: inspect takes longer to import than all of the core.
        own = [name for name in cls.__dict__.get("__annotations__", {}) if name[0] != "_"]  # noqa: RUF063
        cls._fields = (*cls._fields, *own)
        cls._names = frozenset(cls._fields)
        cls._defaults = cls._defaults | {name: cls.__dict__[name] for name in own if name in cls.__dict__}
        cls.__match_args__ = cls._fields  # type: ignore[misc]

    def __init__(self, *in_order: Any, **named: Any) -> None:
        state = self.__dict__
        state.update(self._defaults)
        if in_order:
            state.update(zip(self._fields, in_order, strict=False))
        state.update(named)
        if state.keys() != self._names or len(in_order) > len(self._fields):
            raise TypeError(self._misfit(state))
        self._check()

    def _check(self) -> None:
        """Raise if the fields do not fit. Called for each new value."""

    def _misfit(self, state: dict[str, Any]) -> str:
        missing = [f"{name} is missing" for name in self._fields if name not in state]
        unknown = [f"there is no {name}" for name in state if name not in self._fields]
        misfit = [*missing, *unknown] or [f"there are {len(self._fields)} fields, no more"]
        return f"{type(self).__name__}: {', '.join(misfit)}"

    def but(self, **changes: Any) -> Self:
        """A copy with these fields changed."""
        new, state = object.__new__(type(self)), {**self.__dict__, **changes}
        if len(state) != len(self._names):
            raise TypeError(self._misfit(state))
        object.__setattr__(new, "__dict__", state)
        new._check()
        return new

    def __getstate__(self) -> dict[str, Any]:
        """For ``copy`` and ``pickle``: the fields. What a slot keeps beside them is made again from them."""
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._check()

    def __setattr__(self, name: str, value: object) -> None:
        raise TypeError(f"{type(self).__name__} is immutable; make another: value.but({name}=...)")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(tuple(map(self.__dict__.__getitem__, self._fields)))

    def __repr__(self) -> str:
        shown = [f"{n}={v!r}" for n in self._fields if (v := self.__dict__[n]) != self._defaults.get(n, self)]
        return f"{type(self).__name__}({', '.join(shown)})"
