"""One step of Adam, as fast as the machine allows: in parts if memory is short, compiled if asked for."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from lightning_fabric import Fabric

from repro.errors import ReproError, UsageError
from repro.losses import Distortion, LossWeights, rate
from repro.model import LearnedJPEG
from repro.progress import note
from repro.runtime import has_bfloat16
from repro.training.pool import Batch
from repro.training.recipe import Recipe, learning_rate


class Stepper:
    """The model, its optimiser and its loss on Fabric's device. Calling it with a batch takes one step.

    ``micro_batch`` is the number of crops processed at once on each device; the gradient is that of the whole batch. It
    is halved, with a note, if memory runs out on a single device. Raises :class:`UsageError` if it is below 1, or if
    the batch does not divide over the processes.
    """

    def __init__(
        self, model: LearnedJPEG, loss: LossWeights, recipe: Recipe, fabric: Fabric, micro_batch: int | None = None
    ) -> None:
        if recipe.batch % fabric.world_size:
            raise UsageError(
                f"batch {recipe.batch} does not divide over {fabric.world_size} processes; make it a multiple"
            )
        if micro_batch is not None and micro_batch < 1:
            raise UsageError(f"micro-batch {micro_batch}: must be 1 or more")
        self.loss, self.recipe, self.fabric = loss, recipe, fabric
        #: the type of the products of the trunk and of LPIPS on this device
        self.dtype = recipe.dtype if has_bfloat16(fabric.device) else torch.float32
        self.micro_batch = min(micro_batch or recipe.batch, recipe.batch // fabric.world_size)
        groups: list[dict[str, Any]] = [{"params": [model.tables.variable], "lr": recipe.lr_tables}]
        network = [] if model.attention is None else [p for p in model.attention.parameters() if p.requires_grad]
        if network:
            groups.append({"params": network, "lr": recipe.lr_network})
        self.rates = [group["lr"] for group in groups]
        self.raw, self.optimiser = model, torch.optim.Adam(groups, fused=True)

    def set_up(self, *, compile: bool = False) -> None:
        """Move everything to the device. Call it once, after restoring a checkpoint.

        ``compile``: use ``torch.compile`` for the loss, with CUDA graphs on a GPU; if that fails, a note says so and
        training goes on without it.
        """
        _keep_memory()
        self.model, self.optimiser = self.fabric.setup(self.raw, self.optimiser)
        for variable, moments in self.optimiser.state.items():  # Fabric leaves restored moments where they were
            moments |= {name: value.to(variable.device) for name, value in moments.items()}
        self.plain = Distortion(self.loss, self.dtype, self.fabric.device)
        self.distortion: Callable[..., dict[str, torch.Tensor]] = self.plain
        if compile:
            self._compile()

    def __call__(self, step: int, batch: Batch, *, tell: bool = False) -> dict[str, torch.Tensor]:
        """Take one step, at the learning rate of ``step``; return the loss before it and its terms, as tensors.

        ``tell``: for the log, also return the share of coefficients that are not zero ("nonzero") and, for luma's DC,
        whose loss shows first, the table's entry and the mean of A ("Q_dc", "A_dc").

        If the loss ("loss") is not finite, the model is left unchanged. Raises :class:`ReproError` if memory runs out
        for a single crop, or on several devices.
        """
        for group, start in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = start * learning_rate(self.recipe, step)
        while True:
            try:
                terms = self._gradient(batch, tell)
                break
            except RuntimeError as error:
                self._halve(error)
        if torch.isfinite(terms["loss"]):
            self.optimiser.step()
            self.raw.tables.clip()
        return terms

    def mean(self, terms: dict[str, torch.Tensor]) -> dict[str, float]:
        """The mean of each term over all processes, as a number."""
        together = torch.stack([value.float() for value in terms.values()])
        if self.fabric.world_size > 1:
            together = self.fabric.all_reduce(together, reduce_op="mean")  # type: ignore[assignment]
        return dict(zip(terms, together.tolist(), strict=True))

    def _gradient(self, batch: Batch, tell: bool) -> dict[str, torch.Tensor]:
        """Accumulate the gradient of the whole batch's mean loss part by part; return the mean terms."""
        self.optimiser.zero_grad()
        count = len(batch.x)
        firsts = range(0, count, self.micro_batch)
        totals: dict[str, torch.Tensor] = {}
        for first in firsts:
            part = batch.part(slice(first, first + self.micro_batch))
            share = len(part.x) / count
            if self.fabric.world_size > 1:
                with self.fabric.no_backward_sync(self.model, enabled=first != firsts[-1]):
                    terms = self._part(part, share, tell)
            else:
                terms = self._part(part, share, tell)
            for name, value in terms.items():
                totals[name] = totals.get(name, 0) + share * value.detach()
        return totals

    def _part(self, part: Batch, share: float, tell: bool) -> dict[str, torch.Tensor]:
        x = part.x.float()
        reference = self.plain.reference(x, part.perception)
        # Fabric's own mixed precision would also cast pixels and features to bfloat16
        with torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            output = self.model(x, part.features)
        terms = self.distortion(x, output.x_hat, reference)
        bits = rate(output.Q, output.A, self.loss)
        total = self.loss.lam * terms["d"] + bits
        self.fabric.backward(total * share)
        found = {"loss": total, "rate": bits, **terms}
        if tell:
            found["nonzero"] = torch.count_nonzero(output.z_hat) / output.z_hat.numel()
            found["Q_dc"] = output.Q[0, 0, 0]
            found["A_dc"] = output.Q.new_tensor(1.0) if output.A is None else output.A[:, 0, ..., 0, 0].mean()
        return found

    def _halve(self, error: RuntimeError) -> None:
        """Halve the micro-batch if memory ran out, or raise :class:`ReproError`; re-raise any other error."""
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise error
        if self.micro_batch == 1 or self.fabric.world_size > 1:
            raise ReproError(
                f"out of memory at {self.micro_batch} crops at once on each device; "
                + ("use a device with more memory" if self.micro_batch == 1 else "give a smaller --micro-batch")
            ) from error
        self.micro_batch = -(-self.micro_batch // 2)
        self.optimiser.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        note(f"out of memory: {self.micro_batch} crops at once from here on, {self.recipe.batch} a step as before")

    def _compile(self) -> None:
        """Compile the loss, which fuses its many passes over memory, and try the result on one crop."""
        mode = "reduce-overhead" if self.fabric.device.type == "cuda" else "default"
        compiled = torch.compile(self.plain, mode=mode)
        size = 224 if self.loss.sigma else 64
        x = torch.rand(1, 3, size, size, device=self.fabric.device).mul(255)
        try:
            compiled(x, x.clone().requires_grad_(), self.plain.reference(x))["d"].backward()
        except Exception as error:  # no C++ compiler, an unknown operator: it raises nearly anything
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            note(f"torch.compile does not work here ({reason}); going on without")
            return
        self.distortion = compiled


def _keep_memory() -> None:
    """Make glibc keep freed memory for the next step: returned to the system, it comes back one page fault at a time.

    This saves a tenth of a step with an LSTM. Other C libraries have no such switch, and most do not need one.
    """
    threshold_of_mapping, threshold_of_trimming = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(threshold_of_mapping, 1 << 30)
        mallopt(threshold_of_trimming, (1 << 31) - 1)
