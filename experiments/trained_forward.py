"""The arithmetic of a trained network: dense layers with tanh between them, row by row, the same bytes however many rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from moonfleet.terrain.kernel import kernel


@kernel
def forward(
    rows: NDArray[np.float32], weights: NDArray[np.float32], sizes: NDArray[np.int64], out: NDArray[np.float32]
) -> None:
    """Fill ``out`` [n, sizes[-1]] for ``rows`` [n, sizes[0]].

    ``weights`` holds, layer by layer, a matrix [inputs, outputs] and a bias [outputs], one after the other.
    """
    widest = sizes.max()
    one, two = np.empty(widest, np.float32), np.empty(widest, np.float32)
    for n in range(rows.shape[0]):
        one[: sizes[0]] = rows[n]
        at = 0
        for layer in range(sizes.size - 1):
            inputs, outputs = sizes[layer], sizes[layer + 1]
            bias = at + inputs * outputs
            for j in range(outputs):
                two[j] = weights[bias + j]
            for i in range(inputs):
                value, row = one[i], at + i * outputs
                for j in range(
                    outputs
                ):  # one row of the matrix at a time: adds in a fixed order, and still several at once
                    two[j] += value * weights[row + j]
            at = bias + outputs
            if layer < sizes.size - 2:
                for j in range(outputs):
                    two[j] = np.float32(math.tanh(two[j]))
            one, two = two, one
        out[n] = one[: sizes[sizes.size - 1]]
