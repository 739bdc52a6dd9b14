"""Search for settings of the training: many trials judged by the validation loss, then one model of the best."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vitals.errors import DataError, SettingsError
from vitals.flows.study import open_study, text_digest
from vitals.flows.training import prepare, train
from vitals.flows.writing import refuse_foreign_folder, refuse_unwritable
from vitals.learning.course import DivergenceError
from vitals.learning.distributed import count
from vitals.learning.fit import Epoch, fit
from vitals.spec.settings import Settings

if TYPE_CHECKING:
    import optuna

Progress = Callable[[int, int, str], None]
PathLike = str | Path
# What changes the weights of the loss (positive_weight, site_balance, the objective) is not searched: losses of
# different trials could not be compared.
_RANGES = {  # lowest, highest, whether by its logarithm
    "learning_rate": (5e-4, 1e-2, True),
    "weight_decay": (1e-3, 0.3, True),
    "dropout_input": (0.0, 0.7, False),
    "dropout_head": (0.0, 0.7, False),
    "channel_dropout": (0.0, 0.4, False),
    "noise": (0.0, 0.5, False),
    "time_shift": (0.0, 0.3, False),
    "history_start": (0.0, 0.5, False),
}
_CHOICES = {"batch_stays": (32, 64, 96, 128, 192), "hidden": (64, 96, 128, 192)}
_SILENT_TRIALS, _SILENT_EPOCHS = 5, 2  # before a trial is compared with the median of the others


def search(
    settings: Settings,
    cohorts: PathLike | Sequence[PathLike],
    out: PathLike,
    trials: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Try settings of the training until ``trials`` are done, then train the best of them fully and write its folder.

    The first trial is of the settings as they are. Trials are kept in a file beside the model folder; a search that
    was interrupted goes on where it stopped, and one that is called again with more trials adds to those there are.

    Args:
        settings: where to begin; what is not searched stays as it is.
        cohorts: a cohort folder, or several whose patients differ.
        out: the model folder.
        trials: how many, those of an earlier call included.
        progress: told how far it is.

    Returns:
        The summary of ``train``, and under ``"search"`` what was found.

    Raises:
        SettingsError: no optuna, several processes, or a file of trials with other settings or data.
        DataError: cohorts that cannot be learnt from, or no trial that came to its end.

    Example:
        >>> summary = search(settings, [ward], home / "found", trials=1)
        >>> summary["search"]["trials"], summary["search"]["file"]
        (1, 'found.study.sqlite3')
    """
    out, given = Path(out), [cohorts] if isinstance(cohorts, str | Path) else list(cohorts)
    _refuse_what_cannot_search(settings, trials)
    refuse_foreign_folder(out)
    refuse_unwritable(out)
    file = out.with_name(out.name + ".study.sqlite3")
    found, data_digest = _try_all(settings, [Path(cohort) for cohort in given], file, trials, progress)
    summary_of_trials = _summary(found, file, data_digest)
    best = with_values(settings, found.best_params)
    return train(best, given, out, progress, search=summary_of_trials) | {"search": summary_of_trials}


def space(settings: Settings) -> dict[str, tuple[float, ...]]:
    """What is searched: lowest and highest value, or the choices; the settings' own values always lie within.

    Example:
        >>> space(settings)["hidden"]
        (16, 64, 96, 128, 192)
    """
    own, found = own_values(settings), dict[str, tuple[float, ...]]()
    for name, (low, high, _) in _RANGES.items():
        found[name] = (min(low, own[name]), max(high, own[name]))
    for name, choices in _CHOICES.items():
        found[name] = tuple(sorted({*choices, own[name]}))
    if "transformer" in (settings.network.kind, *settings.network.beside):
        found["hidden"] = tuple(n for n in found["hidden"] if n % settings.network.attention_heads == 0)
    return found


def own_values(settings: Settings) -> dict[str, Any]:
    """The settings' own values of what is searched."""
    own = {name: getattr(settings.training, name) for name in (*_RANGES, "batch_stays")}
    # a logarithm has no 0: the least that is tried stands for it
    own |= {name: low for name, (low, _, by_logarithm) in _RANGES.items() if by_logarithm and own[name] <= 0}
    return own | {"hidden": settings.network.hidden}


def with_values(settings: Settings, values: dict[str, Any]) -> Settings:
    """Settings with other values of what is searched."""
    training = {name: value for name, value in values.items() if name != "hidden"}
    return replace(
        settings,
        network=replace(settings.network, hidden=int(values["hidden"])),
        training=replace(settings.training, **training),
    )


def _refuse_what_cannot_search(settings: Settings, trials: int) -> None:
    if settings.network.kind == "boosting":
        raise SettingsError(
            "--search", 'kind "boosting"', "a kind that is trained in epochs", "search for the kind it stands beside"
        )
    if trials < 1:
        raise SettingsError("--search", str(trials), "at least 1 trial", "ask for 20, for example")
    if count() > 1:
        raise SettingsError(
            "--search", f"{count()} processes of torchrun", "one process", "search without torchrun, then train with it"
        )


def _try_all(
    settings: Settings, cohorts: list[Path], file: Path, trials: int, progress: Progress | None
) -> tuple[optuna.Study, str]:
    """Run the trials that are not done yet."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    study = open_study(settings, cohorts, progress)
    limits = space(settings)
    found = _open(file, text_digest([json.dumps(settings.to_tables()), json.dumps(limits), study.digest]), settings)
    data, scale, parts = prepare(settings, study)
    one = replace(settings, network=replace(settings.network, members=1))
    done = len(_finished(found))

    def objective(trial: optuna.Trial) -> float:
        from optuna import TrialPruned

        def tell(at: int, of: int, _: str) -> None:
            if progress:
                progress(100 * done + 100 * at // of, 100 * trials, "searching")

        def compare(epoch: Epoch) -> None:
            trial.report(epoch.validation_loss, epoch.number)
            if trial.should_prune():
                raise TrialPruned

        try:
            _, history = fit(with_values(one, _suggest(trial, limits)), scale, data, parts, tell, compare)
        except DivergenceError as error:
            raise TrialPruned from error
        return min(epoch.validation_loss for epoch in history)

    while (done := len(_finished(found))) < trials:
        found.optimize(objective, n_trials=1)
    return found, study.digest


def _suggest(trial: optuna.Trial, limits: dict[str, tuple[float, ...]]) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: trial.suggest_float(name, *limits[name], log=log) for name, (_, _, log) in _RANGES.items()
    }
    return values | {name: trial.suggest_categorical(name, limits[name]) for name in _CHOICES}


def _open(file: Path, digest: str, settings: Settings) -> optuna.Study:
    """The study in this file, begun if there is none; what an interrupted call left half done does not count."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        cure = "install it: pip install 'vitals[search]'"
        raise SettingsError("--search", "an installation without optuna", 'the extra "search"', cure) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{file}", study_name="vitals", load_if_exists=True, direction="minimize",
        pruner=optuna.pruners.MedianPruner(_SILENT_TRIALS, _SILENT_EPOCHS),
    )  # fmt: skip
    if not study.user_attrs and not study.trials:
        study.set_user_attr("digest", digest)
    if study.user_attrs.get("digest") != digest:
        raise SettingsError(
            str(file), "trials of other settings or other data", "trials of these",
            "give another --out, or delete the file to begin again",
        )  # fmt: skip
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    # a sampler that began with the same seed again would draw the trials again that there are
    study.sampler = optuna.samplers.TPESampler(seed=(settings.training.seed + len(study.trials)) % 2**32)
    if not _finished(study):
        study.enqueue_trial(own_values(settings))
    return study


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _summary(study: optuna.Study, file: Path, data_digest: str) -> dict[str, Any]:
    from optuna.trial import TrialState

    done = _finished(study)
    complete = [trial for trial in done if trial.state == TrialState.COMPLETE]
    if not complete:
        raise DataError(
            str(file), f"{len(done)} trials, none of which came to its end", "at least one", "ask for more trials"
        )
    first = complete[0] if complete[0].number == 0 else None
    return {
        "file": file.name, "trials": len(done), "pruned": len(done) - len(complete), "best_trial": study.best_trial.number,
        "best_validation_loss": study.best_value, "first_validation_loss": first.value if first else None,
        "best": study.best_params, "data_digest": data_digest,
    }  # fmt: skip
