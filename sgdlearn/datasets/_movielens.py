"""The film ratings of MovieLens, fetched from where GroupLens publishes them."""

import csv
import hashlib
import io
import os
import shutil
import time
import warnings
import zipfile
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch

SITE = "https://files.grouplens.org/datasets/movielens/"
SECONDS_WITHOUT_DATA = 60
ROW = [("user", "i4"), ("item", "i4"), ("rating", "f4"), ("timestamp", "i8")]


@dataclass(frozen=True)
class Variant:
    """One archive: the checksum that GroupLens publishes beside it, and how its files look."""

    checksum: str
    ratings: str
    movies: str
    separator: str
    movie_separator: str
    encoding: str
    n_header_lines: int = 0


def _stars(checksum, ratings="ratings.dat", movies="movies.dat", encoding="utf-8"):
    return Variant(f"md5:{checksum}", ratings, movies, "::", "::", encoding)


def _csv(checksum):
    return Variant(f"md5:{checksum}", "ratings.csv", "movies.csv", ",", ",", "utf-8", 1)


VARIANTS = {
    "100k": Variant(
        "md5:0e33842e24a9c977be4e0107933c0723", "u.data", "u.item", "\t", "|", "latin-1"
    ),
    "1m": _stars("c4d9eecfca2ab87c1945afe126590906", encoding="latin-1"),
    "10m": _stars("ce571fd55effeba0271552578f2648bd"),
    "20m": _csv("cd245b17a1ae2cc31bb14903e1204af3"),
    "25m": _csv("6b51fb2759a8657d3bfcbfc42b592ada"),
    "32m": _csv("d472be332d4daa821edc399621853b57"),
}


def fetch_movielens(
    variant="100k",
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    url=None,
    checksum=None,
    n_retries=3,
    delay=1.0,
):
    """Ratings of films by users of MovieLens (Harper & Konstan 2015).

    ========= ============ ========== ========== ==================
    variant   ratings      users      films      stars
    ========= ============ ========== ========== ==================
    "100k"    100,000      943        1,682      1, 2, ..., 5
    "1m"      1,000,209    6,040      3,706      1, 2, ..., 5
    "10m"     10,000,054   69,878     10,677     0.5, 1, ..., 5
    "20m"     20,000,263   138,493    26,744     0.5, 1, ..., 5
    "25m"     25,000,095   162,541    59,047     0.5, 1, ..., 5
    "32m"     32,000,204   200,948    84,432     0.5, 1, ..., 5
    ========= ============ ========== ========== ==================

    The archive is downloaded once, from GroupLens, and what is read from it kept in the cache
    folder. GroupLens gives the data for research and asks not to pass them on: see the terms in the
    archive.

    Parameters
    ----------
    variant : {"100k", "1m", "10m", "20m", "25m", "32m"}, default="100k"
    data_home : str or path-like, default=None
        The cache folder, ``movielens`` within it. None is that of scikit-learn's own fetchers,
        ``~/scikit_learn_data`` or what the environment variable SCIKIT_LEARN_DATA says.
    download_if_missing : bool, default=True
        If False, an OSError is raised where the data are not in the cache.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.
    as_frame : bool, default=False
        Whether to return pandas objects.
    url : str, default=None
        Where to get the archive instead: a mirror, or ``file:///path/to/ml-100k.zip`` for one that
        was downloaded by other means.
    checksum : str or False, default=None
        What the archive must have, as ``"md5:..."`` or ``"sha256:..."``; None is the MD5 sum that
        GroupLens publishes, False checks nothing.
    n_retries : int, default=3
        How often to try again after a network error.
    delay : float, default=1.0
        Seconds between two tries.

    Returns
    -------
    dataset : Bunch
        - `data`, int64 ndarray of shape (n, 2): ids of user and item; a DataFrame with the columns
          ``user`` and ``item`` if as_frame
        - `target`, float64 ndarray of shape (n,): the ratings; a Series ``rating`` if as_frame
        - `timestamp`, int64 ndarray of shape (n,): when they were given, in seconds since 1970; a
          Series if as_frame
        - `fold`, int8 ndarray of shape (n,), or None: "100k" alone, the official fold 1 .. 5 in
          whose test part the rating stands; a Series if as_frame
        - `movies`, Bunch: ``item``, ``title`` and ``genres`` (joined by ``|``), arrays of one
          length; a DataFrame if as_frame. Some films have no rating.
        - `frame`, DataFrame or None: with as_frame, the columns user, item, rating, timestamp
        - `feature_names`, `target_names`, lists of str, and `DESCR`, str
    (data, target) : tuple
        With return_X_y.

    Raises
    ------
    OSError
        If the archive cannot be downloaded, is not what the checksum says or is broken; or if the
        data are missing and `download_if_missing` is False.
    ValueError
        If `variant` or `checksum` is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {list(VARIANTS)}, got {variant!r}.")
    kind = VARIANTS[variant]
    checksum = kind.checksum if checksum is None else checksum
    algorithm, digest = _parse_checksum(checksum)
    folder = Path(get_data_home(data_home), "movielens")
    name = f"ml-{variant}"
    if checksum != kind.checksum:  # another archive: it must not pass for the published one later
        name += f"-{digest[:12] if digest else 'unchecked'}"
    cache = folder / f"{name}.npz"
    if not cache.exists():
        if not download_if_missing:
            raise OSError(f"There is no {cache} and download_if_missing is False.")
        folder.mkdir(parents=True, exist_ok=True)
        url = f"{SITE}ml-{variant}.zip" if url is None else url
        with _temporary_file(folder) as archive:
            _download(url, archive, n_retries, delay)
            _check(archive, algorithm, digest, url)
            with _temporary_file(folder) as parsed:
                with open(parsed, "wb") as out:
                    np.savez_compressed(out, **_read_archive(archive, kind, url))
                os.replace(parsed, cache)
    with np.load(cache) as parts:
        parts = dict(parts)
    return _bunch(variant, parts, return_X_y, as_frame)


# Getting the archive


class _temporary_file:
    """The path of an empty file in a folder, gone at the end if it still stands there."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        with NamedTemporaryFile(prefix="part_", dir=self.folder, delete=False) as file:
            self.path = Path(file.name)
        return self.path

    def __exit__(self, *_):
        self.path.unlink(missing_ok=True)


def _parse_checksum(checksum):
    if checksum is False:
        return None, None
    algorithm, colon, digest = str(checksum).partition(":")
    if algorithm not in ("md5", "sha256") or not colon:
        raise ValueError(
            f'checksum must be "md5:..." or "sha256:...", or False for none, got {checksum!r}.'
        )
    return algorithm, digest.strip().lower()


def _download(url, path, n_retries, delay):
    for tries_left in reversed(range(n_retries + 1)):
        try:
            with urlopen(url, timeout=SECONDS_WITHOUT_DATA) as answer, open(path, "wb") as out:
                shutil.copyfileobj(answer, out)
            return
        except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
            refused = isinstance(error, HTTPError) and 400 <= error.code < 500
            if not tries_left or refused:
                raise OSError(
                    f"The archive could not be downloaded from {url}: "
                    f"{getattr(error, 'reason', None) or error!r}. Where there is no network, "
                    "bring the file and pass its address: url='file:///path/to/archive.zip'."
                ) from error
        warnings.warn(f"Downloading {url} failed: trying again.", stacklevel=3)
        time.sleep(delay)


def _check(path, algorithm, digest, url):
    if algorithm is None:
        return
    with open(path, "rb") as file:
        found = hashlib.new(algorithm, usedforsecurity=False)
        for part in iter(lambda: file.read(1 << 20), b""):
            found.update(part)
    if found.hexdigest() != digest:
        raise OSError(
            f"The {algorithm} checksum of {url} is {found.hexdigest()}, but should be {digest}: "
            "the download is damaged, or it is another file (checksum= takes what it should be)."
        )


# Reading it


def _read_archive(path, kind, url):
    """The arrays that are kept: numbers, and texts as bytes of UTF-8, one line each."""
    try:
        with zipfile.ZipFile(path) as archive:
            ratings = _read_ratings(_member(archive, kind.ratings), kind)
            item, title, genres = _read_movies(archive, kind)
            parts = {name: ratings[name] for name, _ in ROW}
            if kind.ratings == "u.data":
                parts["fold"] = _read_folds(archive, ratings, kind)
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise OSError(f"{url} is not an archive of MovieLens as expected: {error}") from error
    texts = {"movie_title": _packed(title), "movie_genres": _packed(genres)}
    return parts | texts | {"movie_item": item}


def _member(archive, name):
    """The content of the file of this name, in whichever folder."""
    for path in archive.namelist():
        if path.rsplit("/", 1)[-1] == name:
            return archive.read(path)
    raise KeyError(f"there is no {name} in it")


def _read_ratings(content, kind):
    separator = kind.separator
    if len(separator) > 1:
        content, separator = content.replace(separator.encode(), b"\t"), "\t"
    return np.loadtxt(
        io.BytesIO(content),
        dtype=ROW,
        delimiter=separator,
        skiprows=kind.n_header_lines,
        comments=None,
        ndmin=1,
    )


def _read_movies(archive, kind):
    lines = _member(archive, kind.movies).decode(kind.encoding).splitlines()[kind.n_header_lines :]
    if kind.movie_separator == ",":
        rows = list(csv.reader(lines))
    else:
        rows = [line.split(kind.movie_separator) for line in lines if line]
    if kind.movies == "u.item":  # one column for each genre, 0 or 1
        names = [
            line.split("|")[0]
            for line in _member(archive, "u.genre").decode(kind.encoding).splitlines()
            if line
        ]
        flags = [row[-len(names) :] for row in rows]
        genres = ["|".join(n for n, flag in zip(names, row) if flag == "1") for row in flags]
    else:
        genres = [row[2] for row in rows]
    return np.array([int(row[0]) for row in rows], dtype="i4"), [row[1] for row in rows], genres


def _read_folds(archive, ratings, kind):
    """For each rating, the official fold in whose test part it stands."""
    width = int(ratings["item"].max()) + 1
    keys = ratings["user"].astype(np.int64) * width + ratings["item"]
    order = np.argsort(keys)
    fold = np.zeros(len(keys), dtype=np.int8)
    for number in range(1, 6):
        test = _read_ratings(_member(archive, f"u{number}.test"), kind)
        key = test["user"].astype(np.int64) * width + test["item"]
        fold[order[np.searchsorted(keys, key, sorter=order)]] = number
    return fold


def _packed(texts):
    return np.frombuffer("\n".join(texts).encode(), dtype=np.uint8)


def _unpacked(codes):
    return np.array(codes.tobytes().decode().split("\n"), dtype=object)


# Handing it out


def _bunch(variant, parts, return_X_y, as_frame):
    data = np.column_stack([parts["user"], parts["item"]]).astype(np.int64)
    target = parts["rating"].astype(np.float64)
    timestamp, fold = parts["timestamp"], parts.get("fold")
    movies = {
        "item": parts["movie_item"].astype(np.int64),
        "title": _unpacked(parts["movie_title"]),
        "genres": _unpacked(parts["movie_genres"]),
    }
    frame = None
    if as_frame:
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("fetch_movielens with as_frame=True requires pandas.") from error
        frame = pd.DataFrame(data, columns=["user", "item"])
        data = frame[["user", "item"]]
        frame = frame.assign(rating=target, timestamp=timestamp)
        target, timestamp = frame["rating"], frame["timestamp"]
        fold = None if fold is None else pd.Series(fold, name="fold")
        movies = pd.DataFrame(movies)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        timestamp=timestamp,
        fold=fold,
        movies=movies if as_frame else Bunch(**movies),
        frame=frame,
        feature_names=["user", "item"],
        target_names=["rating"],
        DESCR=(
            f"MovieLens {variant}: {len(parts['user'])} ratings of films, collected by GroupLens, "
            "University of Minnesota. F. M. Harper and J. A. Konstan 2015, \"The MovieLens "
            'Datasets: History and Context", ACM Transactions on Interactive Intelligent Systems '
            "5(4). For research; not to be passed on without permission: see the terms that "
            "GroupLens publishes with the archive."
        ),
    )
