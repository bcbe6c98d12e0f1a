"""Build of the compiled kernels; everything else is declared in pyproject.toml."""

import os
import subprocess
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("sgdlearn", "_kernels")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}

# Only flags that every machine of the platform runs and that leave the process as it is: nothing
# for the builder's own processor, nothing that flushes small numbers to zero.
UNIX_FLAGS = [
    "-O3",
    "-g0",
    # Nobody reads errno or the floating-point exception flags: sqrt and division vectorise.
    "-fno-math-errno",
    "-fno-trapping-math",
    # Takes "omp simd" as leave to vectorise; needs no OpenMP run time.
    "-fopenmp-simd",
    # Without it gcc peels a loop up to an aligned address, and the bits of a sum would depend on
    # where a row lies in memory.
    "--param=vect-max-peeling-for-alignment=0",
]
MSVC_FLAGS = ["/O2"]


class BuildKernels(build_ext):
    """`build_ext` with Cython, the flags this compiler knows, and all cores at work."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1

    def build_extensions(self):
        # Only here, not in setup(), so that making an sdist generates no C.
        generated = cythonize(
            self.extensions,
            nthreads=self.parallel,
            compiler_directives=DIRECTIVES,
            build_dir="build/cython",
        )
        flags = self.accepted_flags()
        for extension, c_extension in zip(self.extensions, generated, strict=True):
            extension.sources = c_extension.sources
            extension.extra_compile_args = flags
        super().build_extensions()

    def accepted_flags(self):
        if self.compiler.compiler_type == "msvc":
            return MSVC_FLAGS
        return [flag for flag in UNIX_FLAGS if self.accepts(flag)]

    def accepts(self, flag):
        """Whether the C compiler takes `flag` without so much as a warning."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("int main(void) { return 0; }\n")
            command = [*self.compiler.compiler_so, "-Werror", flag]
            command += ["-c", str(source), "-o", str(source.with_suffix(".o"))]
            return subprocess.run(command, capture_output=True).returncode == 0


def kernels():
    headers = [str(path) for path in sorted(KERNELS.glob("*.h"))]
    return [
        Extension(
            f"sgdlearn._kernels.{path.stem}",
            [str(path)],
            include_dirs=[str(KERNELS)],
            depends=headers,
        )
        for path in sorted(KERNELS.glob("*.pyx"))
    ]


if __name__ == "__main__":  # cythonize starts processes, which may import this file again
    setup(ext_modules=kernels(), cmdclass={"build_ext": BuildKernels})
