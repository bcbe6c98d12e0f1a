"""What the tests of displays share."""

from itertools import pairwise

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np


def covered(ax):
    """The labels of the lines that the legend of these axes lies on."""
    ax.figure.canvas.draw()
    legend = ax.get_legend()
    if legend is None:
        return []
    box, inside = legend.get_window_extent(), ax.get_window_extent()
    overlapping = []
    for line in ax.lines:
        points = line.get_transform().transform(line.get_xydata())
        points = points[np.isfinite(points).all(axis=1)]
        for one, other in pairwise(points):
            along = one + np.linspace(0, 1, 200)[:, None] * (other - one)
            on_legend = (box.min < along).all(axis=1) & (along < box.max).all(axis=1)
            on_axes = (inside.min <= along).all(axis=1) & (along <= inside.max).all(axis=1)
            if (on_legend & on_axes).any():
                overlapping.append(line.get_label())
                break
    return overlapping


def is_within_figure(artist):
    """Whether all of an artist is in the picture."""
    figure = artist.figure
    figure.canvas.draw()
    box = artist.get_window_extent()
    return bool((box.min >= -1).all() and (box.max <= figure.bbox.max + 1).all())


__all__ = ["covered", "is_within_figure", "plt"]
