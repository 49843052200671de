"""Copy scripts from npm into the repository, with their licences, by the pins and hashes in package.json.

Scripts that the book needs go into book/_static/vendor, those that only its tests need into tests/vendor. The copies
are committed: building and testing the book needs no npm, and reading it no network. Run this after changing a pin
(``npm view NAME@VERSION dist.integrity`` prints the hash):

    python tools/vendor_js.py
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import files
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "book" / "_static" / "vendor"
FOR_TESTS = ROOT / "tests" / "vendor"
#: (package, file or folder in it) → its place under TARGET
COPIES = {
    ("mathjax", "es5/tex-chtml.js"): "mathjax/tex-chtml.js",
    ("mathjax", "es5/output/chtml/fonts"): "mathjax/output/chtml/fonts",
    ("mathjax", "es5/input/tex/extensions"): "mathjax/input/tex/extensions",
    ("mathjax", "LICENSE"): "mathjax/LICENSE",
    ("@jupyter-widgets/html-manager", "dist/embed.js"): "embed.js",
    ("@jupyter-widgets/html-manager", "dist/embed.js.LICENSE.txt"): "embed.js.LICENSE.txt",
    ("@fortawesome/fontawesome-free", "LICENSE.txt"): "fontawesome.LICENSE.txt",
}
#: The same for FOR_TESTS
TEST_COPIES = {
    ("axe-core", "axe.min.js"): "axe.min.js",
    ("axe-core", "LICENSE"): "axe.LICENSE",
    ("axe-core", "LICENSE-3RD-PARTY.txt"): "axe.LICENSE-3RD-PARTY.txt",
    ("jpeg-js", "lib/decoder.js"): "jpeg-js/decoder.js",
    ("jpeg-js", "LICENSE"): "jpeg-js/LICENSE",
}
#: embed.js loads its icon font from its own folder, under names that change with its version.
FONTS = ("@jupyter-widgets/html-manager", "dist", "*.woff2")


def download(package: str, version: str, integrity: str, folder: Path) -> Path:
    """Unpack ``package`` at ``version`` into a new folder under ``folder``. Dependencies are bundled or not needed."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("vendor_js: npm is missing; install Node.js to change the vendored scripts")
    call = [npm, "pack", f"{package}@{version}", "--pack-destination", str(folder), "--silent"]
    name = subprocess.run(call, check=True, capture_output=True, text=True, cwd=folder).stdout.split()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512((folder / name).read_bytes()).digest()).decode()
    if found != integrity:
        sys.exit(f"vendor_js: {package}@{version} has the hash {found}, package.json says {integrity}; nothing changed")
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / package, filter="data")
    return folder / package / "package"


def copy(source: Path, target: Path) -> None:
    """Copy a file, or a folder with everything in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def main() -> None:
    said = json.loads((ROOT / "package.json").read_text())
    pins, hashes = said["dependencies"] | said["devDependencies"], said["integrity"]
    with tempfile.TemporaryDirectory() as name:
        homes = {package: download(package, pin, hashes[package], Path(name)) for package, pin in pins.items()}
        for folder, copies in ((TARGET, COPIES), (FOR_TESTS, TEST_COPIES)):
            shutil.rmtree(folder, ignore_errors=True)  # only once all new ones are downloaded
            for (package, source), target in copies.items():
                copy(homes[package] / source, folder / target)
        # The widgets' npm package lacks the licence; the Python package of the same project has it.
        licence = next(path for path in files("ipywidgets") or [] if path.name == "LICENSE")
        shutil.copyfile(licence.locate(), TARGET / "html-manager.LICENSE")
        package, inside, pattern = FONTS
        for font in (homes[package] / inside).glob(pattern):
            shutil.copyfile(font, TARGET / font.name)
    for folder in (TARGET, FOR_TESTS):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder.relative_to(ROOT)}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
