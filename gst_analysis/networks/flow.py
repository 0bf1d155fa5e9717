"""Networks of optical flow: how they are named, and what they take. No torch here.

A field of flow is how far everything moved from one frame to the next: across and down. A flow network's
input is a stack of fields, so its stem reads two channels for each. Clips of flow are (N, T, 3, H, W) like
all others: across, down, and a blank that nothing reads; every stack of T gives one row of logits.
"""

from __future__ import annotations

from gst_analysis.errors import SpecError

FLOW = "flow"
"""What a network of optical flow has for colours, and what its name ends in."""
USUAL_FLOW = 5
"""Fields that TSN and its like stack into one input."""
MOST_FLOW = 64


def split_flow(name: str) -> tuple[str, int]:
    """A network's name without -flow or -flowN, and how many fields that means; 0 where it has none.

    Example:
        >>> split_flow("tsm-resnet50-flow"), split_flow("tsm-resnet50")
        (('tsm-resnet50', 5), ('tsm-resnet50', 0))
    """
    plain, dash, end = name.rpartition(f"-{FLOW}")
    if not dash or not (end == "" or (end.isdecimal() and len(end) < 10)):  # Python reads no 5,000 digits
        return name, 0
    return plain, int(end or USUAL_FLOW)


def name_flow(flow: int) -> str:
    """The end of a network's name: nothing for colour frames, -flow for stacks of the usual five fields."""
    return f"-{FLOW}{'' if flow == USUAL_FLOW else flow}" if flow else ""


def count_fields(channels: int) -> int:
    """Fields of flow that a stem of so many channels reads; 0 where it reads colours, or neither.

    Example:
        >>> [count_fields(channels) for channels in (3, 10, 2, 15)]
        [0, 5, 1, 0]
    """
    fields, odd = divmod(channels, 2)
    return 0 if odd or not 1 <= fields <= MOST_FLOW else fields


def check_flow(flow: object, frames: int, name: str) -> None:
    """Refuse what is no stack, or clips that do not come in whole ones.

    Raises:
        SpecError: it is so.
    """
    if not isinstance(flow, int) or isinstance(flow, bool) or not 0 <= flow <= MOST_FLOW:
        raise SpecError(
            f"flow of {name}",
            expected=f"0 for colour frames, or at most {MOST_FLOW} fields in a stack",
            found=repr(flow)[:60],
            todo=f"give {USUAL_FLOW}, as TSN has",
        )
    if flow and frames % flow:
        raise SpecError(
            f"frames of {name}",
            expected=f"a multiple of {flow}, as many fields as each of its stacks has",
            found=str(frames),
            todo=f"give {8 * flow} for 8 stacks",
        )
