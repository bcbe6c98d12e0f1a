"""Check what an sdist or a wheel holds: check_dist.py ARCHIVE SOURCE_TREE."""

import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

MAX_MEGABYTES = 8  # of compiled modules, unpacked


def sdist_faults(archive, package):
    with tarfile.open(archive) as content:
        names = {"/".join(PurePosixPath(name).parts[1:]) for name in content.getnames()}
    wanted = package | {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "setup.py"}
    built = {name for name in names if name.endswith((".c", ".so", ".pyd"))}
    return [f"lacks {name}" for name in wanted - names] + [f"has {name}" for name in built]


def wheel_faults(archive, package):
    with zipfile.ZipFile(archive) as content:
        sizes = {entry.filename: entry.file_size for entry in content.infolist()}
    names = {name for name in sizes if ".dist-info/" not in name}
    compiled = {name for name in names if name.endswith((".so", ".pyd"))}
    python = {name for name in package if name.endswith(".py")}
    faults = [f"lacks {name}" for name in python - names]
    faults += [f"has {name}" for name in names - python - compiled]
    wanted = {name.removesuffix(".pyx") for name in package if name.endswith(".pyx")}
    missing = wanted - {name.split(".")[0] for name in compiled}
    faults += [f"lacks {name} compiled" for name in missing]
    megabytes = sum(sizes[name] for name in compiled) / 1e6
    if megabytes > MAX_MEGABYTES:
        faults.append(f"has {megabytes:.1f} MB of compiled modules, more than {MAX_MEGABYTES}")
    print(f"{len(compiled)} compiled modules, {megabytes:.1f} MB")
    return faults


archive, source = map(Path, sys.argv[1:])
package = {
    path.relative_to(source).as_posix()
    for suffix in ("py", "pyx", "pxd", "h")
    for path in source.glob(f"sgdlearn/**/*.{suffix}")
}
faults = (wheel_faults if archive.suffix == ".whl" else sdist_faults)(archive, package)
sys.exit("\n".join(f"{archive.name} {fault}" for fault in sorted(faults)) or None)
