"""
A policy-gradient agent
=======================

The optimizers need not know of rows and targets. Here Adam trains an agent that walks a grid: it
tries, looks at the reward, and makes what went well more likely (REINFORCE, Williams 1992). The
training loop is our own; ``init`` and ``update`` are all that is asked of the optimizer.
"""

# %%
# From the corner to the goal, round two walls. Each step costs 1; the goal brings 20, and the pit
# costs 20 and ends the walk.

import matplotlib.pyplot as plt
import numpy as np

from sgdlearn.optimizers import SGD, Adam

MAP = ["S...", ".##.", "...P", ".#..", "...G"]
HEIGHT, WIDTH = len(MAP), len(MAP[0])
MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])


def step(place, move):
    """The next place, the reward, and whether the walk is over."""
    row, column = np.add(place, MOVES[move])
    inside = 0 <= row < HEIGHT and 0 <= column < WIDTH
    place = (row, column) if inside and MAP[row][column] != "#" else place
    cell = MAP[place[0]][place[1]]
    return place, {"G": 20.0, "P": -20.0}.get(cell, 0.0) - 1.0, cell in "GP"


def policy(logits):
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def walk(logits, rng, longest=40):
    """Places, moves and the rewards of one walk."""
    place, walked = (0, 0), []
    for _ in range(longest):
        move = np.searchsorted(np.cumsum(policy(logits[place])), rng.random())
        following, reward, over = step(place, min(move, 3))
        walked.append((place, min(move, 3), reward))
        place = following
        if over:
            break
    return walked


# %%
# The gradient of the expected reward, estimated from a few walks: each move is made more likely by
# the reward that came after it, compared with what came on average.


def gradient(logits, walks, baseline):
    total = np.zeros_like(logits)
    for walked in walks:
        after = np.cumsum([reward for _, _, reward in walked][::-1])[::-1]
        for (place, move, _), reward in zip(walked, after):
            slope = -policy(logits[place])
            slope[move] += 1.0
            total[place] -= (reward - baseline[place]) * slope
    return total / len(walks)


def train(rule, rate, n_updates=150, seed=0):
    rng = np.random.default_rng(seed)
    logits = np.zeros((HEIGHT, WIDTH, 4))
    baseline = np.zeros((HEIGHT, WIDTH))
    state = rule.init(logits)
    rewards = []
    for _ in range(n_updates):
        walks = [walk(logits, rng) for _ in range(8)]
        logits, state = rule.update(logits, gradient(logits, walks, baseline), state, rate)
        for walked in walks:
            after = np.cumsum([reward for _, _, reward in walked][::-1])[::-1]
            for (place, _, _), reward in zip(walked, after):
                baseline[place] += 0.05 * (reward - baseline[place])
        rewards.append(np.mean([sum(reward for _, _, reward in walked) for walked in walks]))
    return logits, np.array(rewards)


runs = {"adam, rate 0.1": (Adam(), 0.1), "sgd, rate 0.1": (SGD(), 0.1), "sgd, 0.01": (SGD(), 0.01)}
figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4.4), layout="constrained", width_ratios=(1.5, 1)
)
for (name, (rule, rate)), style in zip(runs.items(), ("-", "--", "-.")):
    curves = np.array([train(rule, rate, seed=seed)[1] for seed in range(3)])
    smooth = np.convolve(curves.mean(axis=0), np.ones(10) / 10, mode="valid")
    left.plot(np.arange(10, len(smooth) + 10), smooth, style, linewidth=2, label=name)
left.axhline(20 - 7, color="grey", linestyle=":")
left.text(60, 13.4, "the shortest way", color="grey", fontsize="small")
left.set_ylim(top=17)
left.set(xlabel="updates (8 walks each)", ylabel="reward of a walk, mean of 10 updates and 3 runs")
left.legend(loc="lower right")

# sphinx_gallery_defer_figures

# %%
# What the agent has learnt: arrows as long as a move is likely. It keeps away from the pit; of
# places where it never goes any more it knows little.

logits, _ = train(Adam(), 0.1)
shares = policy(logits)
for row in range(HEIGHT):
    for column in range(WIDTH):
        cell = MAP[row][column]
        if cell == "#":
            right.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, color="0.3"))
        elif cell in "GP":
            right.text(column, row, {"G": "goal", "P": "pit"}[cell], ha="center", va="center")
        else:
            right.quiver(
                [column] * 4, [row] * 4, MOVES[:, 1] * shares[row, column],
                -MOVES[:, 0] * shares[row, column], angles="uv", scale=2.2, scale_units="xy",
                width=0.012, color="C0",
            )  # fmt: skip
right.text(-0.42, -0.3, "start", fontsize="small")
right.set(xlim=(-0.5, WIDTH - 0.5), ylim=(HEIGHT - 0.5, -0.5), aspect="equal")
right.set(xticks=np.arange(WIDTH) - 0.5, yticks=np.arange(HEIGHT) - 0.5)
right.set(xticklabels=(), yticklabels=())
right.grid(alpha=0.5)
