"""What estimators are called in a picture: by what tells them apart."""

from sklearn.base import BaseEstimator, clone

LONGEST = 60


def inner(estimator):
    """The estimator that learns: the last step of a pipeline, the best one of a search."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


def behind_pipeline(estimator, X, y):
    """The last step of a pipeline, and X as it sees it, of clones of the steps before."""
    return behind_pipeline_with_names(estimator, X, y)[:2]


def behind_pipeline_with_names(estimator, X, y):
    """`behind_pipeline`, and what the steps call their columns; None where they do not say."""
    before = estimator[:-1] if hasattr(estimator, "steps") else ()
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if not len(before):
        return last, X, None
    before = clone(before)
    X = before.fit_transform(X, y)
    try:
        return last, X, list(before.get_feature_names_out())
    except (AttributeError, ValueError):  # a step of somebody's that has no names
        return last, X, None


def named(estimators):
    """(names, estimators) of a dict, of pairs (name, estimator), of a list or of one estimator."""
    if hasattr(estimators, "fit"):
        estimators = [estimators]
    if hasattr(estimators, "items"):
        estimators = list(estimators.items())
    estimators = list(estimators)
    if not estimators:
        raise ValueError("There must be an estimator at least. Got none.")
    pairs = [isinstance(entry, tuple) and len(entry) == 2 for entry in estimators]
    if all(pairs):
        names, estimators = zip(*estimators)
        return [str(name) for name in names], list(estimators)
    return names_of(estimators), estimators


def names_of(estimators):
    """A name for each: its class where classes differ, and the parameters that do within one.

    Numbers tell apart what has the same parameters.
    """
    learners = [inner(estimator) for estimator in estimators]
    alike = {}
    for learner in learners:
        alike.setdefault(type(learner), []).append(_shown(learner))
    differing = {cls: _differing(parameters) for cls, parameters in alike.items()}
    names = []
    for learner in learners:
        shown, cls = _shown(learner), type(learner)
        parts = [cls.__name__] if len(alike) > 1 else []
        parts += [
            short(shown[name]) if name == "optimizer" else f"{name}={short(shown[name])}"
            for name in differing[cls]
        ]
        names.append(", ".join(parts) or cls.__name__)
    repeated = {name for name in names if names.count(name) > 1}
    return [
        f"{name} ({1 + names[:i].count(name)})" if name in repeated else name
        for i, name in enumerate(names)
    ]


def _differing(parameters):
    """The names of parameters that are not the same in all, the optimizer first."""
    names = [name for name in parameters[0] if len({repr(one[name]) for one in parameters}) > 1]
    return sorted(names, key=lambda name: name != "optimizer")


def short(value):
    """A parameter's value as a label shows it: strings bare, long ones cut."""
    text = value if isinstance(value, str) else " ".join(repr(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _shown(estimator):
    """The parameters by name, an "auto" optimizer with what it has become."""
    if not isinstance(estimator, BaseEstimator):
        return {}
    shown = dict(estimator.get_params(deep=False))
    chosen = getattr(estimator, "optimizer_", None)
    if shown.get("optimizer") == "auto" and chosen is not None:
        shown["optimizer"] = f"auto ({chosen.name})"
    for ignored in ("verbose", "random_state", "n_jobs"):
        shown.pop(ignored, None)
    return shown
