"""The crops that a model trains on, with what is computed of them once: features of a frozen trunk and of LPIPS."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from repro.errors import ReproError
from repro.files import atomic_folder, sha256_bytes
from repro.losses import LossWeights
from repro.metrics import lpips_on
from repro.metrics.lpips import ReferenceFeatures
from repro.model import LearnedJPEG, sha256_tensors
from repro.progress import note, track

#: Bytes of the largest cache kept on disk: reading a larger one would cost the time that it saves.
MAX_CACHE = 8 << 30
_AT_ONCE = 8
#: How a cache's files are named and laid out. A cache in another form is ignored, and a new one is made.
_FORM = "part.dtype.npy"


class Batch(NamedTuple):
    """Crops x (B, 3, S, S) uint8, and their features from the frozen trunk and LPIPS; None if not precomputed."""

    x: torch.Tensor
    features: torch.Tensor | None = None
    perception: ReferenceFeatures | None = None

    def part(self, rows: slice) -> Batch:
        """Some of the crops."""
        features = None if self.features is None else self.features[rows]
        maps = None if self.perception is None else tuple(t[rows] for t in self.perception)
        return Batch(self.x[rows], features, maps)


@dataclass(frozen=True)
class Pool:
    """Training crops and what was computed of them beforehand. What is None is computed at each step.

    crops
        (n, 3, S, S) uint8 RGB.
    features
        of a frozen trunk, (n, S/8, S/8, channels) float16, or None.
    perception
        :meth:`repro.metrics.LPIPS.reference` of the crops, each tensor as (n, h, w, C), or None.
    """

    crops: torch.Tensor
    features: torch.Tensor | None = None
    perception: ReferenceFeatures | None = None

    def __len__(self) -> int:
        return len(self.crops)

    def batch(self, chosen: torch.Tensor, device: torch.device) -> Batch:
        """The crops with the indices ``chosen``, on ``device``. Copies to a GPU are asynchronous, from pinned memory.

        NumPy picks the rows, on one thread: OpenMP threads of a reader would spin, waiting for work, on the very cores
        that the training step needs.
        """
        rows = chosen.numpy()

        def take(source: torch.Tensor) -> torch.Tensor:
            taken = _as_tensor(_as_array(source)[rows], source.dtype)
            return taken.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else taken.to(device)

        features = None if self.features is None else _channels_first(take(self.features))
        maps = None if self.perception is None else tuple(_channels_first(take(t)) for t in self.perception)
        return Batch(take(self.crops), features, maps)

    @contextmanager
    def reading_ahead(
        self, indices: Callable[[int], torch.Tensor], device: torch.device
    ) -> Iterator[Callable[[int], Batch]]:
        """Yield a function from a step to its :class:`Batch`. A thread fetches the next one meanwhile."""
        with ThreadPoolExecutor(1, thread_name_prefix="batch") as reader:
            coming: dict[int, Future[Batch]] = {}

            def ask(step: int) -> None:
                coming[step] = reader.submit(lambda: self.batch(indices(step), device))

            def get(step: int) -> Batch:
                if step not in coming:
                    ask(step)
                ask(step + 1)
                return coming.pop(step).result()

            yield get
            coming.clear()


@torch.no_grad()
def trunk_features(model: LearnedJPEG, crops: torch.Tensor) -> torch.Tensor:
    """Features of the trunk of ``model``, (n, S/8, S/8, channels) float16, for (n, 3, S, S) crops."""
    assert model.attention is not None
    return _channels_last(model.attention.features(crops.float())).half()  # type: ignore[operator]


def reference_features(crops: torch.Tensor, dtype: torch.dtype) -> ReferenceFeatures:
    """:meth:`repro.metrics.LPIPS.reference` of (n, 3, S, S) crops, in ``dtype``; each tensor as (n, h, w, C)."""
    return tuple(_channels_last(t) for t in lpips_on(torch.device("cpu")).reference(crops.float(), dtype))


def precomputed_pool(
    crops: torch.Tensor, model: LearnedJPEG, loss: LossWeights, dtype: torch.dtype, folder: Path
) -> Pool:
    """(n, 3, S, S) uint8 crops with all that can be computed of them before ``model`` is trained, cached in ``folder``.

    A cache is found by the hashes of crops and weights, and by how the trunk's input is scaled. ``dtype`` is that of
    LPIPS's products.
    """
    features, maps, source = None, None, sha256_tensors([crops])
    if model.frozen_trunk is not None:
        how = f"{model.settings.method} {model.settings.trunk_input}"
        key = f"{source} {how} {sha256_tensors(model.frozen_trunk.state_dict().values())}"
        kept = cached("features", crops, lambda part: (trunk_features(model, part),), folder, key)
        features = None if kept is None else kept[0]
    if loss.gamma:
        key = f"{source} {dtype} {sha256_tensors(lpips_on(crops.device).state_dict().values())}"
        maps = cached("perception", crops, lambda part: reference_features(part, dtype), folder, key)
    return Pool(crops, features, maps)


def cached(
    name: str, crops: torch.Tensor, make: Callable[[torch.Tensor], tuple[torch.Tensor, ...]], folder: Path, key: str
) -> tuple[torch.Tensor, ...] | None:
    """What ``make`` gives for the crops, memory-mapped from a cache in ``folder``; computed first if the cache has
    nothing for ``key``, a few crops at a time, because the results of all may not fit into memory.

    A note tells the cache's size before it is written. None, with a note of why and of how many crops would fit, if the
    cache would be larger than :data:`MAX_CACHE` or than nine tenths of the free disk: training then computes these
    values at each step. Raises :class:`ReproError` if the cache is damaged or cannot be written.
    """
    place = folder / f"{name}-{sha256_bytes(f'{_FORM} {key}'.encode())[:16]}"
    if not place.exists():
        samples = make(crops[:1])
        size = len(crops) * sum(t.numel() * t.element_size() for t in samples)
        if not _fits(name, size, len(crops), folder):
            return None
        note(f"{name} of {len(crops)} crops: {size / 1e6:.0f} MB in {folder}, computed once")
        _fill(place, samples, lambda part: make(crops[part]), len(crops), name)
    arrays = sorted(place.glob("*.npy"))  # as "03.bfloat16.npy"
    try:
        return tuple(_as_tensor(np.load(a, mmap_mode="c"), getattr(torch, a.name.split(".")[1])) for a in arrays)
    except ValueError as error:  # a truncated file
        raise ReproError(f"{place}: is damaged ({error}); delete it, and it is made anew") from error


def _fits(name: str, size: int, count: int, folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    room = min(MAX_CACHE, free - free // 10)
    if size <= room:
        return True
    why = f"{folder} has room for {max(0, room) / 1e6:.0f} MB" if room < MAX_CACHE else f"over {MAX_CACHE / 1e9:.0f} GB"
    note(
        f"{name} of {count} crops would take {size / 1e6:.0f} MB, {why}: not kept, computed at each step; "
        f"{max(0, room) * count // size} crops would fit"
    )
    return False


def _fill(
    place: Path,
    samples: tuple[torch.Tensor, ...],
    make: Callable[[slice], tuple[torch.Tensor, ...]],
    count: int,
    name: str,
) -> None:
    """Write all of the arrays or none, even if two processes do so at once. No memory map: with a full disk, writing to
    one would kill the process."""
    with atomic_folder(place) as beside, ExitStack() as stack:
        streams = []
        for i, t in enumerate(samples):
            name_of_type = str(t.dtype).removeprefix("torch.")
            streams.append(stack.enter_context((beside / f"{i:02}.{name_of_type}.npy").open("wb")))
            descr = np.lib.format.dtype_to_descr(_as_array(t).dtype)
            shape = (count, *t.shape[1:])
            np.lib.format.write_array_header_1_0(streams[-1], {"descr": descr, "fortran_order": False, "shape": shape})
        for first in track(range(0, count, _AT_ONCE), name):
            part = slice(first, min(first + _AT_ONCE, count))
            for stream, values in zip(streams, make(part), strict=True):
                stream.write(np.ascontiguousarray(_as_array(values)).data)
        for stream in streams:
            stream.flush()
            os.fsync(stream.fileno())


def _as_array(values: torch.Tensor) -> np.ndarray:
    """As NumPy has no bfloat16, its bits are kept as uint16."""
    return values.view(torch.uint16).numpy() if values.dtype is torch.bfloat16 else values.numpy()


def _as_tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    return torch.from_numpy(array).view(dtype)


def _channels_last(maps: torch.Tensor) -> torch.Tensor:
    """(n, C, h, w) → (n, h, w, C), contiguous: the memory layout of channels last."""
    return maps.permute(0, 2, 3, 1).contiguous()


def _channels_first(maps: torch.Tensor) -> torch.Tensor:
    """(n, h, w, C) → (n, C, h, w), channels last in memory, without a copy."""
    return maps.permute(0, 3, 1, 2)
