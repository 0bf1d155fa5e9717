"""What stands before and behind a norm in a network that was probed: read off one run, or not said.

Enters a `Flow`; leaves for each norm the convolutions that wrote its channels, the activation behind it, and
which weights read it next. Only what is certain is told: a ReLU that alone reads the norm, then convolutions,
of the whole or of a range of channels, and one norm that alone reads what they make. Anything else, such as
a shortcut or a pooling in between, is named as the reason why not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from gst_analysis.networks.dataflow import Call, Flow, Step
from gst_analysis.networks.next_layer import NextLayer, Reader
from gst_analysis.networks.operators import KernelWeight

_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_RECTIFIERS = {"relu": math.inf, "relu_": math.inf, "hardtanh": 6.0, "hardtanh_": 6.0}
"""Where each cuts off; a hardtanh counts between 0 and 6 alone, as ReLU6."""
_SAME = ("clone", "alias", "detach")
"""Operations that hand on what they are given."""
_PARTS = ("slice", "split", "split_with_sizes")
"""Operations that part channels, along their axis, which is the second."""
_ADDS = ("add", "add_")
_IN_WORDS = {
    "cat": "joined with other channels",
    "mean": "averaged",
    "max_pool2d_with_indices": "pooled",
    "max_pool3d_with_indices": "pooled",
    "avg_pool2d": "pooled",
    "avg_pool3d": "pooled",
    "_adaptive_avg_pool2d": "averaged",
    "_adaptive_avg_pool3d": "averaged",
    "mul": "multiplied",
    "view": "reshaped",
    "transpose": "reshaped",
    "permute": "reshaped",
}
"""What is done to a norm's channels; other operations are called by their names."""


def has_scales(layer: nn.Module) -> bool:
    """Whether it is a batch norm with scales: without, there is no Figure 4 and nothing to hold fixed."""
    return isinstance(layer, _BatchNorm) and layer.weight is not None and layer.running_mean is not None


def _say(step: Step) -> str:
    return _IN_WORDS.get(step.operation, f"given to {step.operation.strip('_')}")


class _NotSaidError(Exception):
    """Why nothing certain can be told; its text is the reason."""


@dataclass(frozen=True)
class Source:
    """A convolution that wrote some of a norm's channels."""

    conv: str
    channels: slice


@dataclass(frozen=True)
class NormWatcher:
    """A run, and the modules that it went through by their names."""

    flow: Flow
    modules: Mapping[str, nn.Module]

    def list_norms(self) -> list[str]:
        """The batch norms that were run, in the order of the run."""
        names = dict.fromkeys(call.module for call in self.flow.calls)
        return [name for name in names if isinstance(self.modules[name], _BatchNorm)]

    def list_sources(self, norm: str) -> list[Source]:
        """The convolutions whose output a norm is given, one or side by side; none if it is another's."""
        given = self.flow.calls_of(norm)[0].given
        writer = self.flow.writer(given)
        values = [given]
        if not self._written_by(given) and writer is not None and self._joins_channels(writer):
            values = list(writer.reads)
        found, start = [], 0
        for value in values:
            conv = self._written_by(value)
            if not conv:
                return []
            channels = slice(start, start + self.flow.shapes[value][1])
            found.append(Source(conv, channels))
            start = channels.stop
        return found

    def _written_by(self, value: int) -> str:
        calls = (call.module for call in self.flow.calls if call.gave == value)
        return next((name for name in calls if isinstance(self.modules[name], (*_PLAIN, KernelWeight))), "")

    def find_activation(self, norm: str) -> str:
        """What alone reads a norm's output: relu, relu6, or none of these."""
        try:
            caps = {self._rectify(call)[0] for call in self.flow.calls_of(norm)}
        except _NotSaidError:
            return "none"
        return {math.inf: "relu", 6.0: "relu6"}[caps.pop()] if len(caps) == 1 else "none"

    def find_reader(self, norm: str) -> NextLayer | str:
        """What reads a norm next, or why that cannot be told."""
        try:
            found = {self._follow(call) for call in self.flow.calls_of(norm)}
        except _NotSaidError as reason:
            return str(reason)
        return found.pop() if len(found) == 1 else "it is run several times, and read in several ways"

    def _rectify(self, call: Call) -> tuple[float, int]:
        """Where the activation cuts off, and the value that leaves it."""
        steps = [self.flow.steps[place] for place in self.flow.readers(call.gave, beside=call.steps)]
        if len(steps) == 1:
            (step,) = steps
            whole = not step.operation.startswith("hardtanh") or step.settings == (0, 6)
            if step.operation in _RECTIFIERS and whole:
                return _RECTIFIERS[step.operation], step.writes[0]
        if any(step.operation in _ADDS for step in steps):
            raise _NotSaidError("added to something else: no convolution reads it by itself")
        what = " and ".join(dict.fromkeys(_say(step) for step in steps)) or "nothing is done with it"
        raise _NotSaidError(f"no ReLU alone follows it: {what}")

    def _follow(self, call: Call) -> NextLayer:
        cap, value = self._rectify(call)
        readers, norms = [], set()
        for reader, start in dict.fromkeys(self._list_readers(value, 0)):
            norm, offset = self._find_norm(reader)
            readers.append(self._describe(reader, start, offset))
            norms.add(norm)
        if len(norms) != 1:
            raise _NotSaidError("convolutions of several branches read it" if norms else "nothing reads it")
        (norm,) = norms
        return NextLayer(cap, norm, tuple(readers), eps=self.eps_of(norm))

    def _list_readers(self, value: int, start: int) -> Iterator[tuple[Call, int]]:
        """Calls of convolutions that read a value, whose first channel is the norm's channel `start`."""
        for place in self.flow.readers(value):
            call = next((one for one in self.flow.calls if self._reads(one, value, place)), None)
            step = self.flow.steps[place]
            if call is not None:
                yield call, start
            elif step.operation in _SAME:
                yield from self._list_readers(step.writes[0], start)
            elif step.operation in _PARTS:
                for part, first in self._list_parts(step):
                    yield from self._list_readers(part, start + first)
            elif step.operation in _ADDS:
                raise _NotSaidError("added to something else: no convolution reads it by itself")
            else:
                raise _NotSaidError(f"{_say(step)} before any convolution reads it")

    def _reads(self, call: Call, value: int, place: int) -> bool:
        return (
            call.given == value
            and place in call.steps
            and isinstance(self.modules[call.module], (*_PLAIN, KernelWeight))
        )

    def _list_parts(self, step: Step) -> Iterator[tuple[int, int]]:
        """What a step parted channels into, and the first channel of each."""
        whole = self.flow.shapes[step.reads[0]]
        first = 0
        if step.operation == "slice" and self.flow.shapes[step.writes[0]] != whole:
            axis, first, *_ = step.settings
            if axis != 1 or (len(step.settings) > 3 and step.settings[3] != 1):
                raise _NotSaidError("parted before any convolution reads it")
        for part in step.writes:
            shape = self.flow.shapes[part]
            if shape[:1] + shape[2:] != whole[:1] + whole[2:]:
                raise _NotSaidError("parted before any convolution reads it")
            yield part, first
            first += shape[1]

    def _describe(self, call: Call, start: int, offset: int) -> Reader:
        """Which rows of a convolution's weight read which of the norm's channels."""
        module, width = self.modules[call.module], self.flow.shapes[call.given][1]
        name = f"{call.module}.weight"
        if isinstance(module, KernelWeight):
            kernel = module.kernel
            count = kernel.channels * kernel.groups
            start += 0 if width == count else kernel.start
            reads = tuple(range(start, start + count))
            return Reader(name, range(offset, offset + kernel.filters), reads, kernel.groups)
        assert isinstance(module, _PLAIN)  # what a reader is otherwise
        if is_parametrized(module) or type(module).forward not in [one.forward for one in _PLAIN]:
            raise _NotSaidError("a convolution of its own kind reads it, whose weights are not all there is")
        rows = range(offset, offset + module.out_channels)
        return Reader(name, rows, tuple(range(start, start + width)), module.groups)

    def _find_norm(self, call: Call) -> tuple[str, int]:
        """The norm that alone reads what a convolution made, and which of its channels are the first."""
        value, offset = call.gave, 0
        places = self.flow.readers(value)
        step = self.flow.steps[places[0]] if len(places) == 1 else None
        if step is not None and self._joins_channels(step):
            before = step.reads[: step.reads.index(value)]
            value, offset = step.writes[0], sum(self.flow.shapes[one][1] for one in before)
        for norm in self.flow.calls:
            module = self.modules[norm.module]
            alone = norm.given == value and not self.flow.readers(value, beside=norm.steps)
            if alone and has_scales(module):
                return norm.module, offset
        raise _NotSaidError("no batch norm alone follows the convolution that reads it")

    def _joins_channels(self, step: Step) -> bool:
        return step.operation == "cat" and step.settings == (1,)

    def eps_of(self, norm: str) -> float:
        """What a norm adds to variances."""
        module = self.modules[norm]
        assert isinstance(module, _BatchNorm)  # what was looked for
        return float(module.eps)
