"""`completion`: what a shell needs to complete commands and options, written once; no key waits for us.

Names of blocks and classes stand in a checkpoint, so a script asks for those when they are wanted, of the
first file on the line, and read without torch. They are strangers' text: no shell is let expand them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from gst_analysis.console.options import Json
from gst_analysis.console.output import print_document
from gst_analysis.documents import TEXT, Part, describe, say
from gst_analysis.errors import SpecError, one_line
from gst_analysis.options import NetworkOptions
from gst_analysis.rooms import Door

program = Door("gst_analysis.cli.commands")
if TYPE_CHECKING:
    from gst_analysis.checkpoints import loading
    from gst_analysis.networks import anatomy, specs
else:  # what completes commands needs no checkpoints
    loading = Door("gst_analysis.checkpoints.loading")
    anatomy = Door("gst_analysis.networks.anatomy")
    specs = Door("gst_analysis.networks.specs")
commands = typer.Typer()

Options = Mapping[str, Mapping[str, str]]
"""Command -> option -> what it says."""
_TOP = ("--help", "--version")
KINDS = {"--class": "classes", "--block": "blocks", "--layers": "blocks"}
"""Options whose values are names in a checkpoint, and what to ask of it."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [
        describe(
            "completion",
            {
                "shell": say(TEXT, "bash, zsh or fish; or blocks, classes"),
                "script": say(TEXT, "what the shell reads; or a name a line"),
            },
        )
    ]


@commands.command(epilog="Example: gst-analyze completion bash")
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish; or blocks, classes.")],
    checkpoint: Annotated[
        str | None, typer.Argument(metavar="[CKPT]", help="Whose blocks or classes, which a script asks for.")
    ] = None,
    json: Json = False,
) -> None:
    """Print what lets a shell complete a command line.

    bash reads it from ~/.local/share/bash-completion/completions/gst-analyze, fish from
    ~/.config/fish/completions/gst-analyze.fish, zsh from a file called _gst-analyze in a folder of $fpath.
    """
    if shell in KINDS.values() and checkpoint is not None:
        names = list_names(shell, checkpoint)
        if json:
            print_document("completion", {"shell": shell, "script": "\n".join(names)})
        else:
            print("\n".join(names))
        return
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


def list_names(kind: str, path: str) -> list[str]:
    """The blocks or the classes of a checkpoint; none where only torch could tell, which a key cannot await.

    Args:
        kind: blocks or classes.
        path: the checkpoint's file.
    """
    found = loading.load_unbuilt_checkpoint(path, NetworkOptions(), checked=False)  # a key waits
    if found is None or not isinstance(found.spec, specs.ModelSpec):
        return []
    if kind == "classes":
        return [one_line(label) for label in found.labels or ()]
    return list(dict.fromkeys(place.name for place in anatomy.derive_anatomy(found.spec).places))


def write_bash(lines: Mapping[str, str], options: Options) -> str:
    """Completion for bash: commands first, options after a dash, files everywhere else."""
    cases = "\n".join(f'        {name}) offered="{" ".join(words)}" ;;' for name, words in options.items())
    asked = "\n".join(f"        {word}) kind={kind} ;;" for word, kind in KINDS.items())
    return f"""_gst_analyze() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" offered="" kind="" file name
    local quoting='[\\"'"']"
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=( $(compgen -W "{" ".join((*lines, *_TOP))}" -- "$current") )
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    case "${{COMP_WORDS[COMP_CWORD - 1]}}" in
{asked}
    esac
    if [ -n "$kind" ]; then
        for file in "${{COMP_WORDS[@]:2}}"; do  # words stand here as they were typed, with their quotes
            file="${{file//$quoting/}}"
            file="${{file/#~\\//$HOME/}}"
            [ -f "$file" ] && break
        done
        while IFS= read -r name; do  # never compgen -W, which expands the words that it is given
            [[ "$name" == "${{current//\\\\/}}"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
        done < <("${{COMP_WORDS[0]}}" completion "$kind" -- "$file" 2>/dev/null)
        return
    fi
    if [ "${{current#-}}" != "$current" ]; then
        COMPREPLY=( $(compgen -W "$offered --help" -- "$current") )
    fi
}}
complete -o default -F _gst_analyze gst-analyze"""


def write_zsh(lines: Mapping[str, str], options: Options) -> str:
    """Completion for zsh, with what each command is for."""
    listed = "\n".join(f"    {_quote(f'{name}:{line}')}" for name, line in lines.items())
    cases = "\n".join(f"    ({name}) offered=({' '.join(words)}) ;;" for name, words in options.items())
    asked = "\n".join(f"    ({word}) kind={kind} ;;" for word, kind in KINDS.items())
    return f"""#compdef gst-analyze
_gst_analyze() {{
  local -a listed offered found
  local kind="" file
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
  case "$words[CURRENT - 1]" in
{asked}
  esac
  if [[ -n "$kind" ]]; then
    for file in "${{(@Q)words[3,-1]}}"; do
      file="${{file/#\\~\\//$HOME/}}"
      [[ -f "$file" ]] && break
    done
    found=("${{(@f)$("$words[1]" completion "$kind" -- "$file" 2>/dev/null)}}")
    compadd -a found
    return
  fi
  if [[ "$PREFIX" == -* ]]; then
    compadd -- $offered --help
  else
    _files
  fi
}}
compdef _gst_analyze gst-analyze"""


_FISH_NAMES = """\
function __gst_analyze_names
    for word in (string replace -r '^~/' "$HOME/" -- (commandline -opc)[3..-1])
        if test -f "$word"
            command gst-analyze completion $argv[1] -- "$word" 2>/dev/null
            return
        end
    end
end"""


def write_fish(lines: Mapping[str, str], options: Options) -> str:
    """Completion for fish, with what each command and option is for."""
    first = "complete -c gst-analyze -n __fish_use_subcommand"
    told = [_FISH_NAMES, *(f"{first} -f -a {name} -d {_quote(line)}" for name, line in lines.items())]
    for name, words in options.items():
        after = f"complete -c gst-analyze -n '__fish_seen_subcommand_from {name}'"
        for word, text in words.items():
            kind = KINDS.get(word)
            names = f" -x -a '(__gst_analyze_names {kind})'" if kind else ""
            told.append(f"{after} -l {word[2:]} -d {_quote(text)}{names}")
    return "\n".join(told)


def _quote(text: str) -> str:
    """A word in single quotes, which is read alike by all three."""
    return "'" + text.replace("'", "’").replace("\\", "") + "'"
