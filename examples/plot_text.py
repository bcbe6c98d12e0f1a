"""
Text from a stream: hashing, FTRL, a sparse model
=================================================

Text that never ends, and a model that has to stay small: words are hashed into 2\\ :sup:`16`
columns, so no vocabulary is kept, and FTRL (McMahan et al. 2013) with an L1 penalty keeps exact
zeros while it learns. This is how large advertising systems predicted clicks.
"""

# %%
# The texts are generated: reviews of fifty made-up words, common ones far more often than rare
# ones, as in any language. A few hundred words are more frequent in good reviews, or in bad ones.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from sgdlearn import GDLogisticRegression

rng = np.random.default_rng(0)
syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
n_words = 20_000
words = dict.fromkeys("".join(rng.choice(syllables, rng.integers(2, 5))) for _ in range(30_000))
words = rng.permutation(list(words)[:n_words])
frequency = 1.0 / (np.arange(n_words) + 20.0)
tone = np.zeros(n_words)
loaded = rng.choice(5000, 400, replace=False)
tone[loaded] = rng.normal(size=400)


labels = rng.integers(0, 2, 8000)
cumulative = np.cumsum([frequency * np.exp(-tone), frequency * np.exp(tone)], axis=1)
reviews = [
    " ".join(words[np.searchsorted(mass, mass[-1] * rng.random(50))]) for mass in cumulative[labels]
]
print(reviews[0][:75], "...")

vectorizer = HashingVectorizer(n_features=2**16, alternate_sign=False)
X_test, y_test = vectorizer.transform(reviews[6000:]), labels[6000:]

# %%
# Chunks of 200 reviews are hashed, and learnt from once. ``alpha`` asks for more or fewer zeros.

models = {
    f"FTRL, L1, alpha = {a:g}": GDLogisticRegression(optimizer="ftrl", penalty="l1", alpha=a)
    for a in (1e-5, 1e-4, 5e-4)
}
models["SGDClassifier, L1, alpha = 0.0001"] = SGDClassifier(
    loss="log_loss", penalty="l1", alpha=1e-4, random_state=0
)
seen = np.arange(200, 6001, 200)
accuracy = {name: [] for name in models}
used = {name: [] for name in models}
for end in seen:
    chunk = vectorizer.transform(reviews[end - 200 : end])
    for name, model in models.items():
        model.partial_fit(chunk, labels[end - 200 : end], classes=[0, 1])
        accuracy[name].append(model.score(X_test, y_test))
        used[name].append(np.count_nonzero(model.coef_))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, style in zip(models, ("-", "--", "-.", ":")):
    left.plot(seen, accuracy[name], style, label=name)
    right.semilogy(seen, used[name], style, label=name)
left.set(xlabel="reviews learnt from", ylabel="accuracy on 2000 others")
left.legend(loc="lower right", fontsize="small")
right.axhline(2**16, color="black", linewidth=1)
right.text(100, 2**16 * 1.1, "all columns: 65,536", fontsize="small")
right.set(xlabel="reviews learnt from", ylabel="coefficients that are not zero", ylim=(10, 2e5))

# %%
# A sparse model can be stored as one: ``sparsify`` keeps what is not zero. The words with the
# largest coefficients are those that were made to matter, or share a column with one of them.

model = models["FTRL, L1, alpha = 0.0001"].sparsify()
print(f"{model.coef_.data.nbytes + model.coef_.indices.nbytes} bytes instead of {8 * 2**16}")

columns = vectorizer.transform(words).indices
coefficients = model.coef_.toarray().ravel()[columns]
strongest = np.argsort(-np.abs(coefficients))[:10]
for i in strongest:
    print(f"{words[i]:10} coefficient {coefficients[i]:6.2f}, tone {tone[i]:5.2f}")
