"""From retrospective stays to a model folder: window, label, split, fit, calibrate, export, prove parity, write."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
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
from vitals.learning.calibrate import calibrate
from vitals.learning.encoder import fit_scale
from vitals.learning.export import export
from vitals.learning.fit import Epoch, fit, logits
from vitals.learning.network import Network
from vitals.learning.objective import targets
from vitals.report.card import write_card
from vitals.scoring.model import open_model, read_model
from vitals.spec.modelfile import METRICS_FILE, MODEL_FILE, RUN_FILE
from vitals.spec.settings import Settings

Progress = Callable[[int, int, str], None]
PathLike = str | Path
_PARITY_STAYS = 512


def train(
    settings: Settings, cohorts: PathLike | Sequence[PathLike], out: PathLike, progress: Progress | None = None
) -> dict[str, Any]:
    """Train a model and write its folder; nothing is written unless the exported file passes the parity gate.

    Normalisation and weights see the training part, stopping the validation part, calibration the tuning part; the
    held-out part is not touched.

    Args:
        settings: what to predict from what, and how to learn it.
        cohorts: a cohort folder, or several whose patients differ.
        out: the model folder; an older model there is replaced, anything else is refused.
        progress: told steps done, steps to do, and what is being done.

    Returns:
        A summary: files, digests, counts, losses and the measured parity.

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
    study = open_study(settings, folders, progress)
    network, data, history = _learn(settings, study, progress)
    content = export(network, settings, _about(study))
    model = read_model(content, str(out / MODEL_FILE))
    tuning = study.stays_of("tuning")
    measured = require_parity(measure_parity(network, model, data, tuning[:_PARITY_STAYS]), str(out / MODEL_FILE))
    metrics = {"parity": measured, "history": [asdict(epoch) for epoch in history], "left_out": study.left_out}
    run = {
        "model_digest": model.digest, "settings": settings.to_tables(), **_about(study),
        "cohorts": [path.name for path in folders], "versions": _versions(),
    }  # fmt: skip
    write_folder(out, {MODEL_FILE: content, RUN_FILE: as_json(run), METRICS_FILE: as_json(metrics)})
    write_card(out, open_model(out))
    return {
        "model": str(out), "digest": model.digest, "files": sorted(path.name for path in out.iterdir()),
        "stays": _stays_by_part(study), "epochs": len(history), "parity": measured, "left_out": study.left_out,
        "validation_loss": min(epoch.validation_loss for epoch in history),
    }  # fmt: skip


def _learn(settings: Settings, study: Study, progress: Progress | None) -> tuple[Network, Sequences, list[Epoch]]:
    part = {name: study.stays_of(name) for name in PARTS}
    seen, rows = study.rows_of(part["train"]), study.rows
    stay = rows.bed.astype(np.int64)
    target, weight = targets(settings, rows.time, stay, study.onset_stay, study.onset_time, seen)
    data = Sequences.of(rows, len(study.stay_id), target, weight)
    scale = fit_scale(rows.take(seen), settings.window.step.hours)
    network, history = fit(settings, scale, data, part, progress)
    judged = study.rows_of(part["tuning"])
    usable = study.usable[judged] & (study.rows.reason[judged] == 0)
    calibrate(network, logits(network, data, part["tuning"])[usable], study.label[judged][usable])
    return network, data, history


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


def _stays_by_part(study: Study) -> dict[str, int]:
    return {part: len(study.stays_of(part)) for part in PARTS}


def _versions() -> dict[str, str]:
    packages = ("numpy", "numba", "torch", "onnx", "onnxruntime")
    return {
        "vitals": vitals.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }
