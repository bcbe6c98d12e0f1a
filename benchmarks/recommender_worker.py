"""One recommender asked one thing, in a process of its own: its threads and crashes stay there.

``python -m benchmarks.recommender_worker REQUEST`` (JSON) writes its answer, JSON too, to a file.
"""

import json
import sys
import threading
import warnings
from time import perf_counter, sleep

import numpy as np

from benchmarks.recommender_sides import SIDES, libmf_seconds, ours
from benchmarks.worker import CLOCKS


def fit_seconds(side, train, settings, clock=perf_counter):
    """Seconds of a fit, and the model."""
    users, items, y = train
    if side == "LIBMF":
        return libmf_seconds(users, items, y, clock=clock, **settings)
    if side == "sgdlearn":  # the arrays of both sides come ready made: pairs are one array here
        X = np.column_stack([users, items])
        named = {"n_factors": "k", "max_iter": "epochs", "n_jobs": "threads"}
        given = {name: settings[key] for name, key in named.items()}
        rest = {k: v for k, v in settings.items() if k not in (*named.values(), "shape")}
        model = ours(**given, **rest)
        begin = clock()
        model.fit(X, y)
        return clock() - begin, model
    begin = clock()
    model = SIDES[side](users, items, y, **settings)
    return clock() - begin, model


def predictions(model, users, items):
    if hasattr(model, "predict"):
        return model.predict(np.column_stack([users, items]))
    P, Q, b, c, mean = model
    z = np.empty(len(users))
    for start in range(0, len(users), 1 << 16):
        part = slice(start, start + (1 << 16))
        z[part] = np.einsum("ij,ij->i", P[users[part]], Q[items[part]])
    return z + b[users] + c[items] + mean


def rmse(model, test):
    users, items, y = test
    return float(np.sqrt(np.mean((predictions(model, users, items) - y) ** 2)))


def epoch_seconds(request, train, test):
    """Seconds an epoch, without the set-up: a long fit less a short one, the least of each.

    A short one that does not count comes first, with imports and memory that is new.
    """
    few, many = request["epochs"]
    clock = CLOCKS[request["clock"]]

    def seconds(epochs):
        settings = {**request["settings"], "epochs": epochs}
        return fit_seconds(request["side"], train, settings, clock)[0]

    seconds(few)
    least = [min(seconds(epochs) for _ in range(request["repeats"])) for epochs in (few, many)]
    return {"seconds": (least[1] - least[0]) / (many - few), "set_up": least[0]}


def levels(request, train, test):
    """Whole fits of rising numbers of epochs: seconds and held-out RMSE, until a level is met."""
    points = []
    few = [part[:1000] for part in train]
    fit_seconds(request["side"], few, {**request["settings"], "epochs": 1})  # imports
    for epochs in request["epochs"]:
        settings = {**request["settings"], "epochs": epochs}
        clock = CLOCKS[request["clock"]]
        seconds, model = fit_seconds(request["side"], train, settings, clock)
        points.append({"epochs": epochs, "seconds": seconds, "rmse": rmse(model, test)})
        if request.get("level") and points[-1]["rmse"] <= request["level"]:
            break
    return {"points": points}


def errors(request, train, test):
    """Held-out RMSE of one fit."""
    return {"rmse": rmse(fit_seconds(request["side"], train, request["settings"])[1], test)}


def ranks(request, train, test):
    """The ranking metrics of one fit, every user's training items left out."""
    from scipy import sparse

    from sgdlearn import metrics

    shape = request["settings"]["shape"]
    P, Q, _, c, _ = SIDES[request["side"]](*train, **request["settings"])
    scores = np.asarray(P) @ np.asarray(Q).T + np.asarray(c)
    held_out, seen = (
        sparse.csr_matrix((np.ones(len(part[0])), (part[0], part[1])), shape=shape)
        for part in (test, train)
    )
    values = {
        name: getattr(metrics, f"{name}_at_k")(held_out, scores, k=10, seen=seen)
        for name in ("ndcg", "precision", "recall", "map")
    }
    return values | {"auc": metrics.auc(held_out, scores, seen=seen)}


def memory(request, train, test):
    """The most that a fit takes on top of its input, in bytes of resident memory."""
    X = np.column_stack(train[:2])
    y = train[2]
    settings = request["settings"]
    model = ours(n_factors=settings["k"], max_iter=1, n_jobs=settings["threads"])
    ours(n_factors=8, max_iter=1).fit(X[:1000], y[:1000])  # imports
    most, done = [0], threading.Event()

    def watch():
        while not done.is_set():
            most[0] = max(most[0], resident())
            sleep(0.002)

    before = resident()
    watcher = threading.Thread(target=watch)
    watcher.start()
    model.fit(X, y)
    done.set()
    watcher.join()
    return {"peak": most[0] - before, "kept": resident() - before}


def resident():
    """Bytes of memory that the process holds (Linux)."""
    with open("/proc/self/statm") as file:
        return 4096 * int(file.read().split()[1])


ASKED = {f.__name__: f for f in (epoch_seconds, levels, errors, ranks, memory)}


def main(request):
    warnings.simplefilter("ignore")
    with np.load(request["data"]) as parts:
        train, test = (
            [parts[f"{part}_{name}"] for name in ("users", "items", "y")]
            for part in ("train", "test")
        )
    try:
        answer = ASKED[request["ask"]](request, train, test)
    except ImportError as error:
        answer = {"note": f"not installed ({error})"}
    with open(request["answer"], "w") as out:
        json.dump(answer, out)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
