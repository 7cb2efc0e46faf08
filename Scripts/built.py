"""Reads what a build has left: which libraries the package offers, and the flags that the compiler's tools need to load
their modules."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Guarded targets are empty without their traits, and one trait turns on all others.
TRAITS = ["--traits", "Gateway"]


def fail(text):
    sys.exit(f"holdfast: {text}")


def build(scratch):
    """Builds every library with every trait: minutes at first, and seconds after `make test`."""
    command = ["swift", "build", "--scratch-path", str(scratch), *TRAITS]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        fail("the package does not build")


def manifest():
    """What Package.swift says."""
    command = ["swift", "package", "dump-package"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def libraries(package):
    """The targets of the library products, from the lowest floor up."""
    products = [product for product in package["products"] if "library" in product["type"]]
    offered = {target for product in products for target in product["targets"]}
    return [target["name"] for target in package["targets"] if target["name"] in offered]


def tracked(*patterns):
    """The files of the repository whose names match, new ones too."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z", *patterns], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).exists()]


def catalog(library):
    """The folder of a library's catalog, relative to the package."""
    found = sorted((ROOT / "Sources" / library).glob("*.docc"))
    return (found[0] if found else ROOT / "Sources" / library / "Documentation.docc").relative_to(ROOT)


def first_page(library):
    return catalog(library) / f"{library}.md"


def flags(scratch):
    """What a tool of the compiler has to know to load a module of this build: the folder of modules, and the maps of the
    C modules that they import."""
    modules = scratch / "debug" / "Modules"
    if not (modules / "Holdfast.swiftmodule").exists():
        fail(f"nothing is built in {scratch}: leave out --skip-build")
    maps = list((scratch / "debug").glob("*.build/module.modulemap"))
    mapped = {path.parent.name.removesuffix(".build") for path in maps}
    # A C target that brings a map of its own has none made for it.
    for path in (scratch / "checkouts").glob("*/Sources/*/**/module.modulemap"):
        target = path.relative_to(scratch / "checkouts").parts[2]
        if target not in mapped:
            mapped.add(target)
            maps.append(path)
    found = ["-I", str(modules)]
    for path in sorted(maps):
        found += ["-Xcc", f"-fmodule-map-file={path}"]
    return found


def scratch_path(arguments):
    """The build folder that the arguments name."""
    path = Path(arguments.scratch_path)
    return path if path.is_absolute() else ROOT / path


def add_arguments(parser):
    parser.add_argument("--scratch-path", default=os.environ.get("HOLDFAST_SCRATCH", ".build"),
                        help="the build folder whose modules are read (default: .build)")
    parser.add_argument("--skip-build", action="store_true", help="take the folder as it is")
