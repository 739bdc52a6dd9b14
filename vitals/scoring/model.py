"""A model folder, opened: one ONNX file that holds weights, clipping, scaling, calibration and its own settings."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from vitals.errors import ModelError, VitalsError
from vitals.spec.modelfile import FORMAT, INPUTS, METADATA, MODEL_FILE, OUTPUTS, RUN_FILE, channel_table
from vitals.spec.settings import Settings
from vitals.spec.shipped import find_model, shipped_models
from vitals.windowing.types import Float32

_ANSWERS = [OUTPUTS[0], OUTPUTS[2]]


@dataclass(frozen=True)
class Model:
    """An opened model; it keeps no state of its own.

    Attributes:
        settings: what the file says of its channels, windows and labels; never taken from anywhere else.
        digest: SHA-256 of the ONNX file, hexadecimal.
        hidden_size: numbers of state a bed needs.
        about: what else the file's metadata holds (data and split digests, version).
        content: the bytes of the file.
    """

    settings: Settings
    digest: str
    hidden_size: int
    about: dict[str, Any]
    session: onnxruntime.InferenceSession
    content: bytes = field(default=b"", repr=False)

    def initial_hidden(self, beds: int) -> Float32:
        """The state of beds that nothing is known of yet, ``(N, H)`` zeros."""
        return np.zeros((beds, self.hidden_size), np.float32)

    def step(self, value: Float32, age: Float32, hidden: Float32) -> tuple[Float32, Float32]:
        """Score any number of beds and steps in one call.

        Args:
            value: ``(N, T, C)`` float32 in clinical units, NaN where nothing is known.
            age: ``(N, T, C)`` float32 hours.
            hidden: ``(N, H)`` float32, from :meth:`initial_hidden` or a former call.

        Returns:
            The calibrated risk ``(N, T)`` and the state after the last step ``(N, H)``.
        """
        risk, hidden = self.session.run(_ANSWERS, {"value": value, "age": age, "hidden": hidden})
        return risk, hidden

    def score(self, samples: Any, stays: Any = None) -> Any:
        """One risk for every step of every stay in a data frame: see :func:`vitals.scoring.frame.score_frame`.

        Example:
            >>> import vitals
            >>> risks = vitals.open_model(model).score(samples)
            >>> list(risks.columns)
            ['stay_id', 'prediction_time', 'risk']
            >>> len(set(risks["stay_id"]))
            3
        """
        from vitals.scoring.frame import score_frame  # at the top the two modules would need each other

        return score_frame(self, samples, stays)


def open_model(path: str | Path) -> Model:
    """Open a model folder (or the ONNX file in it), or a shipped model by its name.

    Raises:
        ModelError: nothing there, damaged, not one of ours, or not the file that the folder's ``run.json`` names.

    Example:
        >>> open_model("models/none")
        Traceback (most recent call last):
        ...
        vitals.errors.ModelError: models/none: came nothing; wanted a model folder with model.onnx; check the path...
    """
    path = find_model(path)
    file = path / MODEL_FILE if path.suffix != ".onnx" else path
    if not file.is_file():
        near = difflib.get_close_matches(path.name, shipped_models(), 1)
        check = f"did you mean {near[0]}?" if near else "check the path"
        cure = "; these are shipped: ".join(filter(None, (check, ", ".join(shipped_models()))))
        raise ModelError(str(path), "nothing", f"a model folder with {MODEL_FILE}", cure)
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    _refuse_other_file(file, digest)
    return read_model(content, str(file))


def read_model(content: bytes, where: str = "model.onnx") -> Model:
    """Open a model from the bytes of its ONNX file.

    Raises:
        ModelError: not an ONNX file, or not one of ours.
    """
    session = _session(content, where)
    try:
        about = _about(session, where)
        shapes = {tensor.name: tensor.shape for tensor in session.get_inputs()}
        outputs = tuple(tensor.name for tensor in session.get_outputs())
    except UnicodeDecodeError as error:  # a turned bit: ONNX Runtime opens the file and fails when its texts are read
        raise ModelError(where, "a name that is no text", "an exported model", "export it again") from error
    try:
        settings = Settings.from_tables(_as_meant(about.pop("settings")), where)
    except VitalsError as error:
        raise ModelError(
            where, str(error), "settings this version can read", "use the version it was made with"
        ) from error
    _refuse_other_channels(settings, about.pop("channels", None), where)
    wanted = len(settings.channels)
    if (*shapes,) != INPUTS or outputs != OUTPUTS:
        raise ModelError(where, f"inputs {', '.join(shapes)}", f"inputs {', '.join(INPUTS)}", "export the model again")
    if shapes["value"][-1] != wanted or shapes["age"][-1] != wanted:
        raise ModelError(where, f"{shapes['value'][-1]} columns", f"{wanted}, one a channel", "export the model again")
    return Model(settings, hashlib.sha256(content).hexdigest(), int(shapes["hidden"][-1]), about, session, content)


def _session(content: bytes, where: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # one thread: two spinning threads on a busy machine cost 3-600 times in tail latency; wards grow by process
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        # its fallback has nothing to fall back on, and prints to stdout, where a ward writes its lines
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime raises many unrelated types for a bad file
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelError(
            where, f"a file ONNX Runtime refuses ({reason})", "an exported model", "export it again"
        ) from error


def _about(session: onnxruntime.InferenceSession, where: str) -> dict[str, Any]:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    cure = "use a model that vitals train wrote"
    if text is None:
        raise ModelError(where, "an ONNX file without our metadata", "a model of this package", cure)
    try:
        about: dict[str, Any] = json.loads(text)
        if about.pop("format") != FORMAT or not isinstance(about["settings"], dict):
            raise ValueError("another format")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(where, f"metadata that cannot be read ({error})", f"format {FORMAT}", cure) from error
    return about


def _as_meant(tables: dict[str, Any]) -> dict[str, Any]:
    """The settings of a model that was written before values could be repaired: its rows stay what they were."""
    if isinstance(tables.get("window"), dict):
        tables["window"].setdefault("repair", False)
    return tables


def _refuse_other_channels(settings: Settings, stored: Any, where: str) -> None:
    """The order of the columns, and their units and limits, are part of what the model says."""
    for here, there in itertools.zip_longest(channel_table(settings), stored if isinstance(stored, list) else []):
        if here != there:
            came, wanted = (json.dumps(entry, ensure_ascii=False) for entry in (there, here))
            cure = "use the version of vitals it was made with, or train again"
            raise ModelError(f"{where} channels", came, f"{wanted}, as settings and catalogue have it", cure)


def _refuse_other_file(file: Path, digest: str) -> None:
    run = file.parent / RUN_FILE
    if not run.is_file():
        return
    try:
        named = json.loads(run.read_text("utf-8"))["model_digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            str(run), f"a file that cannot be read ({error})", "model_digest", "restore the folder"
        ) from error
    if named != digest:
        raise ModelError(
            str(file), f"digest {digest[:12]}", f"{named[:12]}, as {RUN_FILE} says", "restore the file or train again"
        )
