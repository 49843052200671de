"""Copy the scripts that the book needs into book/_static/vendor, with their licences, from the pins in package.json.

The copies are committed: building the book needs no npm, reading it needs no network. Run this after changing a pin:

    python tools/vendor_js.py
"""

from __future__ import annotations

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
#: (package, file or folder in it) → where it goes under TARGET
COPIES = {
    ("mathjax", "es5/tex-chtml.js"): "mathjax/tex-chtml.js",
    ("mathjax", "es5/output/chtml/fonts"): "mathjax/output/chtml/fonts",
    ("mathjax", "es5/input/tex/extensions"): "mathjax/input/tex/extensions",
    ("mathjax", "LICENSE"): "mathjax/LICENSE",
    ("@jupyter-widgets/html-manager", "dist/embed.js"): "embed.js",
    ("@jupyter-widgets/html-manager", "dist/embed.js.LICENSE.txt"): "embed.js.LICENSE.txt",
    ("@fortawesome/fontawesome-free", "LICENSE.txt"): "fontawesome.LICENSE.txt",
}
#: embed.js loads its icon font from beside itself, under names that change with its version.
FONTS = ("@jupyter-widgets/html-manager", "dist", "*.woff2")


def download(package: str, version: str, folder: Path) -> Path:
    """Unpack ``package`` at ``version`` into a new folder under ``folder``; dependencies are bundled or not needed."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("vendor_js: npm is missing; install Node.js to change the vendored scripts")
    call = [npm, "pack", f"{package}@{version}", "--pack-destination", str(folder), "--silent"]
    name = subprocess.run(call, check=True, capture_output=True, text=True, cwd=folder).stdout.split()[-1]
    with tarfile.open(folder / name) as archive:
        archive.extractall(folder / package, filter="data")
    return folder / package / "package"


def main() -> None:
    pins = json.loads((ROOT / "package.json").read_text())["dependencies"]
    with tempfile.TemporaryDirectory() as name:
        homes = {package: download(package, version, Path(name)) for package, version in pins.items()}
        shutil.rmtree(TARGET, ignore_errors=True)  # not before all of the new ones are there
        for (package, source), target in COPIES.items():
            found, place = homes[package] / source, TARGET / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                shutil.copytree(found, place)
            else:
                shutil.copyfile(found, place)
        # The widgets' npm package leaves its licence out; the Python one, of the same project, has it.
        licence = next(path for path in files("ipywidgets") or [] if path.name == "LICENSE")
        shutil.copyfile(licence.locate(), TARGET / "html-manager.LICENSE")
        package, folder, pattern = FONTS
        for font in (homes[package] / folder).glob(pattern):
            shutil.copyfile(font, TARGET / font.name)
    size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
    print(f"{TARGET.relative_to(ROOT)}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
