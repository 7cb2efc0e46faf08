"""Fails when two paths or two modules differ by case alone, or when a module of one system is imported unconditionally.

A volume that does not tell case apart, as a Mac has by default, keeps two such paths in one folder, and the build two such
modules in one place.
"""

import pathlib
import re
import subprocess
import sys
import unicodedata

# Without a condition, the first of these ends the build on the other system.
SYSTEMS_OWN = {"Glibc", "Musl", "Bionic", "Darwin", "WinSDK"}
# Compiled only by a script that runs on Linux alone.
LINUX_ALONE = {"Scripts/sanitizer/Mutex.swift"}


def folded(text):
    """What such a volume takes a name for: without case, and with accents composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def clashes(names):
    seen = {}
    for name in names:
        seen.setdefault(folded(name), set()).add(name)
    return [sorted(group) for group in seen.values() if len(group) > 1]


def with_folders(paths):
    for path in paths:
        yield path
        yield from (str(parent) for parent in pathlib.PurePosixPath(path).parents if str(parent) != ".")


def modules(manifest):
    return re.findall(r"\.(?:target|executableTarget|testTarget|macro|plugin)\(\s*name:\s*\"([^\"]+)\"", manifest)


def unconditional_imports(source):
    depth = 0
    for number, line in enumerate(source.splitlines(), 1):
        word = line.strip().split(" ")[0]
        depth += {"#if": 1, "#endif": -1}.get(word, 0)
        found = re.match(r"\s*(?:@\w+\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(\w+)", line)
        if found and depth == 0 and found[1] in SYSTEMS_OWN:
            yield number, found[1]


def main():
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    paths = [path for path in listed.split("\0") if path]
    wrong = [f"these paths differ by case only: {', '.join(group)}" for group in clashes(with_folders(paths))]
    for path in paths:
        if path.split("/")[-1] == "Package.swift":
            names = modules(pathlib.Path(path).read_text())
            wrong += [f"{path}: these modules differ by case only: {', '.join(group)}" for group in clashes(names)]
        if path.endswith(".swift") and path not in LINUX_ALONE and pathlib.Path(path).exists():
            source = pathlib.Path(path).read_text()
            wrong += [
                f"{path}:{line}: {module} is imported without a condition, and not every system has it"
                for line, module in unconditional_imports(source)
            ]
    for line in wrong:
        print(f"holdfast: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
