"""The observation's layout: complete, named, reversible, bounded."""

from __future__ import annotations

import numpy as np

from moonfleet.autonomy import observation as layout


def test_parts_tile_the_vector_and_names_are_unique() -> None:
    stops = [layout.OWN, layout.FORECAST, layout.JOBS, layout.OTHERS]
    assert stops[0].start == 0
    assert [s.stop for s in stops] == [*[s.start for s in stops[1:]], layout.SIZE]
    assert len(layout.INDEX) == layout.SIZE
    assert layout.INDEX["jobs[3].value"] == layout.job_slot(3).start + layout.JOB_COLUMN["value"]
    assert layout.INDEX["others[7].age"] == layout.other_slot(7).stop - 1
    assert layout.N_ACTIONS == 5 + layout.K_JOBS == len(layout.ACTION_NAMES)
    assert layout.ACTION_NAMES[layout.JOB0 + 2] == "job2"


def test_encode_is_bounded_float32_and_reversible_inside_the_bounds() -> None:
    rng = np.random.default_rng(0)
    low = layout.LOW * layout.SCALE + layout.OFFSET
    high = layout.HIGH * layout.SCALE + layout.OFFSET
    physical = low + rng.random((7, layout.SIZE)) * (high - low)
    stored = layout.encode(physical)
    assert stored.dtype == np.float32
    np.testing.assert_allclose(layout.decode(stored), physical, rtol=1e-5, atol=1e-3)
    wild = np.full(layout.SIZE, np.inf)
    assert (layout.encode(wild) == layout.HIGH).all()
    assert (layout.encode(-wild) == layout.LOW).all()
    assert np.isfinite(layout.encode(np.full(layout.SIZE, np.nan))).all()


def test_blank_knows_nothing() -> None:
    row = layout.blank(2, 3)
    assert row.shape == (2, 3, layout.SIZE)
    stored = layout.encode(row)
    assert stored[0, 0, layout.INDEX["own.temp"]] == 0.0
    assert stored[0, 0, layout.INDEX["forecast.earth_link_in"]] == 10.0
    assert not stored[..., layout.JOBS].any()


def test_the_table_names_every_column_once() -> None:
    table = layout.column_table().splitlines()
    assert len(table) == 2 + layout.JOBS.start + layout.JOB_WIDTH + layout.OTHER_WIDTH
    assert any("`jobs[k].value`" in line for line in table)
