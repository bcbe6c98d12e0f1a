"""The slow twin of the ranking losses: pair after pair, in plain Python.

    x = b_i - b_j + <p, q_i - q_j>;  the three rows move by the slope l' of the cost in x:
    p <- step(p, s (l' (q_i - q_j) + alpha p)),  q_i <- step(q_i, s (l' p + alpha q_i)),
    q_j <- step(q_j, s (-l' p + alpha q_j)), and so the items' biases, from the rows as they were.
"""

from math import exp, floor, log, log1p

from reference_factorization import Twin, draw_negative


class PairTwin(Twin):
    """Users and items whose ratings say which item the user chose."""

    def score(self, user, item):
        return self.items[item].b[0] + self.users[user].p @ self.items[item].p

    def move(self, user, item, other, slope, s, rate):
        p, q, w = self.users[user], self.items[item], self.items[other]
        met = p.p.copy()
        bias, rate_of_bias = p.b, self.bias_rate
        self.bias_rate = 0.0  # the user's bias is in no x
        p.move(slope, q.p - w.p, s, rate, self)
        self.bias_rate, p.b = rate_of_bias, bias
        q.move(slope, met, s, rate, self)
        w.move(-slope, met, s, rate, self)

    def visit_pairs(self, loss, ratings, rates, *, draws, seed, seen, drawn_from, first_update=1):
        """Ratings (user, item, s) in their order; the sum of s_i loss_i."""
        total = 0.0
        for i, ((user, item, s), rate) in enumerate(zip(ratings, rates)):
            for which in range(draws):
                other = draw_negative(seed, first_update + i, which, drawn_from(i), seen[user])
                if other is None:
                    continue
                x = self.score(user, item) - self.score(user, other)
                if loss == "bpr":
                    total += s * log1p(exp(-x))
                    self.move(user, item, other, -1 / (1 + exp(x)), s, rate)
                elif x < 1.0:
                    n = len(self.items)
                    weight = log(max(1, floor((n - 1) / (which + 1)))) / log(n)
                    total += s * weight * (1.0 - x)
                    if weight > 0.0:
                        self.move(user, item, other, -weight, s, rate)
                    break
        return total
