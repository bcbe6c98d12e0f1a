"""Seconds of the whole fit to relative suboptimality 1e-2, 1e-3, 1e-4, 1e-6 of the same objective.

sgdlearn with defaults (a tighter tol only where the default does not reach a level), every peer
with its own sweep of tolerances: the least seconds among the fits that reach the level. Each side
runs in a process of its own, with the threads stated, of which it is told by the usual environment
variables; no intercept. A ratio under 1: sgdlearn, on the two threads that are its default on two
cores, is ahead of the fastest peer, on whichever number of threads that is fastest.
"""

import argparse
import json
import os
import subprocess
import sys
from math import inf, isfinite, nan
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.problems import PROBLEMS
from benchmarks.sides import SIDES
from benchmarks.worker import CLOCKS, load, save

LEVELS = (1e-2, 1e-3, 1e-4, 1e-6)
OURS = "sgdlearn"
RESULTS = Path(__file__).parent / "results"
# Another Python for the peers, where they need other versions than sgdlearn has.
PEERS_PYTHON = "SGDLEARN_PEERS_PYTHON"
THREAD_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run(*arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks optimum")
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(PROBLEMS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows of the data")
    parser.add_argument("--seed", type=int, default=20, help="of the data")
    parser.add_argument("--rounds", type=int, default=1, help="times all sides are run in turn")
    parser.add_argument(
        "--budget", type=float, default=60.0, help="seconds after which a side begins no new fit"
    )
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: seconds of all threads together, for a machine that others use",
    )
    parser.add_argument(
        "--relative-to",
        choices=("optimum", "start"),
        default="optimum",
        help="(F - F*) / F*, or (F - F*) / (F(0) - F*)",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.rows) - set(PROBLEMS)
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(PROBLEMS)}")
    summary = [table(name, options) for name in options.rows or PROBLEMS]
    print(
        f"\n{f'sgdlearn / fastest peer, {options.clock}':<32}"
        + "".join(f"{level:>9.0e}" for level in LEVELS)
    )
    for line in summary:
        print(line)


def table(name, options):
    """Measure and print one problem; its line of the summary is returned."""
    problem = PROBLEMS[name]
    sides = [(side, n) for side in (OURS, *problem.peers) for n in SIDES[side].threads]
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        save(data, *problem.data(options.scale, options.seed))
        known = optimum(name, data, options)
        points, notes = {side: [] for side in sides}, {side: [] for side in sides}
        for turn in range(options.rounds):
            for side in sides:
                told = fits(name, *side, data, known, options, footprint=turn == 0)
                points[side] += [line for line in told if "F" in line]
                notes[side] += [line for line in told if "F" not in line]
        X, y = load(data)
    least = min([known, *(point["F"] for of in points.values() for point in of)])
    remember(name, options, least)
    unit = least if options.relative_to == "optimum" else problem.at_zero(X, y) - least
    print(f"\n{name}: {problem.what}, {X.dtype}, {problem.loss}, {problem.penalty}", end=" ")
    print(f"alpha {problem.alpha:.3g}; {X.shape[0]} x {X.shape[1]}, F* = {least:.8g}")
    print(
        f"{f'{options.clock} seconds to':<24}{'threads':>7}"
        + "".join(f"{level:>9.0e}" for level in LEVELS)
    )
    times = {}
    for side in sides:
        times[side] = [reached(points[side], least + level * unit) for level in LEVELS]
        best = min((point["F"] for point in points[side]), default=nan) - least
        remark = "; ".join([f"best {best / unit:.0e}", *map(in_words, notes[side])])
        print(f"{side[0]:<24}{side[1]:>7}{''.join(map(figure, times[side]))}  {remark}")
    default = OURS, SIDES[OURS].threads[-1]
    ratios, fastest = [], []
    for i in range(len(LEVELS)):
        peer = min((side for side in sides if side[0] != OURS), key=lambda side: times[side][i])
        ratios.append(ratio(times[default][i], times[peer][i]))
        fastest.append("{} ({})".format(*peer) if times[peer][i] < inf else "no peer")
    print(f"{'sgdlearn / fastest peer':<31}{''.join(map(figure, ratios))}", flush=True)
    return f"{name:<32}{''.join(map(figure, ratios))}  {', '.join(dict.fromkeys(fastest))}"


def fits(
    name, side, threads, data, known, options, *, patience=1, footprint=False, tolerances=None
):
    """What the side's own process tells: points {tol, seconds, F}, and notes."""
    told = data.with_suffix(".jsonl")
    told.unlink(missing_ok=True)
    request = {
        "problem": name,
        "side": side,
        "threads": threads,
        "data": str(data),
        "points": str(told),
        "tolerances": tolerances or SIDES[side].tolerances,
        "optimum": None if known == inf else known,
        "budget": options.budget,
        "clock": options.clock,
        "footprint": footprint and side == OURS,
    }
    python = sys.executable if side == OURS else os.environ.get(PEERS_PYTHON, sys.executable)
    pools = dict.fromkeys(THREAD_POOLS, str(threads))
    trouble = []
    try:
        done = subprocess.run(
            [python, "-m", "benchmarks.worker", json.dumps(request)],
            env=os.environ | pools,
            cwd=RESULTS.parents[1],
            timeout=patience * 3 * options.budget + 30,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["nothing said"]
            trouble = [{"note": f"crashed, exit code {done.returncode}: {said[-1][:120]}"}]
    except subprocess.TimeoutExpired:
        trouble = [{"note": "stopped: over time"}]
    lines = told.read_text().splitlines() if told.exists() else []
    return [*map(json.loads, lines), *trouble]


def optimum(name, data, options):
    """F* as known from earlier runs, else by one long and tight run; inf where that failed."""
    known = optima().get(key(name, options))
    if known is None:
        side, tol = PROBLEMS[name].reference
        told = fits(name, side, 1, data, inf, options, patience=5, tolerances=[tol])
        known = min((line["F"] for line in told if "F" in line), default=inf)
    return known


def remember(name, options, least):
    if least == inf:
        return
    RESULTS.mkdir(exist_ok=True)
    known = optima() | {key(name, options): least}
    (RESULTS / "optima.json").write_text(json.dumps(known, indent=1))


def optima():
    path = RESULTS / "optima.json"
    return json.loads(path.read_text()) if path.exists() else {}


def key(name, options):
    return f"{name}, scale {options.scale:g}, seed {options.seed}"


def reached(points, level):
    return min((point["seconds"] for point in points if point["F"] <= level), default=inf)


def ratio(ours, theirs):
    return ours / theirs if max(ours, theirs) < inf else nan


def figure(value):
    return f"{value:>9.3g}" if isfinite(value) else f"{'-':>9}"


def in_words(line):
    if "note" in line:
        return line["note"]
    return f"{line['optimizer']}, memory on top of X {line['memory']:.0f} %"
