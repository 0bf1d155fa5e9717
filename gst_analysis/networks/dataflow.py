"""What reads what: one run of a network, seen operation by operation and module by module.

Every tensor that comes into being gets a number, a *value*; one that is changed in place gets another. A
`Flow` says which values each operation read and wrote, and which each module was given and gave. So whether
a convolution's output goes to one norm and nowhere else is seen, not guessed from names. A run on shapes
alone (device meta) shows as much as one with values.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

NOTHING = 0
"""The value of what is no tensor."""


@dataclass(frozen=True)
class Step:
    """One operation on tensors."""

    operation: str
    """Its name without namespace and overload, such as relu_."""
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    settings: tuple[Any, ...]
    """What else it was given, in order."""


@dataclass(frozen=True)
class Call:
    """One call of a module: the value that it was given first, what it gave, and the steps within."""

    module: str
    given: int
    gave: int
    steps: range


@dataclass
class Flow:
    """All steps of a run in order, and all calls in the order in which they ended."""

    steps: list[Step] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    shapes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """By value."""

    def calls_of(self, module: str) -> list[Call]:
        """Every call of a module, by its name."""
        return [call for call in self.calls if call.module == module]

    def readers(self, value: int, *, beside: range = range(0)) -> list[int]:
        """The places of the steps that read a value, but for those `beside`."""
        read = self._read_at.get(value, ())
        return [place for place in read if place not in beside]

    def writer(self, value: int) -> Step | None:
        """The step that made a value; None for what came from outside."""
        place = self._written_at.get(value)
        return None if place is None else self.steps[place]

    def note(self, step: Step) -> None:
        """Take in a step."""
        for value in step.reads:
            self._read_at.setdefault(value, []).append(len(self.steps))
        for value in step.writes:
            self._written_at[value] = len(self.steps)
        self.steps.append(step)

    _read_at: dict[int, list[int]] = field(default_factory=dict, repr=False)
    _written_at: dict[int, int] = field(default_factory=dict, repr=False)


@contextmanager
def watch_flow(network: nn.Module) -> Iterator[Flow]:
    """What runs inside the block, which should be one forward pass without gradients.

    Modules bear the names that they have inside a `ClipNetwork`. No tensor is kept longer than the run does.
    """
    inner = getattr(network, "inner", network)
    watcher = _Watcher()
    with ExitStack() as stack:
        for name, module in inner.named_modules():
            if name:
                started: list[tuple[int, int]] = []
                enter, leave = partial(watcher.enter, started), partial(watcher.leave, name, started)
                stack.callback(module.register_forward_pre_hook(enter).remove)
                stack.callback(module.register_forward_hook(leave).remove)
        stack.enter_context(watcher)
        yield watcher.flow


class _Watcher(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves its hook untyped
    """Numbers tensors as operations and modules hand them on."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # likewise
        self.flow = Flow()
        self._now: MutableMapping[Tensor, int] = WeakTensorKeyDictionary()

    def enter(self, started: list[tuple[int, int]], _: nn.Module, given: tuple[Any, ...]) -> None:
        first = given[0] if given and isinstance(given[0], Tensor) else None
        started.append((NOTHING if first is None else self._number(first), len(self.flow.steps)))

    def leave(
        self, name: str, started: list[tuple[int, int]], _: nn.Module, __: tuple[Any, ...], output: Any
    ) -> None:
        given, start = started.pop()
        gave = self._number(output) if isinstance(output, Tensor) else NOTHING
        self.flow.calls.append(Call(name, given, gave, range(start, len(self.flow.steps))))

    def _number(self, tensor: Tensor) -> int:
        return self._now[tensor] if tensor in self._now else self._renew(tensor)

    def _renew(self, tensor: Tensor) -> int:
        number = self._now[tensor] = len(self.flow.shapes) + 1
        self.flow.shapes[number] = tuple(tensor.shape)
        return number

    def __torch_dispatch__(self, operation: Any, _: Any, given: Any = (), named: Any = None) -> Any:
        named = named or {}
        leaves = [*tree_leaves(given), *tree_leaves(named)]
        reads = tuple(self._number(one) for one in leaves if isinstance(one, Tensor))
        output = operation(*given, **named)
        changed = [one for one in _list_changed(operation, given, named) if isinstance(one, Tensor)]
        made = [one for one in tree_leaves(output) if isinstance(one, Tensor)]
        fresh = {id(one): one for one in [*changed, *made]}
        writes = tuple(self._renew(one) for one in fresh.values())
        settings = tuple(one for one in leaves if not isinstance(one, Tensor))
        name = operation._schema.name.rpartition("::")[2]
        self.flow.note(Step(name, reads, writes, settings))
        return output


def _list_changed(operation: Any, given: Any, named: Any) -> Iterator[Any]:
    """What an operation changes in place, as its signature says."""
    for place, argument in enumerate(operation._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from tree_leaves(given[place] if place < len(given) else named.get(argument.name))
