"""``holdoff completion SHELL``: the script with which a shell completes ``holdoff``.

The script asks while a person types: ``holdoff completion words -- WORD...`` answers from the parsers, and has the
names of projects. The names are untrusted: the script quotes each, and lets the shell expand none.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from holdoff.cli.common import add_store, opened, show
from holdoff.cli.main import VERBS, parser_of

if TYPE_CHECKING:
    from holdoff.config import Config
    from holdoff.stores.base import Store

EPILOG: Final = """\
  bash   source <(holdoff completion bash)        in ~/.bashrc; bash 4 or newer
  zsh    source <(holdoff completion zsh)         in ~/.zshrc, after compinit
  fish   holdoff completion fish | source         in ~/.config/fish/config.fish
"""


def add_completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=[*SHELLS, "words"], help="the shell; or words, for the scripts")
    add_store(parser)
    parser.set_defaults(command=None)


def completion(args: argparse.Namespace) -> int:
    if args.shell == "words":
        *before, word = _whole(args.command or [])
        show(*_answer(args, before, word))
    else:
        show(*SHELLS[args.shell].split("\n"))
    return 0


def _projects(config: Config, store: Store) -> list[str]:
    """The projects of holdoff.toml, and those in a store that is a file: no keystroke should wait for a service."""
    names = set(config.projects)
    if store.url.startswith("sqlite:"):
        names |= {key.project for key, _ in store.gates()}
    return sorted(names)


def _whole(words: list[str]) -> list[str]:
    """The words behind ``holdoff``, the last of which is to be completed. Bash splits words at ``=`` and ``:``."""
    found = [""]
    for before, word in pairwise(["", *words]):
        if {before, word} & {"=", ":"}:
            found[-1] += word
        else:
            found.append(word)
    return found[1:] or found


def _answer(args: argparse.Namespace, before: list[str], word: str) -> Iterator[str]:
    """What completes a word: ``files``; or ``names`` or ``words``, and these. What a word means stands behind it."""
    if not before:
        yield "words"
        yield from (f"{verb} {does}" for verb, (_, does) in VERBS.items())
        yield from ("--help", "--version")
        return
    option, options = _asked(before, word)
    if option is None:
        yield "words"
        yield from (f"{flag} {help_of(one)}" for one in options for flag in one.option_strings)
    elif option.metavar in {"FILE", "PATH", "EVENT.json"}:
        yield "files"
    else:
        yield "names"
        yield from option.choices or (_projects(*opened(args)) if option.metavar == "PROJECT" else ())


def help_of(option: argparse.Action) -> str:
    return (option.help or "") % {**vars(option), "prog": "holdoff"}


def _asked(before: list[str], word: str) -> tuple[argparse.Action | None, list[argparse.Action]]:
    """The option or argument whose value the word is; ``None``: it is the name of one of these options."""
    options = parser_of(before[0])[0]._actions if before[0] in VERBS else []
    flags = {flag: option for option in options for flag in option.option_strings}
    places = [option for option in options if not option.option_strings]
    valued: argparse.Action | None = None
    for one in before[1:]:
        if valued is not None:
            valued = None
        elif not one.startswith("-"):
            places = places[1:]
        elif one in flags and flags[one].nargs != 0:
            valued = flags[one]
    name, mark, _ = word.partition("=")
    if mark and valued is None:
        valued = flags.get(name)
    if valued is not None or word.startswith("-"):
        return valued, [] if mark else options
    return next(iter(places), None), options


_BASH: Final = """\
_holdoff() {
    local kind name cur=${COMP_WORDS[COMP_CWORD]} at
    COMPREPLY=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        [[ ${COMP_WORDS[at]} == -- ]] || continue
        compopt -o default
        ((at == COMP_CWORD - 1)) && COMPREPLY=($(compgen -c -- "$cur"))
        return
    done
    if [[ $cur == '=' ]]; then cur=; fi  # bash has split a word here
    {
        read -r kind
        while IFS= read -r name; do
            if [[ $kind == words ]]; then name=${name%% *}; fi
            [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
        done
    } < <(holdoff completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ $kind == files ]]; then compopt -o default; fi
}
complete -F _holdoff holdoff"""
_ZSH: Final = """\
_holdoff() {
    local -i dashes=${words[(i)--]}
    if (( dashes < CURRENT )); then
        shift $dashes words
        (( CURRENT -= dashes ))
        _normal
        return
    fi
    local -a found names
    found=("${(@f)$(holdoff completion words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    compset -P '--*='
    case $found[1] in
        files) _files; return ;;
        words) names=("${(@)found[2,-1]%% *}") ;;
        *) names=("${(@)found[2,-1]}") ;;
    esac
    shift found
    compadd -l -d found -a names
}
compdef _holdoff holdoff"""
_FISH: Final = """\
function __holdoff
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    if contains -- -- $words
        set -e words[1..(contains -i -- -- $words)]
        complete -C (string join ' ' -- (string escape -- $words) "$token")
        return
    end
    set -l found (holdoff completion words -- $words[2..] "$token" 2>/dev/null)
    set -l head (string match -r -- '^--[^=]*=' "$token")
    switch "$found[1]"
        case files
            set found '' (complete -C "'' "(string replace -- "$head" '' "$token"))
        case words
            set found (string replace ' ' \\t -- $found)
    end
    for line in $found[2..]
        echo "$head$line"
    end
end
complete -c holdoff -f -a '(__holdoff)'"""
#: The shells, and what each reads.
SHELLS: Final = {
    shell: f"# {shell} completion for holdoff, made by `holdoff completion {shell}`.\n{script}"
    for shell, script in (("bash", _BASH), ("zsh", _ZSH), ("fish", _FISH))
}
