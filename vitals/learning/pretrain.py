"""Learning to foretell the next row first: every patient teaches that, labelled or not."""

from __future__ import annotations

from collections.abc import Callable

from vitals.learning.course import Course, Lessons, refuse_divergence
from vitals.learning.network import Network
from vitals.learning.tasks import Tasks
from vitals.spec.learning import Training

Progress = Callable[[int, int, str], None]


def pretrain(network: Network, tasks: Tasks, lessons: Lessons, training: Training, progress: Progress) -> list[float]:
    """Teach the memory to foretell the next row; the head, which no label has reached yet, stays as it is.

    Args:
        network: its memory is changed, its scale must be loaded.
        tasks: its head for the next row is changed.
        lessons: of stays that may be looked at; their labels are not used.
        training: how, and for how many epochs.
        progress: told the batches done, those to do, and which epoch this is.

    Returns:
        The mean loss of each epoch.

    Raises:
        DivergenceError: a training that diverges.
    """
    epochs, losses = training.pretrain_epochs, []
    head = {id(parameter) for parameter in network.head.parameters()}
    changed = [one for one in (*network.parameters(), *tasks.parameters()) if id(one) not in head]
    course = Course(changed, training, epochs, lessons.steps)
    for number in range(1, epochs + 1):
        sum_of_losses = 0.0
        for i, (seen, clean) in enumerate(lessons.epoch()):
            sum_of_losses += course.step(tasks.foretell(network, seen, clean))
            progress((number - 1) * lessons.steps + i + 1, epochs * lessons.steps, f"pretraining {number}/{epochs}")
        refuse_divergence(f"pretraining epoch {number}", sum_of_losses)
        losses.append(sum_of_losses / lessons.steps)
    return losses
