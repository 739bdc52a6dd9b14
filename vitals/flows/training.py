"""From retrospective stays to a model folder: window, label, split, fit, calibrate, export, prove parity, write."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import vitals
from vitals.alerting.stays import patients_digest
from vitals.flows.parity import measure_parity, require_parity
from vitals.flows.study import PARTS, Study, open_study
from vitals.flows.writing import as_json, refuse_foreign_folder, refuse_unwritable, write_folder
from vitals.learning.batches import Sequences
from vitals.learning.boosting import grow
from vitals.learning.calibrate import calibrate
from vitals.learning.distributed import leads
from vitals.learning.encoder import Scale, fit_scale
from vitals.learning.ensemble import Ensemble
from vitals.learning.export import export
from vitals.learning.fit import Epoch, fit, logits
from vitals.learning.network import Network
from vitals.learning.objective import sequences
from vitals.report.card import write_card
from vitals.scoring.model import open_model, read_model
from vitals.spec.modelfile import METRICS_FILE, MODEL_FILE, RUN_FILE
from vitals.spec.settings import Settings
from vitals.windowing.types import Int64

Progress = Callable[[int, int, str], None]
PathLike = str | Path
_PARITY_STAYS = 512


def train(
    settings: Settings,
    cohorts: PathLike | Sequence[PathLike],
    out: PathLike,
    progress: Progress | None = None,
    search: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Train a model and write its folder; nothing is written unless the exported file passes the parity gate.

    Normalisation and weights see the training part, stopping the validation part, calibration the tuning part; the
    held-out part is not touched.

    Args:
        settings: what to predict from what, and how to learn it.
        cohorts: a cohort folder, or several whose patients differ.
        out: the model folder; an older model there is replaced, anything else is refused.
        progress: told steps done, steps to do, and what is being done.
        search: how the settings were found, for ``run.json``.

    Returns:
        A summary: files, digests, counts, losses and the measured parity. Of several processes under ``torchrun`` one
        writes and returns it; the others return an empty one.

    Raises:
        SettingsError: ``out`` holds something that is no model folder.
        DataError: cohorts that cannot be read or learnt from.
        ModelError: the exported file does not say what the network says.

    Example:
        >>> summary = train(settings, [ward], home / "mine")
        >>> summary["files"]
        ['card.json', 'card.md', 'metrics.json', 'model.onnx', 'run.json']
        >>> summary["parity"]["onnx_step_bits"], summary["parity"]["torch_onnx"] < 1e-5
        (0, True)
    """
    out, given = Path(out), [cohorts] if isinstance(cohorts, str | Path) else cohorts
    folders = [Path(cohort) for cohort in given]
    refuse_foreign_folder(out)
    refuse_unwritable(out)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    study = open_study(settings, folders, progress if leads() else None)
    network, data, history = learn(settings, study, progress)
    if not leads():
        return {}
    content = export(network, settings, _about(study))
    model = read_model(content, str(out / MODEL_FILE))
    tuning = study.stays_of("tuning")
    measured = require_parity(measure_parity(network, model, data, tuning[:_PARITY_STAYS]), str(out / MODEL_FILE))
    metrics = {"parity": measured, "history": [asdict(epoch) for epoch in history], "left_out": study.left_out}
    run = {
        "model_digest": model.digest, "settings": settings.to_tables(), **_about(study),
        "cohorts": [path.name for path in folders], "versions": _versions(),
        **({"search": search} if search else {}),
    }  # fmt: skip
    write_folder(out, {MODEL_FILE: content, RUN_FILE: as_json(run), METRICS_FILE: as_json(metrics)})
    write_card(out, open_model(out))
    return {
        "model": str(out), "digest": model.digest, "files": sorted(path.name for path in out.iterdir()),
        "stays": _stays_by_part(study), "epochs": max(epoch.number for epoch in history), "parity": measured, "left_out": study.left_out,
        "validation_loss": _validation_loss(settings, history),
    }  # fmt: skip


def learn(
    settings: Settings, study: Study, progress: Progress | None = None
) -> tuple[Network | Ensemble, Sequences, list[Epoch]]:
    """Fit and calibrate a network, or an ensemble of them, on the parts of a study.

    Args:
        settings: what to learn and how.
        study: of which ``part`` says what each stay is for.
        progress: told what is being done.

    Returns:
        The network, the sequences of all stays, and what each epoch of each member came to.

    Raises:
        DataError: parts that nothing can be learnt from.
    """
    every = members_of(settings)
    for one in every:
        Network(one)  # what cannot be built is refused before any of it is trained
    data, scale, part = prepare(settings, study)
    members, history = [], []
    for number, one in enumerate(every):
        tell = _of_member(progress, number, len(every))
        tell = tell if leads() else None
        network, epochs = (grow if one.network.kind == "boosting" else fit)(one, scale, data, part, tell)
        members.append(network)
        history += [replace(epoch, member=number + 1) for epoch in epochs]
    whole = members[0] if len(members) == 1 else Ensemble(members, shares_of(every))
    judged = study.rows_of(part["tuning"])
    usable = study.usable[judged] & (study.rows.reason[judged] == 0)
    calibrate(whole, logits(whole, data, part["tuning"])[usable], study.label[judged][usable])
    return whole, data, history


def prepare(settings: Settings, study: Study) -> tuple[Sequences, Scale, dict[str, Int64]]:
    """What ``fit`` needs of a study: the sequences of all stays, the scale of the training part, and the parts."""
    part = {name: study.stays_of(name) for name in PARTS}
    part["pretrain"] = np.flatnonzero(np.isin(study.part, ("train", "validation")))
    seen = study.rows_of(part["train"])
    onset = (study.onset_stay, study.onset_time)
    data = sequences(settings, study.rows, study.site, onset, seen, study.whole_stays().lost_at)
    return data, fit_scale(study.rows.take(seen), settings.window.step.hours), part


def members_of(settings: Settings) -> list[Settings]:
    """The settings of each network of an ensemble: its kind and a seed of its own."""
    network, training = settings.network, settings.training
    kinds = [network.kind] * network.members + list(network.beside)
    return [
        replace(
            settings,
            network=replace(network, kind=kind, members=1, beside=()),
            training=replace(training, seed=(training.seed + number) % 2**32),
        )
        for number, kind in enumerate(kinds)
    ]


def shares_of(members: list[Settings]) -> list[float]:
    """What each member weighs in the mean: every kind the same, and within a kind every member."""
    kinds = [member.network.kind for member in members]
    return [1 / len(set(kinds)) / kinds.count(kind) for kind in kinds]


def _of_member(progress: Progress | None, number: int, many: int) -> Progress | None:
    if progress is None or many == 1:
        return progress
    return lambda done, todo, text: progress(number * todo + done, many * todo, f"member {number + 1}/{many}, {text}")


def _about(study: Study) -> dict[str, Any]:
    subjects = {part: study.subject_id[study.stays_of(part)] for part in PARTS}
    return {
        "data_digest": study.digest,
        "cohort_digests": list(study.cohorts),
        "part_digests": {part: patients_digest(ids) for part, ids in subjects.items()},
        "stays": _stays_by_part(study),
        "sites": sorted(set(study.site.tolist())),
        "onsets": len(study.onset_time),
    }


def _validation_loss(settings: Settings, history: list[Epoch]) -> float:
    """That of the epoch whose weights are kept; of an ensemble the mean over its members."""
    members: dict[int, list[float]] = {}
    for epoch in history:
        members.setdefault(epoch.member, []).append(epoch.validation_loss)
    kept = [losses[-1] if settings.training.keep == "last" else min(losses) for losses in members.values()]
    return float(np.mean(kept))


def _stays_by_part(study: Study) -> dict[str, int]:
    return {part: len(study.stays_of(part)) for part in PARTS}


def _versions() -> dict[str, str]:
    packages = ("numpy", "numba", "torch", "onnx", "onnxruntime")
    return {
        "vitals": vitals.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
