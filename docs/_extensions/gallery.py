"""The order of the examples."""

# From what everyone needs to what few do; those that are not named come last.
ORDER = [
    "quickstart.py",
    "plot_loss_curves.py",
    "plot_scaling.py",
    "plot_learning_rate.py",
    "plot_schedules.py",
    "plot_batch_size.py",
    "plot_contours.py",
    "plot_momentum.py",
    "plot_digits.py",
    "plot_losses.py",
    "plot_text.py",
    "plot_imbalanced.py",
    "plot_quantiles.py",
    "plot_drift.py",
    "plot_same_model.py",
    "plot_l1_path.py",
    "plot_early_stopping.py",
    "plot_grid_search.py",
    "plot_recommend.py",
    "plot_policy_gradient.py",
    "plot_mixture.py",
    "plot_custom_loss.py",
]


class Order:
    """A sort key, as sphinx-gallery wants it."""

    def __init__(self, folder):
        pass

    def __call__(self, name):
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)

    def __repr__(self):
        return "Order"
