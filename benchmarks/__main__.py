"""Run the benchmarks named on the command line, or all: ``python -m benchmarks [name ...]``."""

import argparse
import platform

import numpy
import scipy
import sklearn

import sgdlearn
from benchmarks import epochs, memory, streams

BENCHMARKS = {"epochs": epochs, "streams": streams, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], metavar="name")
    names = parser.parse_args().names or BENCHMARKS
    versions = {m.__name__: m.__version__ for m in (sgdlearn, sklearn, numpy, scipy)}
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}, one thread each")
    for name in names:
        print(f"\n{BENCHMARKS[name].__doc__.strip()}\n")
        BENCHMARKS[name].run()


if __name__ == "__main__":
    main()
