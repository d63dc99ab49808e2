"""Scripts by which shells complete commands, options and their choices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from common.arguments import POSITIONAL
from common.command import Command
from common.errors import SamnetError
from common.subcommands import Entry
from samnet.commands import ENTRIES

Shell = Literal["bash", "zsh", "fish"]

BASH = """\
_samnet() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
    local first=${{COMP_WORDS[1]}} words= options=
    local command=$first at=1
    case $first in
        {groups}) command="$first ${{COMP_WORDS[2]}}" at=2 ;;
    esac
    if ((COMP_CWORD == 1)); then
        words="{first} --help --version"
    elif ((COMP_CWORD == at)); then
        case $first in
{second}
        esac
    else
        case "$command $previous" in
{choices}
        esac
        case $command in
{options}
        esac
        [[ $current == -* ]] && words="$options --help"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _samnet samnet
"""

ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


@dataclasses.dataclass(frozen=True)
class Options:
    """For which shell."""

    shell: Annotated[Shell, POSITIONAL]
    """Shell that is to complete commands. Keep what is printed in a file that it reads when it
    starts, such as ~/.local/share/bash-completion/completions/samnet, or
    ~/.config/fish/completions/samnet.fish."""


@dataclasses.dataclass(frozen=True)
class Offer:
    """What may follow a command.

    Args:
        flag: an option, such as ``--size``.
        help: what it is for.
        choices: its values, where they can be listed.
    """

    flag: str
    help: str
    choices: tuple[str, ...]


def offers(entry: Entry) -> list[Offer]:
    """List the options of a command; none where it cannot be loaded here."""
    try:
        parser = entry.load("samnet").parser(entry.name)
    except SamnetError:
        return []
    found = []
    for action, shown in parser.shown.items():
        text = (action.help or "").replace("%%", "%")
        for flag in (it for it in shown.replace(",", " ").split() if it.startswith("--")):
            if action.option_strings:
                found.append(Offer(flag, text, tuple(map(str, action.choices or ()))))
    return found


def script(shell: Shell, entries: tuple[Entry, ...]) -> str:
    """Write what a shell reads to complete the command line of ``samnet``."""
    known = {entry.name: offers(entry) for entry in entries}
    if shell == "fish":
        return "\n".join(_fish(entries, known)) + "\n"
    return (ZSH if shell == "zsh" else "") + _bash(known)


def _bash(known: Mapping[str, list[Offer]]) -> str:
    groups: dict[str, list[str]] = {}
    for name in known:
        first, _, second = name.partition(" ")
        groups.setdefault(first, []).append(second)
    inner = {first: names for first, names in groups.items() if names != [""]}
    choices = [
        f'            "{name} {offer.flag}") words="{" ".join(offer.choices)}" ;;'
        for name, options in known.items()
        for offer in options
        if offer.choices
    ]
    return BASH.format(
        groups="|".join(inner),
        first=" ".join(groups),
        second="\n".join(f'            {k}) words="{" ".join(v)}" ;;' for k, v in inner.items()),
        choices="\n".join(choices),
        options="\n".join(
            f'            "{name}") options="{" ".join(it.flag for it in options)}" ;;'
            for name, options in known.items()
        ),
    )


def _fish(entries: tuple[Entry, ...], known: Mapping[str, list[Offer]]) -> Iterator[str]:
    groups = {it.name.partition(" ")[0] for it in entries if " " in it.name}
    for group in sorted(groups):
        yield f"complete -c samnet -f -n __fish_use_subcommand -a {group}"
    for entry in entries:
        first, _, second = entry.name.partition(" ")
        seen = "__fish_seen_subcommand_from"
        when = f"{seen} {first}" if second else "__fish_use_subcommand"
        text = _quoted(entry.summary)
        yield f"complete -c samnet -f -n '{when}' -a {second or first} -d {text}"
        within = f"{seen} {first}" + (f"; and {seen} {second}" if second else "")
        for offer in known[entry.name]:
            values = f" -x -a {_quoted(' '.join(offer.choices))}" if offer.choices else ""
            line = f"complete -c samnet -n '{within}' -l {offer.flag[2:]}{values}"
            yield line + (f" -d {_quoted(offer.help)}" if "==" not in offer.help else "")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main(options: Options) -> None:
    """Print the script."""
    print(script(options.shell, ENTRIES), end="")


COMMAND = Command.of(
    Options, main, "Prints a script by which a shell completes commands and their options."
)
