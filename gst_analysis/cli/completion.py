"""`completion`: what a shell needs to complete commands and options, written once; no key waits for us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from gst_analysis.console.options import Json
from gst_analysis.console.output import print_document
from gst_analysis.documents import TEXT, Part, describe, say
from gst_analysis.errors import SpecError
from gst_analysis.rooms import Door

program = Door("gst_analysis.cli.commands")
commands = typer.Typer()

Options = Mapping[str, Mapping[str, str]]
"""Command -> option -> what it says."""
_TOP = ("--help", "--version")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [
        describe(
            "completion",
            {"shell": say(TEXT, "bash, zsh or fish"), "script": say(TEXT, "what the shell is to read")},
        )
    ]


@commands.command(epilog="Example: gst-analyze completion bash")
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")], json: Json = False
) -> None:
    """Print what lets a shell complete commands and options.

    bash reads it from ~/.local/share/bash-completion/completions/gst-analyze, fish from
    ~/.config/fish/completions/gst-analyze.fish, zsh from a file called _gst-analyze in a folder of $fpath.
    """
    writers: Mapping[str, Callable[[Mapping[str, str], Options], str]] = {
        "bash": write_bash,
        "zsh": write_zsh,
        "fish": write_fish,
    }
    if shell not in writers:
        raise SpecError(
            "shell", expected=f"one of {', '.join(writers)}", found=repr(shell)[:60], todo="name yours"
        )
    held = program.Commands()
    options = {
        name: {
            word: str(one.help or "") for one in command.params for word in one.opts if word.startswith("--")
        }
        for name, command in held.items()
    }
    script = writers[shell](held.lines, options)
    if json:
        print_document("completion", {"shell": shell, "script": script})
    else:
        print(script)


def write_bash(lines: Mapping[str, str], options: Options) -> str:
    """Completion for bash: commands first, options after a dash, files everywhere else."""
    cases = "\n".join(f'        {name}) offered="{" ".join(words)}" ;;' for name, words in options.items())
    return f"""_gst_analyze() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" offered=""
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=( $(compgen -W "{" ".join((*lines, *_TOP))}" -- "$current") )
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    if [ "${{current#-}}" != "$current" ]; then
        COMPREPLY=( $(compgen -W "$offered --help" -- "$current") )
    fi
}}
complete -o default -F _gst_analyze gst-analyze"""


def write_zsh(lines: Mapping[str, str], options: Options) -> str:
    """Completion for zsh, with what each command is for."""
    listed = "\n".join(f"    {_quote(f'{name}:{line}')}" for name, line in lines.items())
    cases = "\n".join(f"    ({name}) offered=({' '.join(words)}) ;;" for name, words in options.items())
    return f"""#compdef gst-analyze
_gst_analyze() {{
  local -a listed offered
  listed=(
{listed}
  )
  if (( CURRENT == 2 )); then
    _describe command listed
    return
  fi
  case "$words[2]" in
{cases}
  esac
  if [[ "$PREFIX" == -* ]]; then
    compadd -- $offered --help
  else
    _files
  fi
}}
compdef _gst_analyze gst-analyze"""


def write_fish(lines: Mapping[str, str], options: Options) -> str:
    """Completion for fish, with what each command and option is for."""
    first = "complete -c gst-analyze -n __fish_use_subcommand"
    told = [f"{first} -f -a {name} -d {_quote(line)}" for name, line in lines.items()]
    for name, words in options.items():
        after = f"complete -c gst-analyze -n '__fish_seen_subcommand_from {name}'"
        told += [f"{after} -l {word[2:]} -d {_quote(text)}" for word, text in words.items()]
    return "\n".join(told)


def _quote(text: str) -> str:
    """A word in single quotes, which is read alike by all three."""
    return "'" + text.replace("'", "’").replace("\\", "") + "'"
