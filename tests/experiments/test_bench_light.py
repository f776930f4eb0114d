"""The light bench: its tables, its doors, and the real shadows where the published table is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moonfleet.experiments.bench import terrain_light as bench
from moonfleet.experiments.errors import BenchError


def test_a_missing_table_says_where_it_must_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(bench.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(BenchError, match=r"LOLA_PSR_75S.csv: not there; MOONFLEET_REFERENCE must name the folder"):
        bench.published_regions()
    rows = ["9.0,1,-85.0,10.0,SP_1,1.0", "99.0,2,-83.0,10.0,SP_2,1.0", "30.0,3,-87.5,354.8,SP_3,1.0"]
    (tmp_path / bench.REGIONS_FILE).write_text("area,ID,latitude,longitude,PSR_ID,perimeter\n" + "\n".join(rows))
    assert bench.published_regions() == [("SP_3", 354.8, -87.5, 30.0), ("SP_1", 10.0, -85.0, 9.0)]
    assert bench.known_as("SP_3", 354.8, -87.5) == "Haworth"
    assert bench.known_as("SP_1", 10.0, -85.0) == "SP_1"


def test_the_table_of_shadows_is_markdown() -> None:
    table = bench.shadow_table([bench.Region("A", 1.0, -88.0, 100.0, 90.0), bench.Region("B", 2.0, -87.0, 10.0, 12.0)])
    lines = table.splitlines()
    assert lines[2] == "| A | 1.0 | -88.00 | 100.0 | 90.0 | -10.0 % |"
    assert lines[-1] == "| median of the 2 | | | | | 15.0 % |"


def test_the_smooth_ground_goes_through_the_grids_heights() -> None:
    ground = bench.smooth_ground()
    assert ground.ref.cell_m == 800.0
    coarse = bench.regional_grid()
    back = ground.block_mean(2)
    inner = coarse.crop(*back.ref.bounds)
    assert inner.elevation_m.shape == back.elevation_m.shape
    assert np.median(np.abs(inner.elevation_m - back.elevation_m)) < 25.0


@pytest.mark.slow
def test_the_three_great_craters_are_as_dark_as_published(shared_data: Path) -> None:
    rows = bench.shadow(lambda _: None)
    assert len(rows) == 4
    assert all(row.ok for row in rows), [(row.what, row.value) for row in rows]
