"""A window that shows pictures: ``render_mode="human"``. matplotlib, of the [viz] extra, is loaded when it is first used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import EnvDisplayError, missing_extra

DPI = 100
MOST = 9  # pictures side by side


class Window:
    """One window; it opens with the first picture and follows the size of the picture.

    Raises
    ------
    EnvExtraError
        matplotlib is not installed.
    EnvDisplayError
        There is no display, and no backend was chosen that needs none (``MPLBACKEND=Agg`` draws unseen).
    """

    def __init__(self, title: str) -> None:
        self.title = title
        try:
            self._pyplot: Any = importlib.import_module("matplotlib.pyplot")
        except ImportError as error:
            raise missing_extra("render_mode='human'", "matplotlib", "viz") from error
        matplotlib = importlib.import_module("matplotlib")
        if matplotlib.get_backend(auto_select=False) is None and no_display(sys.platform, os.environ):
            raise EnvDisplayError(
                "render_mode: 'human' needs a display and found none; use 'rgb_array', or MPLBACKEND=Agg to draw unseen."
            )
        self._unseen = str(matplotlib.get_backend()).lower() == "agg"
        self._figure: Any = None
        self._image: Any = None

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture uint8 [H, W, 3]; a window that was closed by hand opens again."""
        if self._figure is None or not self._pyplot.fignum_exists(self._figure.number):
            self._open(picture)
        figure: Any = self._figure
        height, width = picture.shape[:2]
        figure.set_size_inches(width / DPI, height / DPI)
        self._image.set_data(picture)
        self._image.set_extent((0, width, height, 0))
        figure.canvas.draw()
        figure.canvas.flush_events()

    def close(self) -> None:
        """Close the window; closing twice does no harm."""
        if self._figure is not None:
            self._pyplot.close(self._figure)
            self._figure = self._image = None

    def pixels(self) -> NDArray[np.uint8]:
        """Return what the window shows, uint8 [H, W, 3]; only of one that draws unseen (Agg)."""
        return np.asarray(self._figure.canvas.buffer_rgba())[..., :3].copy()

    def _open(self, picture: NDArray[np.uint8]) -> None:
        """Make the figure."""
        height, width = picture.shape[:2]
        self._figure = self._pyplot.figure(num=self.title, figsize=(width / DPI, height / DPI), dpi=DPI, clear=True)
        axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        self._image = axes.imshow(picture, interpolation="nearest", aspect="auto")
        if not self._unseen:
            self._pyplot.show(block=False)


def no_display(platform: str, environ: Mapping[str, str]) -> bool:
    """Return whether windows cannot be shown: on Linux without X or Wayland."""
    return platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def tiled(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return pictures uint8 [H, W, 3] of one size side by side, in about as many rows as columns."""
    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    out = np.zeros((rows * height, columns * width, 3), np.uint8)
    for k, picture in enumerate(pictures):
        row, col = divmod(k, columns)
        out[row * height : (row + 1) * height, col * width : (col + 1) * width] = picture
    return out
