"""Does a network do what every network here does? One suite that all of them pass, brought ones too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.errors import SpecError, one_line
from gst_analysis.networks.anatomy import Place
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.spec_values import MIN_SIZE
from gst_analysis.networks.trial_runs import untouched
from gst_analysis.networks.viewing import fold_frames, pick_tensor, unview_frames, view_frames

PASSED = "passed"
LENGTHS = (1, 2, 3, 5, 16)
"""Numbers of frames that a network which takes any is tried with."""
FOLDED_ALIKE = 1e-3
"""Of the largest logit. On the clip that folding itself was tried with it is a tenth of that."""


def check_network(network: Network) -> dict[str, str]:
    """Try a network as analyses use it: what was tried, and "passed", or what is wrong.

    It is left as it was found. Weights that make nothing of a clip prove nothing, so it is tried too whether
    its logits move with the clip.

    Args:
        network: what `adopt`, `load_network` or `load_model` returned.

    Example:
        >>> from gst_analysis.checkpoints.starting import create_model
        >>> from gst_analysis.networks.specs import ModelSpec
        >>> narrow = ModelSpec.from_name("gst-resnet26s", width=8)
        >>> set(check_network(create_model(narrow, seed=0)).values())
        {'passed'}
    """
    checks: dict[str, Callable[[Network], str]] = {
        "shapes": _check_shapes,
        "lengths": _check_lengths,
        "sizes": _check_sizes,
        "logits move with the clip": _check_moves,
        "one clip at a time or several": _check_batches,
        "gradients": _check_gradients,
        "weights": _check_weights,
        "folding": _check_folding,
        "places": _check_places,
        "units": _check_units,
    }
    told = {}
    with untouched(network.module):
        for name, check in checks.items():
            try:
                told[name] = check(network) or PASSED
            except Exception as error:  # a network of anybody's may raise anything
                told[name] = f"{type(error).__name__}: {one_line(str(error))[:160]}"
    return told


def draw_clips(network: Network, count: int, *, frames: int = 0, size: int = 0, seed: int = 0) -> Tensor:
    """Random clips of the network's own length and size, on its device, if nothing else is said."""
    spec = network.clip_spec
    shape = (count, frames or spec.frames, 3, size or spec.crop, size or spec.crop)
    some = next(network.module.parameters(), torch.zeros(()))
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(some)


def _run(network: Network, clips: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = network.module(clips)
    return logits


def _check_shapes(network: Network) -> str:
    found = tuple(_run(network, draw_clips(network, 2)).shape)
    rows = network.spec.count_answers(network.clip_spec.frames)
    wanted = (2, rows, network.spec.num_classes)
    return "" if found == wanted else f"expected logits {wanted}; found {found}"


def _check_lengths(network: Network) -> str:
    if not network.anatomy.any_length:
        return ""  # it says so itself, and analyses hold to it
    for frames in LENGTHS:
        try:
            rows = _run(network, draw_clips(network, 1, frames=frames)).shape[1]
        except SpecError:  # one of ours that takes whole segments alone says so, and of how many frames
            continue
        except Exception as error:  # a network that needs a few frames says so in words of its own
            if frames < network.clip_spec.frames:
                continue
            return f"{frames} frames: {one_line(str(error))[:120]}"
        if rows != network.spec.count_answers(frames):
            return f"{frames} frames: {rows} rows of logits"
    return ""


def _check_sizes(network: Network) -> str:
    """An odd size is either taken or refused; wrong answers would be neither."""
    odd = max(MIN_SIZE, network.clip_spec.crop) + 5
    try:
        logits = _run(network, draw_clips(network, 1, size=odd))
    except Exception:  # fixed sizes are no fault
        return ""
    return "" if torch.isfinite(logits).all() else f"clips of {odd} pixels give no finite logits"


def _check_moves(network: Network) -> str:
    first, second = (_run(network, draw_clips(network, 1, seed=seed)) for seed in (0, 1))
    return "" if not torch.equal(first, second) else "two different clips give the same logits"


def _check_batches(network: Network) -> str:
    clips = draw_clips(network, 2)
    together = _run(network, clips)
    alone = torch.cat([_run(network, clip[None]) for clip in clips])
    far = float((together - alone).abs().max() / together.abs().max().clamp_min(1e-6))
    return "" if far < 1e-3 else f"a clip's logits depend on its neighbours in the batch: {far:.1%} apart"


def _check_gradients(network: Network) -> str:
    clips = draw_clips(network, 1).requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(network.module(clips).sum(), clips)
    if not torch.isfinite(gradient).all():
        return "gradients are not finite"
    return "" if gradient.abs().sum((0, 2, 3, 4)).gt(0).all() else "some frames move no logit at all"


def _check_weights(network: Network) -> str:
    """The names that a checkpoint holds are those that the module gives, with the same numbers."""
    now = network.module.state_dict()
    known = network.checkpoint.state
    odd = [name for name in {**known, **now} if name not in now or name not in known]
    if odd:
        return f"the checkpoint and the module differ in names such as {odd[0]}"
    return "" if all(torch.equal(known[n], t.cpu()) for n, t in now.items()) else "weights have been changed"


def _check_folding(network: Network) -> str:
    """A copy with its norms folded, which is what inference runs, must say what the network says."""
    clip = draw_clips(network, 1, seed=2)
    plain = _run(network, clip)
    with torch.no_grad():
        folded = fold_norms(network.module)(clip)
    far = float((folded - plain).abs().max() / plain.abs().max().clamp_min(1e-6))
    return "" if far < FOLDED_ALIKE else f"folding its norms moves the logits by {far:.1%} of the largest"


def _check_places(network: Network) -> str:
    for place, output in _watch(network, draw_clips(network, 2)):
        tensor = pick_tensor(output, place.view)
        frames = view_frames(tensor, place.view, 2)
        if frames.ndim != 5 or len(frames) != 2:
            return f"{place.name}: read as {tuple(frames.shape)}, not as (N, T, C, H, W)"
        if not torch.equal(unview_frames(frames, place.view, tensor), tensor):
            return f"{place.name}: reading it as frames and putting it back gives another tensor"
    return _check_time(network)


def _check_time(network: Network) -> str:
    """Change the last frame: at the first place it must be the end of the axis of time that moves most."""
    if not network.anatomy.places or network.clip_spec.frames < 2:
        return ""
    first = network.anatomy.places[0]
    clips = draw_clips(network, 1)
    changed = clips.clone()
    changed[:, -1] = -changed[:, -1]
    maps = []
    for one in (clips, changed):
        output = next(output for place, output in _watch(network, one) if place == first)
        maps.append(view_frames(pick_tensor(output, first.view), first.view, 1)[0])
    moved = (maps[0] - maps[1]).abs().mean((1, 2, 3))
    inside = len(moved)
    if inside < 2 or not moved.any():
        return ""
    late = int(moved.argmax()) >= inside - max(1, inside // 2)
    return "" if late else f"{first.name}: a clip's last frame moves its start most: is time another axis?"


def _watch(network: Network, clips: Tensor) -> Iterator[tuple[Place, object]]:
    """Every place and what leaves it."""
    places = network.anatomy.places
    kept = _listen(network, clips, [place.name for place in places])
    yield from ((place, kept[place.name]) for place in places)


def _listen(network: Network, clips: Tensor, names: Iterable[str]) -> dict[str, object]:
    """What leaves modules in one run, by name; one that is not run is an error."""
    kept: dict[str, object] = {}
    handles = [
        network.module.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: kept.__setitem__(name, output)
        )
        for name in names
    ]
    try:
        _run(network, clips)
    finally:
        for handle in handles:
            handle.remove()
    missing = [name for name in names if name not in kept]
    if missing:
        raise SpecError("modules", expected="ones that are run", found=missing[0], todo="name others")
    return kept


def _check_units(network: Network) -> str:
    state = network.module.state_dict()
    for unit in network.anatomy.scaled:
        scales = state.get(f"{unit.layer}.weight")
        if scales is None or len(scales) < unit.channels.stop:
            return f"{unit.layer}: no scales for channels {unit.channels.start} to {unit.channels.stop}"
    others = [unit for unit in network.anatomy.units if not unit.scaled]
    outputs = _listen(network, draw_clips(network, 1), dict.fromkeys(unit.layer for unit in others))
    for unit in others:
        width = fold_frames(pick_tensor(outputs[unit.layer], unit.view), unit.view).shape[1]
        if width < unit.channels.stop:
            return f"{unit.layer}: {width} channels, not {unit.channels.stop}"
    return ""
