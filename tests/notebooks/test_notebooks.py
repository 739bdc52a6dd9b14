"""Every notebook runs from its first cell to its last, and what is kept in it is what it says."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 180  # a tutorial takes about a minute on a free core; tests may share it


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_there_is_a_quick_start_a_way_from_data_to_the_table_and_a_live_ward() -> None:
    wanted = {"quick_start.ipynb", "from_data_to_table.ipynb", "live_ward.ipynb"}
    assert wanted <= {file.name for file in NOTEBOOKS}


@pytest.mark.slow
# what Jupyter's own packages warn of is none of ours
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_runs_whole_and_without_a_warning(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    notebook = nbformat.read(file, as_version=4)
    began = time.monotonic()
    NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    assert time.monotonic() - began < SECONDS
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
    assert [output.text for output in outputs(notebook) if output.get("name") == "stderr"] == []


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_is_kept_with_light_outputs_of_one_run(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert file.stat().st_size < 200_000
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert [
        output for output in outputs(notebook) if output.output_type == "error" or output.get("name") == "stderr"
    ] == []
    text = file.read_text("utf-8")
    assert "/tmp/" not in text
    assert str(Path.home()) not in text


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_checks_its_own_figures_and_says_what_it_is_for(file: Path) -> None:
    cells = nbformat.read(file, as_version=4).cells
    assert sum(cell.source.count("\nassert ") for cell in cells if cell.cell_type == "code") >= 3
    assert any("not a medical device" in cell.source for cell in cells if cell.cell_type == "markdown")
