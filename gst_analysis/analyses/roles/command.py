"""`roles`: the command, and what it prints."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from gst_analysis.analyses.roles import ChannelRoles, RoleOptions, channel_roles
from gst_analysis.analyses.roles.table import PARTS, ROLES, UNIT, GroupRoles, Share
from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, format_number, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.numbers import how_many
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = RoleOptions()
_FILES = files_of(ChannelRoles, "roles")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [ChannelRoles.describe_document()]


@commands.command("roles", epilog="Example: gst-analyze roles ckpt.pth --scenes 24")
@takes_options
def command(
    checkpoint: CheckpointFile, options: RoleOptions = _OPTIONS, files: Files = _FILES, json: Json = False
) -> None:
    """Tell channels that see appearance from those that see motion.

    Shares of every channel's variance over rendered scenes, in which looks and orders of frames are crossed,
    with intervals over scenes and against permuted clips; beside the published estimate by pairs of clips.
    Summed by group and depth. No data set is needed.
    """
    with show_progress("scenes", options.scenes) as progress:
        result = channel_roles(checkpoint, options=options, progress=progress)
    finish(result, files, json=json, show=print_roles)


def print_roles(result: ChannelRoles) -> None:
    """Shares and roles of groups by stage, and by how much one is above the other."""
    summary = result.summary
    (name,) = result.provenance.sources
    groups = sorted(summary.groups, key=lambda one: (one.kind != UNIT, one.group, one.stage or 99))
    shares = build_table(
        title=f"{escape(name)}: {how_many(summary.scenes, 'scene')}, {how_many(summary.clips, 'clip')}"
    )
    counts = build_table(title="channels: static / dynamic / joint / neither")
    for table, headings in ((shares, ("n", *PARTS, "rest")), (counts, ("by shares of variance", "by pairs"))):
        table.add_column("stage", no_wrap=True)
        table.add_column("channels", overflow="fold")
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
    for one in groups:
        where = (str(one.stage or "all"), _name(one))
        parts = [_show(getattr(one, part).value) for part in PARTS]
        shares.add_row(*where, str(one.channels), *parts, _show(one.rest))
        counts.add_row(*where, *(_count(roles) for roles in (one.roles, one.pair_roles)))
    shares.caption = "mean shares of variance; layers count alike"
    print_table(shares)
    print_table(counts)
    for gap in summary.gaps:
        if gap.stage == 0:
            told = ", ".join(f"{part} {_show_ends(getattr(gap, part))}" for part in PARTS)
            print(f"{gap.group} above {gap.against} channels, block by block: {told}")


def _count(roles: Mapping[str, int]) -> str:
    return " / ".join(str(roles[role]) for role in ROLES)


def _name(one: GroupRoles) -> str:
    return one.group if one.kind == UNIT else "all that leaves"


def _show(share: float | None) -> str:
    return "–" if share is None else format_number(share)


def _show_ends(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{share.value:+.3f} (95%: {share.low:+.3f} to {share.high:+.3f})"
