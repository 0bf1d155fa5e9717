"""Is a group of channels needed? Its channels are changed at one block, and the answers are compared.

Enters a network and labelled clips; leaves an ABLATION table: for every batch norm after a temporal operator,
every group of its channels and every intervention, how far accuracy and the true class's logit fall and the
cross entropy rises, with confidence intervals over clips. Section 4.6 of the paper reads the importance of a
group from its batch-norm scales; this measures it.

Interventions (probes/hooks.py says where):
    zero            the channels are silent;
    mean            each channel is its own mean over the clips, so that it says nothing about this one;
    shuffle-batch   each clip gets the channels of another clip of its batch;
    shuffle-time    the channels' frames are put in another order, the same for a clip wherever it is done.

Clips stream through in batches. What comes before a block is computed once for all interventions in that
block and after it: a batch walks down the untouched network, and at every block each intervention goes on
from there. The cost is about half of that of whole forward passes; benchmarks/ablation.py measures it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gst_analysis.analyses.ablation.choice import choose_units, drop_undefined
from gst_analysis.analyses.ablation.heads import add_heads
from gst_analysis.analyses.ablation.run import AblationRun
from gst_analysis.analyses.ablation.table import ABLATION, Ablation, AblationOptions, AblationSummary
from gst_analysis.analyses.ablation.tabulate import tabulate_ablation
from gst_analysis.analyses.ablation.together import add_joint
from gst_analysis.analyses.ablation.work import AblationWork
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList, note_videos, number_videos
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import share_out
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.capabilities import require
from gst_analysis.probes.clip_stream import refuse_unread
from gst_analysis.probes.hooks import list_units
from gst_analysis.probes.resampling import Bootstrap, summarise_means
from gst_analysis.probes.shared_streams import list_batches
from gst_analysis.probes.shares import summarise_shares
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check

ONE_CLIP = "one clip: intervals say nothing of others"


def check_options(options: AblationOptions) -> None:
    """Refuse what cannot be done, before a network is loaded.

    Raises:
        SpecError: a batch, device, seed, confidence or number of draws that cannot be.
    """
    settings_of(options)
    bootstrap_of(options)


def settings_of(options: AblationOptions) -> InferenceSettings:
    """One view of a clip, in fp32, by the network itself: hooks do not reach a folded copy."""
    return InferenceSettings(batch=options.batch, device=options.device, devices=options.devices, fold=False)


def bootstrap_of(options: AblationOptions) -> Bootstrap:
    """How confidence intervals are drawn."""
    return Bootstrap(options.draws, options.confidence, options.seed)


def measure_ablation(
    model: LoadedModel,
    records: RecordList,
    *,
    options: AblationOptions | None = None,
    units: Sequence[Unit] | None = None,
    progress: Progress | None = None,
) -> Ablation:
    """Change every group of channels in every way, one at a time, over labelled clips.

    The network is left as it was. The same seed, clips and batch give the same numbers.

    Args:
        model: what load_model returned.
        records: what load_records returned; every clip must have a label.
        options: interventions, batch, device, seed and confidence.
        units: what is changed; what the options name if not given.
        progress: called after every clip, once more for each where means are taken first.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
        SpecError: nothing is left to do with such clips.
    """
    options = options or AblationOptions()
    settings = settings_of(options)
    require(model.spec, model.anatomy, "units", what="ablation")
    units = choose_units(list_units(model.spec), options) if units is None else units
    check_classes(model, records)
    kept, notes = drop_undefined(options.interventions, model.clip_spec.frames, len(records), options.batch)
    work = AblationWork(model, settings, records, kept, tuple(units), options)
    runs = work.build_runs()
    pieces = share_out(work, list_batches(len(records), settings), progress, rounds=runs.rounds)
    told = pieces[0]  # all processes have told each other everything
    runs.hear(told)
    run = runs.run
    if not run.clips:
        refuse_unread(told.failures)
    if run.clips < len(records):
        kept, more = drop_undefined(kept, model.clip_spec.frames, run.clips, options.batch)
        run.keep(kept)
        notes += more
    notes += [ONE_CLIP] if run.clips == 1 else []
    result = _build_result(run, model, records, options, notes)
    result = replace(result, failures=told.failures)
    if runs.by_head is not None:
        heads = runs.by_head
        judged = np.concatenate(heads.untouched, axis=1), np.concatenate(heads.changed, axis=2)
        result = add_heads(result, heads.rows, judged, (records, heads.places), bootstrap_of(options))
    if runs.together is None:
        return result
    return add_joint(result, runs.together, told.grown, records, bootstrap_of(options))


def _build_result(
    run: AblationRun, model: LoadedModel, records: RecordList, options: AblationOptions, notes: Sequence[str]
) -> Ablation:
    bootstrap = bootstrap_of(options)
    untouched, changed = np.concatenate(run.untouched, axis=1), np.concatenate(run.changed, axis=2)
    name = model.checkpoint.name
    videos = np.array(number_videos([records[place] for place in run.places]))
    (accuracy,) = summarise_shares(untouched[:1], confidence=bootstrap.confidence, units=videos)
    (loss,) = summarise_means(untouched[2:], bootstrap, videos)
    table = tabulate_ablation(run.rows, untouched, changed, bootstrap, videos).assign(checkpoint=name)
    described = {
        "interventions": run.interventions,
        "groups": options.groups,
        "layers": options.layers,
        "bootstrap": dataclasses.asdict(bootstrap),
        "batch": options.batch,
        "clip_spec": model.clip_spec.to_json(),
    }
    provenance = Provenance(
        {name: model.sha256, **(records.sources or {})},
        {name: model.spec.to_json()},
        described,
        clips=records.name_clips(),
    )
    return Ablation(
        check(table[list(ABLATION.columns)], ABLATION),
        AblationSummary(run.clips, accuracy, loss, run.interventions),
        provenance,
        notes=(*records.notes, *model.notes, *notes, *note_videos(videos.tolist())),
        path=str(model.checkpoint.path),
        measure=options.measure,
    )
