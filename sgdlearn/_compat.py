"""All that sgdlearn takes from scikit-learn that is private, or newer than 1.6.

Nothing else in the package may import such a name, so a new release of
scikit-learn can break no other file.
"""

from functools import cache

from sklearn import __version__ as sklearn_version
from sklearn import get_config
from sklearn.utils import _param_validation
from sklearn.utils._param_validation import (
    Interval,
    make_constraint,
    validate_parameter_constraints,
)

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    HAS_CALLBACKS = True
except ImportError:  # scikit-learn < 1.9
    HAS_CALLBACKS = False

    class _SilentContext:
        """The callback context of an estimator that has no callbacks."""

        def subcontext(self, **_):
            return self

        def call_on_fit_task_begin(self, **_):
            pass

        def call_on_fit_task_end(self, **_):
            return False

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin where that does not exist."""

        def set_callbacks(self, *callbacks):
            """Callbacks need scikit-learn 1.9 or newer.

            Parameters
            ----------
            *callbacks : callback instances
                Not taken.

            Raises
            ------
            NotImplementedError
            """
            raise NotImplementedError(
                f"{type(self).__name__}.set_callbacks needs scikit-learn >= 1.9 "
                f"(this is scikit-learn {sklearn_version})."
            )

        def _init_callback_context(self, **_):
            return _SilentContext()

    def with_callbacks(method):
        """There is nothing to tear down where there are no callbacks."""
        return method


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupportMixin",
    "Interval",
    "KeepsParameterNames",
    "StrOptions",
    "has_callbacks",
    "validate_parameters",
    "with_callbacks",
]


class StrOptions(_param_validation.StrOptions):
    """One of these strings; unlike scikit-learn's, its message lists them as they were given."""

    def __init__(self, *options):
        super().__init__(set(options))
        self.as_given = options

    def __str__(self):
        return f"a str among {{{', '.join(map(repr, self.as_given))}}}"


class KeepsParameterNames:
    """Mixin: looked up once for each class; it takes as long as some passes over few rows."""

    @classmethod
    @cache
    def _get_param_names(cls):
        return super()._get_param_names()


def has_callbacks(estimator):
    """Whether any callback was set on the estimator."""
    return hasattr(estimator, "_skl_callbacks")


def validate_parameters(estimator):
    """Check each parameter against its entry in ``estimator._parameter_constraints``.

    The error names the parameter, its value and what is allowed. Nothing is
    checked under ``sklearn.config_context(skip_parameter_validation=True)``.
    """
    if get_config()["skip_parameter_validation"]:
        return
    parameters = estimator.get_params(deep=False)
    for name, allowed in _constraints(type(estimator)):
        if name in parameters and not any(k.is_satisfied_by(parameters[name]) for k in allowed):
            break
    else:
        return
    validate_parameter_constraints(
        estimator._parameter_constraints, parameters, caller_name=type(estimator).__name__
    )


@cache
def _constraints(cls):
    """(parameter, what it may be) of a class of estimators, made once: that takes far longer."""
    return [
        (name, [make_constraint(kind) for kind in allowed])
        for name, allowed in cls._parameter_constraints.items()
        if allowed != "no_validation"
    ]
