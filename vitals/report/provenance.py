"""Where the figures come from: the measured parity, and everything it takes to get them again."""

from __future__ import annotations

from vitals.report.markup import Markup, element, section, table
from vitals.report.record import PART_WORDS, Record
from vitals.report.words import DASH, dig, known, number


def parity(record: Record) -> Markup | None:
    """The differences measured before the model file was written."""
    measured = record.metrics.get("parity")
    if not measured:
        return None
    rows = parity_rows(record)
    note = (
        "Largest difference between risks, compared before the file was written: "
        f"{number(measured.get('rows'))} rows of {number(measured.get('stays'))} stays."
    )
    told = element("p", note), table(["compared", "difference"], rows)
    return section("Does the file say what the network says?", *told)


def parity_rows(record: Record) -> list[list[str]]:
    """Each comparison of the parity gate and what it measured."""
    measured = record.metrics.get("parity") or {}
    return [
        ["PyTorch and ONNX Runtime, whole stays", _tiny(measured.get("torch_onnx"))],
        ["PyTorch step by step and ONNX Runtime, whole stays", _tiny(measured.get("torch_step"))],
        ["ONNX Runtime, whole stays and step by step: risks whose bits differ", number(measured.get("onnx_step_bits"))],
    ]


def footer(record: Record) -> Markup:
    """Digests, versions and the settings' name."""
    rows = [[name, element("code", value)] for name, value in provenance(record)]
    return element("footer", element("h2", "To get these figures again"), table(["", ""], rows, kind="words"))


def provenance(record: Record) -> list[tuple[str, str]]:
    """What identifies model, data and software, as name and value; what is not known is left out."""
    about, versions = record.model.about, record.run.get("versions") or {}
    here = record.get("versions") or {}
    pairs = [
        ("command", record.get("command")),
        ("settings", record.settings.name),
        ("model digest (SHA-256)", record.model.digest),
        ("data digest of the training (SHA-256)", about.get("data_digest")),
        ("data digest of this evaluation (SHA-256)", record.get("data", "digest")),
        *((f"patients of the {PART_WORDS.get(part, part)} part", digest)
          for part, digest in (about.get("part_digests") or {}).items()),
        ("patients evaluated", record.get("patients_digest")),
        ("policy tuned on patients", dig(record.get("alerts", "policy"), "tuned_on")),
        ("cohorts", ", ".join(map(str, record.run.get("cohorts") or ()))),
        ("versions of the training", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ("versions of this evaluation", ", ".join(f"{name} {version}" for name, version in here.items())),
    ]  # fmt: skip
    return [(name, str(value)) for name, value in pairs if value]


def _tiny(value: object) -> str:
    """A difference near the rounding of single precision.

    Example:
        >>> _tiny(8.9e-08), _tiny(0.0), _tiny(None)
        ('8.9e-08', '0', '–')
    """
    if not known(value):
        return DASH
    return f"{value:.2g}"
