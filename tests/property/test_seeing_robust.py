"""Whatever is given to the detectors, to ``see`` and to its command: a typed error or an answer, and not a word on stderr."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from moonfleet.autonomy.craters_seen import detect_craters
from moonfleet.autonomy.errors import ImageError
from moonfleet.autonomy.rocks_seen import detect_rocks
from moonfleet.experiments.bench import fuzz_pictures as fuzz
from moonfleet.experiments.bench import fuzz_runs
from moonfleet.experiments.errors import PictureError
from moonfleet.experiments.picture import opened_picture
from moonfleet.experiments.see import SeeOptions, see
from tests.experiments.pictures import put

QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-360.0, 360.0)
SHAPES = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=40) | st.tuples(
    st.integers(32, 70), st.integers(32, 70)
)
FILLED = st.sampled_from([np.uint8, np.uint16, np.float32, np.float64, np.int16, np.bool_, np.complex64]).flatmap(
    lambda dtype: arrays.arrays(dtype, SHAPES, fill=st.nothing() if dtype == np.bool_ else None)
)


@given(image=FILLED, az=NUMBERS, el=NUMBERS, cell=NUMBERS)
@QUICK
def test_detectors_answer_or_say_what_is_wrong(image: np.ndarray, az: float, el: float, cell: float) -> None:
    before = image.copy()
    for detector in (
        lambda: detect_rocks(image, cell, az, el, min_confidence=0.0).confidence,
        lambda: detect_craters(image, az, el, cell, min_confidence=0.0).confidence,
        lambda: detect_craters(image).confidence,
    ):
        try:
            confidence = detector()
        except ImageError:
            continue
        assert ((confidence >= 0.0) & (confidence <= 1.0)).all()
    assert np.array_equal(image, before, equal_nan=image.dtype.kind in "fc"), "pictures are left as they are"


@pytest.mark.parametrize("which", fuzz_runs.RUNS)
def test_bad_pictures(which: str) -> None:
    count = 60 if which in ("rocks", "craters") else 110
    # In a process of their own: here, Ray's threads and what other tests left behind may speak or warn at any time.
    outcomes = {(name, end) for name, ends in fuzz_runs.run_apart(which, 0, count).items() for end in ends}
    assert {end for _, end in outcomes} == {fuzz_runs.ANSWER, fuzz_runs.TYPED}, outcomes


LOOSE_ENDS = ("a.tif", "deep.tif", "colour.tif", "a.jpg", "colour.jpg", "steps.jpg")  # their last bytes hold no pixel


@pytest.mark.parametrize("name", fuzz.whole_files())
def test_no_cut_goes_unnoticed(name: str, tmp_path: Path) -> None:
    data = fuzz.whole_files()[name]
    path = tmp_path / name
    path.write_bytes(data)
    whole = see(path)
    assert whole.cols == 64
    rng = fuzz.stream(1, "cuts")
    for end in (0, 1, 3, len(data) - 2, len(data) - 1, *rng.integers(4, len(data) - 2, 8)):
        path.write_bytes(data[:end])
        if end > len(data) - 5 and name in LOOSE_ENDS:
            continue
        with pytest.raises(PictureError):
            see(path)


@given(image=arrays.arrays(np.uint8, (40, 44), elements=st.sampled_from([0, 1, 100, 254, 255])))
@QUICK
def test_written_and_read_back(image: np.ndarray, tmp_path: Path) -> None:
    for name in ("a.png", "a.pgm", "a.tif"):
        with opened_picture(put(tmp_path / name, image)) as picture:
            grey, known = picture.read(0, 40)
        assert known.all()
        assert np.array_equal(grey, image)


def test_a_plain_picture_has_nothing_in_it(tmp_path: Path) -> None:
    row, col = np.mgrid[:96, :96]
    plain = {
        "black": 0 * row,
        "white": 0 * row + 255,
        "grey": 0 * row + 100,
        "ramp": 50 + row,
        "step": np.where(col < 48, 60, 160),
    }
    for name, image in plain.items():
        seen = see(put(tmp_path / "a.png", image.astype(np.uint8)), SeeOptions(45.0, 10.0, 0.1, min_confidence=0.5))
        assert seen.rocks is not None
        assert seen.craters is not None
        assert (len(seen.rocks.row), len(seen.craters.row)) == (0, 0), name


def test_sizes_are_checked_before_anything_is_decoded(tmp_path: Path) -> None:
    """Headers that promise 4 GB and more, in files of some hundred bytes."""
    path = tmp_path / "a.png"
    head = fuzz.struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = fuzz._chunk(b"IHDR", head) + fuzz._chunk(b"IDAT", fuzz.zlib.compress(bytes(100))) + fuzz._chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(PictureError, match="60000 x 60000 px; sides may be up to 20000 px"):
        see(path)
    (tmp_path / "a.pgm").write_bytes(b"P5 999999999 999999999 65535\n")
    with pytest.raises(PictureError, match="cut short"):
        see(tmp_path / "a.pgm")


def test_a_jpeg_that_decodes_half_grey_elsewhere_is_refused(tmp_path: Path) -> None:
    """OpenCV reads such a file, with a word on stderr at most."""
    rng = fuzz.stream(2, "half a picture")
    image = cv2.GaussianBlur(rng.integers(0, 255, (200, 200)).astype(np.uint8), (0, 0), 1.5)
    data = put(tmp_path / "a.jpg", image).read_bytes()
    path = tmp_path / "half.jpg"
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")  # and with an end mark that says that all is well
    assert cv2.imread(str(path)) is not None
    with pytest.raises(PictureError, match="damaged or cut short"):
        see(path)
