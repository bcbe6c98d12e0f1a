"""Run the benchmark named on the command line, or all: ``python -m benchmarks [name]``."""

import argparse
import platform

import numpy
import scipy
import sklearn

import sgdlearn
from benchmarks import (
    choice,
    doubling,
    epochs,
    memory,
    optimum,
    path,
    recommenders,
    rules,
    stream_accuracy,
    streams,
)

BENCHMARKS = {
    "epochs": epochs,
    "streams": streams,
    "accuracy": stream_accuracy,
    "rules": rules,
    "path": path,
    "memory": memory,
    "doubling": doubling,
    "optimum": optimum,
    "choice": choice,
    "recommenders": recommenders,
}
WITH_OPTIONS = "optimum", "choice", "recommenders"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=BENCHMARKS, help="all, if none is given")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="see NAME --help")
    arguments = parser.parse_args()
    if arguments.options and arguments.name not in WITH_OPTIONS:
        parser.error(f"{arguments.name} takes no options")
    names = [arguments.name] if arguments.name else BENCHMARKS
    versions = {m.__name__: m.__version__ for m in (sgdlearn, sklearn, numpy, scipy)}
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    for name in names:
        print(f"\n{BENCHMARKS[name].__doc__.strip()}\n")
        BENCHMARKS[name].run(*arguments.options)


if __name__ == "__main__":
    main()
