"""``holdoff completion SHELL``: the script with which a shell completes ``holdoff``, made from the parsers.

The script gets the names of projects while a person types (``holdoff completion projects``). The names are untrusted:
the script quotes each, and lets the shell expand none.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import add_store, opened, show
from holdoff.cli.main import VERBS, parser_of
from holdoff.core.value import Value

if TYPE_CHECKING:
    from holdoff.config import Config
    from holdoff.stores.base import Store

EPILOG: Final = """\
  bash   source <(holdoff completion bash)        in ~/.bashrc
  zsh    source <(holdoff completion zsh)         in ~/.zshrc, after compinit
  fish   holdoff completion fish | source         in ~/.config/fish/config.fish

`holdoff completion projects` prints the names of projects, one a line.
"""


class Option(Value):
    """An option, or a positional argument, of a verb.

    Attributes:
        flags: how the option is written; none: it is a positional argument.
        value: the name of its value in the help; ``None``: it takes no value.
        choices: the only values that it takes; none: it takes any.
    """

    flags: tuple[str, ...]
    help: str
    value: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What completes its value: ``choices``, ``files``, ``projects``; empty: only a person knows the value."""
        kinds = {"FILE": "files", "EVENT.json": "files", "PROJECT": "projects"}
        return "choices" if self.choices else kinds.get(self.value or "", "")


def options_of(verb: str) -> list[Option]:
    """The options and positional arguments of a verb, from its parser."""
    return [
        Option(
            flags=tuple(action.option_strings),
            help=(action.help or "") % {**vars(action), "prog": "holdoff"},
            value=None if action.nargs == 0 else str(action.metavar or action.dest.upper()),
            choices=tuple(map(str, action.choices or ())),
        )
        for action in parser_of(verb)[0]._actions
        if action.help != argparse.SUPPRESS
    ]


def add_completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=[*SHELLS, "projects"], help="the shell; or projects, to print their names")
    add_store(parser)


def completion(args: argparse.Namespace) -> int:
    if args.shell == "projects":
        show(*_projects(*opened(args)))
    else:
        show(*script(args.shell).split("\n"))
    return 0


def _projects(config: Config, store: Store) -> list[str]:
    """The projects of holdoff.toml, and those in a store that is a file: no keystroke should wait for a service."""
    names = set(config.projects)
    if store.url.startswith("sqlite:"):
        names |= {key.project for key, _ in store.gates()}
    return sorted(names)


def script(shell: str) -> str:
    head = f"# {shell} completion for holdoff, made by `holdoff completion {shell}`.\n"
    return head + SHELLS[shell]({verb: options_of(verb) for verb in VERBS})


_BASH: Final = """\
_holdoff() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
    local options= valued= files= words= name at place=0
    local -a takes=()
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W '@verbs@ --help --version' -- "$cur"))
        return
    fi
    case $verb in
@rows@
        *) return ;;
    esac
    for ((at = 2; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
            --)
                compopt -o default
                ((at == COMP_CWORD - 1)) && COMPREPLY=($(compgen -c -- "$cur"))
                return ;;
            = | :) ((at++)) ;;  # bash has split a word here
            -*) [[ " $valued " == *" ${COMP_WORDS[at]} "* && ${COMP_WORDS[at+1]} != '=' ]] && ((at++)) ;;
            *) ((place++)) ;;
        esac
    done
    if [[ $cur == '=' ]]; then cur=
    elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
    case "$verb $prev" in
@choices@
        *)
            if [[ " $files " == *" $prev "* ]]; then compopt -o default; return; fi
            if [[ " $valued " == *" $prev "* ]]; then return; fi
            if [[ $cur == -* || $place -ge ${#takes[@]} ]]; then words=$options
            elif [[ ${takes[place]} == files ]]; then compopt -o default
            elif [[ ${takes[place]} == projects ]]; then
                while IFS= read -r name; do
                    [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
                done < <(holdoff completion projects 2>/dev/null)
            else words=${takes[place]}; fi ;;
    esac
    [[ $words ]] && COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _holdoff holdoff"""


def _bash(verbs: Mapping[str, list[Option]]) -> str:
    rows, choices = [], []
    for verb, options in verbs.items():
        named = {"options": options, "valued": _valued(options)}
        named["files"] = [option for option in named["valued"] if option.kind == "files"]
        settings = [f"{name}='{' '.join(_flags(some))}'" for name, some in named.items()]
        takes = [f"'{' '.join(option.choices) or option.kind}'" for option in options if not option.flags]
        rows.append(f"        {verb}) {' '.join(settings)} takes=({' '.join(takes)}) ;;")
        for option in options:
            if option.flags and option.choices:
                patterns = " | ".join(f"'{verb} {flag}'" for flag in option.flags)
                choices.append(f"        {patterns}) words='{' '.join(option.choices)}' ;;")
    script = _BASH.replace("@verbs@", " ".join(verbs)).replace("@rows@", "\n".join(rows))
    return script.replace("@choices@", "\n".join(choices))


def _flags(options: Iterable[Option]) -> list[str]:
    return [flag for option in options for flag in option.flags]


def _valued(options: Iterable[Option]) -> list[Option]:
    """The options that the next word belongs to."""
    return [option for option in options if option.flags and option.value]


_ZSH: Final = """\
_holdoff_projects() {
    local -a names
    names=("${(@f)$(holdoff completion projects 2>/dev/null)}")
    compadd -a names
}
_holdoff() {
    local -a verbs
    verbs=(@verbs@)
    if (( CURRENT == 2 )); then
        _describe command verbs
        return
    fi
    local -i dashes=${words[(i)--]}
    if (( dashes < CURRENT )); then
        shift $dashes words
        (( CURRENT -= dashes ))
        _normal
        return
    fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
@rows@
    esac
}
compdef _holdoff holdoff"""


def _zsh(verbs: Mapping[str, list[Option]]) -> str:
    described = " ".join(quote(f"{verb}:{does}") for verb, (_, does) in VERBS.items())
    rows = []
    for verb, options in verbs.items():
        specs = [spec for option in options for spec in _zsh_specs(option)]
        rows.append(f"        {verb}) _arguments -S {' '.join(map(quote, specs))} ;;")
    return _ZSH.replace("@verbs@", described).replace("@rows@", "\n".join(rows))


def _zsh_specs(option: Option) -> Iterator[str]:
    action = {"choices": f"({' '.join(option.choices)})", "files": "_files", "projects": "_holdoff_projects"}
    value = f":{option.value}:{action.get(option.kind, '')}" if option.value else ""
    words = option.help
    for mark in "\\[]:":
        words = words.replace(mark, f"\\{mark}")
    is_long = value and "="  # --option=value, too
    yield from (f"{flag}{is_long if flag.startswith('--') else ''}[{words}]{value}" for flag in option.flags)
    if not option.flags:
        yield value


#: The words before the cursor are counted: the arguments of a verb have places, from 0, and what follows ``--`` is a
#: command line of its own.
_FISH: Final = """\
function __holdoff_at
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]; and not contains -- -- $words; or return
    set -l place 0
    set -l before
    for word in $words[3..]
        if not string match -q -- '-*' $word; and not contains -- "$before" @valued@
            set place (math $place + 1)
        end
        set before $word
    end
    test (count $argv) -eq 1 -o "$place" = "$argv[2]"
end
function __holdoff_command
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -e words[1..(contains -i -- -- $words)]
    complete -C (string join ' ' -- (string escape -- $words) "$token")
end
complete -c holdoff -f
complete -c holdoff -n 'contains -- -- (commandline -opc)' -a '(__holdoff_command)'
@lines@"""


def _fish(verbs: Mapping[str, list[Option]]) -> str:
    lines = []
    for verb, options in verbs.items():
        does = _quoted_for_fish(VERBS[verb][1])
        lines.append(f"complete -c holdoff -n __fish_use_subcommand -a {verb} -d {does}")
        places = iter(range(len(options)))
        for option in options:
            at = verb if option.flags else f"{verb} {next(places)}"
            lines.append(f"complete -c holdoff -n '__holdoff_at {at}' {_fish_option(option)}")
    valued = sorted({flag for options in verbs.values() for flag in _flags(_valued(options))})
    return _FISH.replace("@valued@", " ".join(valued)).replace("@lines@", "\n".join(lines))


def _fish_option(option: Option) -> str:
    words = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags]
    values = {"choices": " ".join(option.choices), "projects": "(holdoff completion projects 2>/dev/null)"}
    if option.kind == "files":
        words.append("-r -F" if option.flags else "-F")
    elif option.value and option.flags:
        words.append("-x")
    if option.kind in values:
        words.append(f"-a {_quoted_for_fish(values[option.kind])}")
    return " ".join([*words, f"-d {_quoted_for_fish(option.help)}"])


def _quoted_for_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: Final[dict[str, Callable[[Mapping[str, list[Option]]], str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
