"""PDS3 labels: the text that says how a raw ``.IMG`` of a planetary archive is to be read.

GDAL reads the georeference, scale, offset and missing value of a label. It does not say the unit, does not notice an image
that was cut short, and takes the cell size of a cylindrical map from a rounded number; those three are read here.
Source: PDS Standards Reference 3.8; LOLA Archive SIS and DSMAP_POLAR.CAT for the data set LRO-L-LOLA-4-GDR-V1.0.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import DemMissing, DemProjection, DemUnreadable

LONGEST_LABEL = 262_144  # [bytes]
UNIT_M = {"M": 1.0, "METER": 1.0, "METERS": 1.0, "METRE": 1.0, "KM": 1000.0, "KILOMETER": 1000.0, "KILOMETERS": 1000.0}
JPEG2000 = (".jp2", ".j2k")
_VALUE = re.compile(r"^\s*(\^?[A-Z][A-Z0-9_:]*)\s*=\s*(.*?)\s*$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Label:
    """A PDS3 label: where it stands, and its values by ``KEY`` and ``OBJECT.KEY`` (text, quotes and units kept)."""

    path: Path
    values: dict[str, str]

    def text(self, key: str) -> str:
        """Return a value without quotes, '' where the label has none or says N/A."""
        value = self.values.get(key, "").strip("\"'() ")
        return "" if value.upper() in {"N/A", "NULL", "UNK"} else value

    def number(self, key: str, default: float) -> float:
        """Return a number without its unit; raises `DemUnreadable` for a value that is none."""
        text = self.text(key).partition("<")[0].strip()
        if not text:
            return default
        try:
            return float(text)
        except ValueError:
            raise DemUnreadable(f"{self.path}: {key} = {text!r}; allowed: a number.") from None

    @property
    def metres_per_unit(self) -> float:
        """Metres in a unit of the heights; raises `DemUnreadable` for a unit that is no length."""
        unit = self.text("IMAGE.UNIT").upper()
        if unit and unit not in UNIT_M:
            raise DemUnreadable(f"{self.path}: IMAGE.UNIT = {unit!r}; allowed: {', '.join(UNIT_M)}.")
        return UNIT_M.get(unit, 1.0)

    def image_path(self) -> Path:
        """Return the file that ``^IMAGE`` names, upper or lower case; the label itself if it is attached.

        Raises `DemMissing` if that file is not beside the label.
        """
        match = re.search(r"[\"']([^\"']+)[\"']", self.values.get("^IMAGE", ""))
        if match is None:
            return self.path
        found = beside(self.path, match.group(1))
        if found is None:
            raise DemMissing(
                f"{self.path}: its image {match.group(1)} is not beside it; allowed: label and image in one folder."
            )
        return found

    def check_complete(self, image: Path) -> None:
        """Raise `DemUnreadable` if ``image`` is shorter than the label says, `DemProjection` if the map is turned."""
        lines, samples = self.number("IMAGE.LINES", 0.0), self.number("IMAGE.LINE_SAMPLES", 0.0)
        need = int(lines * samples * self.number("IMAGE.SAMPLE_BITS", 8.0) / 8.0 * self.number("IMAGE.BANDS", 1.0))
        size = image.stat().st_size
        if size < need:
            raise DemUnreadable(
                f"{image}: {size} bytes; its label {self.path.name} needs {need} ({lines:.0f} x {samples:.0f} cells). "
                "The file is truncated: fetch it again."
            )
        turned = self.number("IMAGE_MAP_PROJECTION.MAP_PROJECTION_ROTATION", 0.0)
        if turned != 0.0:
            raise DemProjection(f"{self.path}: MAP_PROJECTION_ROTATION = {turned:g}; allowed: 0.")

    def cylindrical_cell_m(self) -> float | None:
        """Cell [m] of a simple cylindrical map from its exact MAP_RESOLUTION [pixel/deg]; None without one.

        MAP_SCALE of these labels is rounded, which over half a globe adds up to more than a cell.
        """
        per_degree = self.number("IMAGE_MAP_PROJECTION.MAP_RESOLUTION", 0.0)
        radius = self.number("IMAGE_MAP_PROJECTION.A_AXIS_RADIUS", 0.0)
        if not (per_degree > 0.0 and radius > 0.0):
            return None
        return radius * 1000.0 * math.pi / 180.0 / per_degree


def beside(path: Path, name: str) -> Path | None:
    """Return the file called ``name`` in the folder of ``path``, whatever the case of its letters; None without one."""
    exact = path.with_name(name)
    if exact.is_file():
        return exact
    try:
        return next((p for p in sorted(path.parent.iterdir()) if p.name.lower() == name.lower() and p.is_file()), None)
    except OSError:
        return None


def is_label(path: Path) -> bool:
    """Whether a file starts like a PDS3 label (detached, or attached at the head of its image)."""
    with path.open("rb") as file:
        head = file.read(512)
    return b"PDS_VERSION_ID" in head or head.startswith(b"CCSD")


def label_of(path: Path) -> Path | None:
    """Return the label that describes ``path``: itself, or ``STEM.lbl`` (``STEM_JP2.lbl``) beside it; None without one.

    Raises `DemMissing` for a raw ``.img`` that comes without its label.
    """
    suffix = path.suffix.lower()
    if suffix == ".lbl" or (suffix == ".img" and is_label(path)):
        return path
    names = [f"{path.stem}_JP2.LBL"] if suffix in JPEG2000 else []
    found = next((p for p in (beside(path, name) for name in [*names, f"{path.stem}.LBL"]) if p is not None), None)
    if suffix in (".img", *JPEG2000):
        return found
    return None


def read_label(path: Path) -> Label:
    """Read a PDS3 label; raises `DemUnreadable` if the file is not one."""
    with path.open("rb") as file:
        raw = file.read(LONGEST_LABEL)
    end = re.search(rb"^\s*END\s*$", raw, re.MULTILINE)
    text = raw[: end.start() if end else len(raw)].decode("latin-1")
    if "PDS_VERSION_ID" not in text[:2048] and "^IMAGE" not in text:
        raise DemUnreadable(f"{path}: not a PDS3 label; allowed: a text that starts with PDS_VERSION_ID = PDS3.")
    values: dict[str, str] = {}
    inside: list[str] = []
    for match in _VALUE.finditer(_COMMENT.sub("", text)):
        key, value = match.group(1), match.group(2)
        if key in ("OBJECT", "GROUP"):
            inside.append(value)
        elif key in ("END_OBJECT", "END_GROUP"):
            inside = inside[:-1]
        else:
            values.setdefault(key, value)
            if inside:
                values.setdefault(f"{inside[-1]}.{key}", value)
    return Label(path, values)
