"""What the displays share: axes, the looks of lines, legends that cover nothing.

Lines can be told apart without their colours: in print by dashes and markers, and by eyes that do
not see all colours because these are those of Okabe & Ito (2008, "Color universal design"), without
the yellow, which is too light for thin lines on white.
"""

from itertools import chain
from textwrap import wrap

import numpy as np

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
# As many dashes and markers as make no two of 7 * 5 * 8 lines alike.
DASHES = ("-", "--", "-.", (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P", "*")
GREY = "#6E6E6E"
# About so many markers on a line.
MARKS = 9
# Characters in a line of a legend, and its entries one below the other.
LABEL_WIDTH = 34
COLUMN = 22
# Points below which nobody reads.
LEAST_LETTERS = 4.0
# A log axis has labels between powers of ten where it spans no more of them.
FEW_DECADES = 1.5
# What figures leave for tick labels on the left of axes.
USUAL_INCHES = 0.6
LEGEND = {"fontsize": "small", "framealpha": 1.0, "edgecolor": "0.8", "handlelength": 3.2}


def require_matplotlib(caller):
    """Raise ImportError, saying who needs it, where matplotlib is not installed."""
    try:
        import matplotlib.pyplot  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which is not installed: pip install matplotlib"
        ) from error


def axes_for(ax, caller, figsize=(6.4, 4.2)):
    """The axes to draw in: `ax`, or those of a new figure."""
    require_matplotlib(caller)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def root(ax):
    """The figure that these axes are in, whatever subfigures lie between."""
    return ax.figure.figure


def look(i, *, dashed=True):
    """Colour, dashes and marker of line number i; solid where dashes mean something else.

    Where colours come again the markers are filled.
    """
    colour = COLOURS[i % len(COLOURS)]
    return {
        "color": colour,
        "linestyle": DASHES[i % len(DASHES)] if dashed else "-",
        "marker": MARKERS[i % len(MARKERS)],
        "markersize": 5,
        "linewidth": 1.5,
        "markerfacecolor": colour if i // len(COLOURS) % 2 else "white",
    }


def marks(n, i=0):
    """Which of n points carry a marker: a few, at other places on every line."""
    step = max(1, -(-n // MARKS))
    return (i * step // 3) % step, step


def scale_x(ax, scale):
    """A linear or log x axis; where the latter spans few powers, with short labels between them."""
    ax.set_xscale(scale)
    if scale != "log":
        return
    from matplotlib.ticker import FuncFormatter

    powers = ax.xaxis.get_major_formatter()

    def decades():
        low, high = np.log10(ax.get_xlim())
        return abs(high - low)

    def major(value, place=None):
        return powers(value, place) if decades() > FEW_DECADES else f"{value:g}"

    def minor(value, place=None):
        digit = round(value / 10.0 ** np.floor(np.log10(value)))
        shown = (2, 5) if decades() > 0.5 else range(1, 10)
        return f"{value:g}" if decades() <= FEW_DECADES and digit in shown else ""

    ax.xaxis.set_major_formatter(FuncFormatter(major))
    ax.xaxis.set_minor_formatter(FuncFormatter(minor))


def integer_ticks(ax):
    """Ticks of a linear x axis at whole numbers alone, however few there are."""
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def add_grid(ax):
    """Faint lines to read values by, behind all that is drawn."""
    ax.grid(True, which="major", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def add_legend(ax, handles=None, *, drawn=None, widen=False):
    """Put a legend where it covers no line: inside if there is room, else on the right of the axes.

    For that a figure of our own becomes wider, one that lays itself out makes the axes narrower,
    and so do we elsewhere; where that leaves too little of them the lines move down below it.

    Parameters
    ----------
    ax : matplotlib Axes
    handles : list of artists, default=None
        The entries; None are those of all labelled artists.
    drawn : list of artists, default=None
        What is not to be covered; None are all lines, bars and bands.
    widen : bool, default=False
        Whether the figure may become wider.

    Returns
    -------
    matplotlib Legend or None
        None where there is nothing to tell.
    """
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    if not handles:
        return None
    labels = [folded(handle.get_label()) for handle in handles]
    entries = {"handles": handles, "labels": labels, **LEGEND}
    _take_away_legend(ax)
    lay_out(ax)
    legend = ax.legend(**{**entries, "loc": "best"})
    if not _is_covering(ax, legend, chain(ax.lines, ax.collections) if drawn is None else drawn):
        return legend
    beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
    beside["ncols"] = -(-len(handles) // COLUMN)
    legend = _legend_at_most(ax, 0.9 * ax.figure.bbox.height, {**entries, **beside})
    if widen:
        figure = ax.figure
        width = figure.get_figwidth() + legend.get_window_extent().width / figure.dpi
        figure.set_figwidth(width)
        _keep_margins(ax)
    elif not make_room_beside(ax, [legend]):
        height = ax.get_window_extent().height
        legend = _legend_at_most(ax, 0.6 * height, {**entries, "loc": "upper right"})
        _make_room_above(ax, legend)
    return legend


def _legend_at_most(ax, height, entries):
    """A legend no higher than so many pixels, in smaller letters if need be."""
    legend = ax.legend(**entries)
    share = height / legend.get_window_extent().height
    if share < 1.0:
        size = legend.get_texts()[0].get_fontsize() * share
        legend = ax.legend(**{**entries, "fontsize": max(size, LEAST_LETTERS)})
    return legend


def _take_away_legend(ax):
    """Remove what an earlier picture has left, so that no room is made for it."""
    if ax.get_legend() is not None:
        ax.get_legend().remove()


def lay_out(ax):
    """Put the axes where they will be, as drawing does, but faster where there are many of them."""
    figure = root(ax)
    engine = figure.get_layout_engine()
    if engine is None:
        figure.draw_without_rendering()
    else:
        engine.execute(figure)


def folded(label, width=LABEL_WIDTH):
    """A label in lines of moderate length."""
    return "\n".join(wrap(label, width, break_long_words=False)) or label


def _is_covering(ax, legend, drawn):
    """Whether the legend lies on what is drawn, or takes most of the axes."""
    box = legend.get_window_extent()
    inside = ax.get_window_extent()
    if box.width > 0.6 * inside.width or box.height > 0.75 * inside.height:
        return True
    box = box.padded(6.0)
    paths = chain.from_iterable(map(_paths, drawn))
    return any(path.intersects_bbox(box, filled=False) for path in paths)


def _paths(artist):
    """The paths of lines, and of error bars and bands, in pixels."""
    if not artist.get_visible():
        return
    transform = artist.get_transform()
    paths = artist.get_paths() if hasattr(artist, "get_paths") else [artist.get_path()]
    for path in paths:
        yield transform.transform_path(path)


def make_room_beside(ax, artists):
    """Make the axes narrower by what stands beside them; False if that leaves too little.

    Figures that lay themselves out do so on their own.
    """
    figure = root(ax)
    if figure.get_layout_engine() is not None:
        _keep_margins(ax)
        return True
    figure.draw_without_rendering()
    box, pixels = ax.get_position(), ax.get_window_extent()
    extents = [artist.get_window_extent() for artist in artists]
    right = max(0.0, max(extent.x1 for extent in extents) + 6.0 - pixels.x1)
    usual = USUAL_INCHES * figure.dpi  # for tick labels
    left = max(0.0, pixels.x0 - usual - min(extent.x0 for extent in extents))
    left, right = left / ax.figure.bbox.width, right / ax.figure.bbox.width
    enough = box.width - left - right > 0.4 * box.width
    if enough:
        ax.set_position([box.x0 + left, box.y0, box.width - left - right, box.height])
        _keep_margins(ax)
    return enough


def _keep_margins(ax):
    """Tell a figure of one axes alone where they are: from there `tight_layout` would go on."""
    figure = root(ax)
    if figure.axes != [ax] or ax.figure is not figure:
        return
    lay_out(ax)
    box = ax.get_position()
    figure.subplotpars.update(left=box.x0, right=box.x1, bottom=box.y0, top=box.y1)


def _make_room_above(ax, legend):
    """Raise the upper end of the y axis, so that what is drawn stays below a legend at the top."""
    taken = (legend.get_window_extent().height + 12.0) / ax.get_window_extent().height
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(ax.get_ylim())
    high = low + (high - low) / (1.0 - min(taken, 0.7))
    ax.set_ylim(top=scale.inverted().transform(high))


def spread_labels(positions, gap):
    """Move the places of labels along an axis apart, until neighbours are `gap` from each other.

    They move as little as that takes: labels that would overlap are spread about their mean.
    """
    order = np.argsort(positions, kind="stable")
    groups = [[positions[i], 1] for i in order]  # (middle, number of labels)
    merged = []
    for group in groups:
        merged.append(group)
        while len(merged) > 1:
            (low, m), (high, n) = merged[-2:]
            if high - low >= gap * (m + n) / 2:
                break
            merged[-2:] = [[(low * m + high * n) / (m + n), m + n]]
    placed = np.empty(len(positions))
    places = [middle + gap * (j - (n - 1) / 2) for middle, n in merged for j in range(n)]
    placed[order] = places
    return placed
