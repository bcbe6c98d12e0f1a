"""Two things timed in turn, A B A B ..., so that a drifting machine slows both alike."""

from statistics import median
from time import perf_counter, process_time


def seconds(function):
    begin = perf_counter()
    function()
    return perf_counter() - begin


def processor_seconds(function):
    """Of all threads together: what others do on the machine does not count."""
    begin = process_time()
    function()
    return process_time() - begin


def side_by_side(ours, theirs, repeats=5):
    """Median seconds of each, and the median of theirs / ours pair by pair."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(repeats)]
    return (
        median(a for a, _ in pairs),
        median(b for _, b in pairs),
        median(b / a for a, b in pairs),
    )
