"""A chunk of a stream: ids, rows and ratings that come in, or none of them."""

from dataclasses import dataclass

import numpy as np

from .identifiers import Identifiers
from .model import Model
from .seen import Seen
from .solve import visit_chunk

# A deviation of this share of the mean is none.
ROUNDING = 1e-7


@dataclass(frozen=True)
class Moments:
    """Weight, mean and sum of squared deviations of all ratings so far."""

    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    def seen(self, y, weights):
        """The same with these ratings."""
        if len(y) == 1:
            weight, mean, squares = 1.0 if weights is None else float(weights[0]), float(y[0]), 0.0
        else:
            weight = float(len(y) if weights is None else weights.sum())
            mean = float(np.average(y, weights=weights))
            squares = weight * float(np.average((y - mean) ** 2, weights=weights))
        total, apart = self.weight + weight, mean - self.mean
        squares += self.squares + apart * apart * self.weight * weight / total
        return Moments(total, self.mean + apart * weight / total, squares)

    @property
    def deviation(self):
        """The deviation; where there is none but rounding the size of the mean, or 1."""
        if self.squares > self.weight * (ROUNDING * self.mean) ** 2:
            return (self.squares / self.weight) ** 0.5
        return abs(self.mean) or 1.0


@dataclass
class ChunkLearner:
    """What a chunk changes; all of it, or, where it fails, nothing."""

    users: Identifiers
    items: Identifiers
    seen: Seen
    model: Model

    def learn(self, method, rates, ratings):
        """Visit the ratings in their order."""
        model = self.model
        n_users, n_items, n_logged = self.users.n, self.items.n, self.seen.n_logged
        mean, rows = model.mean, (model.users, model.items)
        try:
            start = method.start
            if not model.fits(method):
                model.move_to(method, start)
            users, items = self.users.add(ratings.users), self.items.add(ratings.items)
            model.users.add(self.users.n, start)
            model.items.add(self.items.n, start)
            if model.t == 0 and model.running is None and method.has_constant:
                model.mean = method.loss.constant(ratings.y, ratings.weights, method.n_negatives)
            n_logged = self.seen.log(users, items, self.users.n)
            weights = ratings.weights
            visit_chunk(
                model,
                method,
                rates,
                users,
                items,
                ratings.y.astype(method.dtype),
                None if weights is None else weights.astype(method.dtype),
                self.seen.arrays(),
            )
        except BaseException:
            self.seen.forget_from(n_logged)
            self.users.forget_from(n_users)
            self.items.forget_from(n_items)
            model.users, model.items = rows  # another rule may have moved into new ones
            model.users.n, model.items.n, model.mean = n_users, n_items, mean
            raise
