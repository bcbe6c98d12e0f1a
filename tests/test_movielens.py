"""fetch_movielens against a server of our own, which hands out small archives made here."""

import hashlib
import io
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from sgdlearn.datasets import _movielens, fetch_movielens

N_USERS, N_ITEMS = 7, 9
TITLES = [f"Film {i}, der größte (199{i})" for i in range(1, N_ITEMS + 1)]


def small_ratings(half_stars):
    rng = np.random.default_rng(0)
    keys = rng.choice(N_USERS * N_ITEMS, size=40, replace=False)
    stars = rng.integers(1, 11, size=40) / 2 if half_stars else rng.integers(1, 6, size=40)
    return np.column_stack([1 + keys // N_ITEMS, 1 + keys % N_ITEMS, stars, 880_000_000 + keys])


def lines(rows, separator):
    return "".join(separator.join(f"{value:.10g}" for value in row) + "\n" for row in rows)


def make_archive(variant):
    """The bytes of an archive in the form of the variant, and its ratings."""
    ratings = small_ratings(half_stars=variant not in ("100k", "1m"))
    films = [(i, title) for i, title in enumerate(TITLES, start=1)]
    if variant == "100k":
        files = {
            "u.data": lines(ratings, "\t"),
            "u.genre": "unknown|0\nDrama|1\nWar|2\n\n",
            "u.item": "".join(f"{i}|{t}|01-Jan-1995||http://x|{i % 2}|1|0\n" for i, t in films),
        }
        files |= {f"u{k}.test": lines(ratings[k - 1 :: 5], "\t") for k in range(1, 6)}
        files |= {f"u{k}.base": "" for k in range(1, 6)}
    elif variant in ("1m", "10m"):
        files = {
            "ratings.dat": lines(ratings, "::"),
            "movies.dat": "".join(f"{i}::{t}::Drama|War\n" for i, t in films),
        }
    else:
        files = {
            "ratings.csv": "userId,movieId,rating,timestamp\n" + lines(ratings, ","),
            "movies.csv": "movieId,title,genres\r\n"
            + "".join(f'{i},"{t}",Drama|War\r\n' for i, t in films),
        }
    encoding = "latin-1" if variant in ("100k", "1m") else "utf-8"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"ml-{variant}-folder/{name}", text.encode(encoding))
    return packed.getvalue(), ratings


class Server:
    """Answers with `content`, after the errors in `failures`."""

    def __init__(self):
        self.content, self.failures, self.n_requests = b"", [], 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.n_requests += 1
                if outer.failures:
                    self.send_error(outer.failures.pop(0))
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(outer.content)))
                self.end_headers()
                self.wfile.write(outer.content)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/ml.zip"

    def sum(self, algorithm="md5"):
        return f"{algorithm}:{hashlib.new(algorithm, self.content).hexdigest()}"


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture
def fetch(server, tmp_path):
    """fetch_movielens from the server, into a new cache, quickly."""

    def fetch(variant="100k", **options):
        defaults = {"url": server.url, "checksum": server.sum(), "data_home": tmp_path, "delay": 0}
        return fetch_movielens(variant, **defaults | options)

    server.content = make_archive("100k")[0]
    return fetch


@pytest.mark.parametrize("variant", _movielens.VARIANTS)
def test_every_form_of_archive(variant, server, fetch, tmp_path):
    server.content, ratings = make_archive(variant)
    data = fetch(variant)
    assert data.data.dtype == np.int64 and data.target.dtype == np.float64
    np.testing.assert_array_equal(data.data, ratings[:, :2])
    np.testing.assert_array_equal(data.target, ratings[:, 2])
    np.testing.assert_array_equal(data.timestamp, ratings[:, 3])
    assert data.feature_names == ["user", "item"] and data.target_names == ["rating"]
    assert "GroupLens" in data.DESCR and data.frame is None
    np.testing.assert_array_equal(data.movies.item, np.arange(1, N_ITEMS + 1))
    assert data.movies.title.tolist() == TITLES
    if variant == "100k":
        np.testing.assert_array_equal(data.fold, np.arange(40) % 5 + 1)
        assert data.movies.genres[:2].tolist() == ["unknown|Drama", "Drama"]
    else:
        assert data.fold is None
        assert set(data.movies.genres) == {"Drama|War"}
    assert [path.suffix for path in (tmp_path / "movielens").iterdir()] == [".npz"]


def test_comes_from_the_cache_the_second_time(server, fetch):
    first = fetch()
    assert server.n_requests == 1
    again = fetch(download_if_missing=False)
    assert server.n_requests == 1
    np.testing.assert_array_equal(first.data, again.data)
    assert again.movies.title.tolist() == TITLES


def test_another_archive_does_not_pass_for_the_published_one(fetch):
    fetch()
    with pytest.raises(OSError, match="download_if_missing is False"):
        fetch(checksum=None, download_if_missing=False)


def test_return_X_y_and_frames(fetch):
    pd = pytest.importorskip("pandas")
    plain = fetch()
    X, y = fetch(return_X_y=True)
    np.testing.assert_array_equal(X, plain.data)
    np.testing.assert_array_equal(y, plain.target)
    frames = fetch(as_frame=True)
    assert list(frames.frame.columns) == ["user", "item", "rating", "timestamp"]
    pd.testing.assert_frame_equal(frames.data, frames.frame[["user", "item"]])
    pd.testing.assert_series_equal(frames.target, frames.frame["rating"])
    np.testing.assert_array_equal(frames.data, plain.data)
    np.testing.assert_array_equal(frames.fold, plain.fold)
    assert list(frames.movies.columns) == ["item", "title", "genres"]
    assert frames.movies["title"].tolist() == TITLES
    X, y = fetch(return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(X, frames.data)
    pd.testing.assert_series_equal(y, frames.target)


def test_checksums(server, fetch, tmp_path):
    assert len(fetch(checksum=server.sum("sha256")).target) == 40
    assert len(fetch(checksum=False).target) == 40
    with pytest.raises(OSError, match=r"md5 checksum .* is .*, but should be 0e33842e"):
        fetch(checksum=None)  # that of the real archive
    with pytest.raises(OSError, match="but should be 123"):
        fetch(checksum="sha256:123")
    assert len(list((tmp_path / "movielens").iterdir())) == 2  # what went wrong left nothing
    for wrong in ("123", "crc:1", True):
        with pytest.raises(ValueError, match="checksum must be"):
            fetch(checksum=wrong)


def test_tries_again(server, fetch):
    server.failures = [500, 503]
    with pytest.warns(UserWarning, match="trying again") as caught:
        assert len(fetch(n_retries=2).target) == 40
    assert len(caught) == 2 and server.n_requests == 3


def test_gives_up(server, fetch, tmp_path):
    server.failures = [500, 500, 500]
    with (
        pytest.warns(UserWarning, match="trying again"),
        pytest.raises(OSError, match=r"could not be downloaded from http://127.*Internal"),
    ):
        fetch(n_retries=1)
    assert server.n_requests == 2
    server.failures = [404]
    with pytest.raises(OSError, match="Not Found"):  # which will not change
        fetch(n_retries=5)
    assert list((tmp_path / "movielens").iterdir()) == []


def test_without_a_network(server, fetch, tmp_path):
    with pytest.raises(OSError, match=r"ml-100k.npz and download_if_missing is False"):
        fetch(checksum=None, download_if_missing=False)
    archive = tmp_path / "brought.zip"
    archive.write_bytes(server.content)
    assert len(fetch(url=archive.as_uri()).target) == 40
    assert server.n_requests == 0
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(OSError, match=r"could not be downloaded .*url='file:///path"):
        fetch("1m", url=f"http://127.0.0.1:{port}/ml.zip", n_retries=0)


@pytest.mark.parametrize(
    "content, message",
    [(b"no zip", "not an archive"), (None, "there is no u.data in it")],
    ids=["no zip", "no ratings"],
)
def test_broken_archives(content, message, server, fetch, tmp_path):
    server.content = make_archive("1m")[0] if content is None else content
    with pytest.raises(OSError, match=message):
        fetch(checksum=server.sum())
    assert list((tmp_path / "movielens").iterdir()) == []


def test_unknown_variant():
    with pytest.raises(ValueError, match=r"variant must be one of \['100k'"):
        fetch_movielens("2k")
