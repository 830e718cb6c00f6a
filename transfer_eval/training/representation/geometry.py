"""How vectors of programs lie to each other: pure functions over arrays, shapes (languages, problems, …).

What is measured of a problem or a pair of problems is kept apart, so that a mean over them can be had with any
weights: :func:`draws` are the weights of a bootstrap over problems. What a program is compared with (the other
programs of a retrieval or a silhouette, a language's centre) stays all of them: problems drawn twice would find
themselves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transfer_eval.training.extra import require

Array = npt.NDArray[np.float64]
_EQUAL = 1e-9  # cosines nearer than this count as equal: they are sums in different orders


def centred(vectors: Array) -> Array:
    """The vectors less the mean of their language, shape (languages, problems, hidden) as given.

    It takes away what all programs of a language have in common, and with it the part of every distance between
    languages that says nothing of functions. Pairs of different functions then have a mean cosine a little below 0.
    """
    less: Array = vectors - vectors.mean(axis=1, keepdims=True)
    return less


def cosines(vectors: Array) -> Array:
    """Every cosine, shape (languages, problems, languages, problems); a vector of zeros has 0 with all others."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    flat = units.reshape(-1, units.shape[-1])
    result: Array = (flat @ flat.T).reshape(*units.shape[:2], *units.shape[:2])
    return result


def retrieval(cosine: Array) -> tuple[Array, Array]:
    """Whether a program finds its equivalent among another language's programs, and 1 / the rank at which it does.

    Returns:
        Two arrays of shape (from language, to language, problems), for the nearest by cosine; equals are put in
        random order, and these are the expected values. Means over problems are top-1 accuracy and MRR; languages to
        themselves stand there, too, and mean nothing.
    """
    problems = cosine.shape[1]
    by_pair = cosine.transpose(0, 2, 1, 3)
    own = np.diagonal(by_pair, axis1=2, axis2=3)[..., None]
    better = (by_pair > own + _EQUAL).sum(axis=-1)
    equal = (np.abs(by_pair - own) <= _EQUAL).sum(axis=-1)  # itself among them
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, problems + 1))])
    return np.where(better == 0, 1 / equal, 0.0), (harmonic[better + equal] - harmonic[better]) / equal


def chance(problems: int) -> tuple[float, float]:
    """What :func:`retrieval` gives in a random order: 1/n and H(n)/n."""
    return 1 / problems, float(np.sum(1 / np.arange(1, problems + 1))) / problems


def between_languages(by_pair: Array) -> Array:
    """The mean over ordered pairs of different languages, which are the first two axes."""
    languages = len(by_pair)
    result: Array = by_pair[~np.eye(languages, dtype=bool)].mean(axis=0)
    return result


def equivalent(cosine: Array) -> Array:
    """The mean cosine of a function with itself in another language, shape (problems,)."""
    return between_languages(np.diagonal(cosine.transpose(0, 2, 1, 3), axis1=2, axis2=3))


def same_language(cosine: Array) -> Array:
    """The mean cosine of two functions in one language, shape (problems, problems); the diagonal means nothing."""
    result: Array = np.einsum("aiaj->ij", cosine) / len(cosine)
    return result


def random_pairs(cosine: Array) -> Array:
    """The mean cosine of two functions in two languages, shape (problems, problems); the diagonal means nothing."""
    return between_languages(cosine.transpose(0, 2, 1, 3))


def shares_of_problems(by_pair: Array) -> Array:
    """What each problem adds to the mean over pairs of different problems, (problems, problems) to (problems,).

    These are the jackknife's pseudo-values (Tukey 1958): their mean is that mean, and they vary as it does when
    problems are drawn anew. The plain means of rows would vary half as much: each pair hangs on two problems.
    """
    count = len(by_pair)
    different = (by_pair + by_pair.T) / 2 * ~np.eye(count, dtype=bool)
    rows = different.sum(axis=1)
    result: Array = (2 * rows - rows.sum() / (count - 1)) / (count - 2)
    return result


def silhouettes(cosine: Array) -> tuple[Array, Array]:
    """The mean silhouettes of each problem's programs, by function and by language, two arrays of shape (problems,).

    Rousseeuw 1987, as scikit-learn has it, with the distance 1 - cosine: 1 where groups are far apart, 0 where they
    overlap, below 0 where programs are nearer to another group than to their own.

    Raises:
        UserError: scikit-learn is not installed.
    """
    silhouette_samples = require("sklearn.metrics", "report").silhouette_samples
    languages, problems = cosine.shape[:2]
    distances = np.clip(1 - cosine.reshape(languages * problems, -1), 0, None)
    np.fill_diagonal(distances, 0)
    by_language, by_function = np.divmod(np.arange(languages * problems), problems)

    def mean(labels: npt.NDArray[np.int64]) -> Array:
        each = silhouette_samples(distances, labels, metric="precomputed")
        result: Array = each.reshape(languages, problems).mean(axis=0)
        return result

    return mean(by_function), mean(by_language)


def draws(problems: int, resamples: int = 2000, seed: int = 0) -> Array:
    """How often each problem is counted, shape (1 + resamples, problems): once in the first row, then as drawn."""
    drawn = np.random.default_rng(seed).multinomial(problems, np.full(problems, 1 / problems), size=resamples)
    return np.concatenate([np.ones((1, problems)), drawn])


def mean_of_problems(values: Array, counts: Array) -> Array:
    """The mean of ``values`` (problems,) for each row of ``counts``."""
    result: Array = counts @ values / counts.sum(axis=1)
    return result


def mean_of_pairs(values: Array, counts: Array) -> Array:
    """The mean of ``values`` (problems, problems) over pairs of different problems, for each row of ``counts``."""
    different = values * ~np.eye(len(values), dtype=bool)
    pairs = counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)
    result: Array = ((counts @ different) * counts).sum(axis=1) / pairs
    return result


def interval(samples: Array) -> tuple[float, float, float]:
    """(value, low, high): the first sample, and 95 % of the others (percentile bootstrap)."""
    low, high = np.percentile(samples[1:], [2.5, 97.5])
    return float(samples[0]), float(low), float(high)
