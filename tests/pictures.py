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


def are_within_figure(artists):
    """Whether all of some artists is in the picture."""
    figure = artists[0].figure
    figure.canvas.draw()
    boxes = [artist.get_window_extent() for artist in artists]
    limit = figure.bbox.max + 1
    return all((box.min >= -1).all() and (box.max <= limit).all() for box in boxes)


__all__ = ["are_within_figure", "covered", "plt"]
