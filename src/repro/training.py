"""One training loop, on Lightning Fabric: CPU, one GPU or several, full or mixed precision.

A run is a function of its settings, its crops and its seed: which crops make batch number t is computed from t alone,
so a run that was killed goes on from its last checkpoint and ends with the same bits as one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from repro.errors import ReproError, UsageError
from repro.files import atomic_path
from repro.jpeg.tables import quality_tables
from repro.losses import Distortion, LossWeights, rate
from repro.model import LearnedJPEG, ModelSettings
from repro.progress import bar


@dataclass(frozen=True)
class Recipe:
    """How long, how fast and from where a model trains; the defaults are the fast recipe for two cores.

    steps, batch            updates, and crops in each
    lr_tables, lr_network   Adam's learning rates for the table variables and for the attention network
    schedule                "cosine" falls to 0 over the run; "constant" is the paper's
    tables_start            IJG quality whose tables are the start; 0: uniform in 1–2, the paper's
    seed                    of the weights' start and of the order of crops
    precision               Lightning Fabric's name: "32-true", "bf16-mixed"
    log_every               steps between two rows of the log
    checkpoint_every        steps between two checkpoints
    """

    steps: int = 400
    batch: int = 4
    lr_tables: float = 0.03
    lr_network: float = 1e-3
    schedule: str = "cosine"
    tables_start: int = 25
    seed: int = 0
    precision: str = "32-true"
    log_every: int = 10
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} = {getattr(self, name)}: must be 1 or more")
        for name in ("lr_tables", "lr_network"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise UsageError(f"{name} = {getattr(self, name)}: must be above 0")
        if self.schedule not in ("cosine", "constant"):
            raise UsageError(f"unknown schedule {self.schedule!r}; choose 'cosine' or 'constant'")


#: Section 6.2 of the paper, to the letter.
PAPER_RECIPE = Recipe(
    steps=20_000, batch=8, lr_tables=1e-6, lr_network=1e-6, schedule="constant", tables_start=0, checkpoint_every=500
)


@dataclass
class Trained:
    """A trained model, its log (one row of numbers every ``log_every`` steps) and the seconds that it took."""

    model: LearnedJPEG
    log: list[dict[str, float]]
    seconds: float


def batch_indices(step: int, count: int, batch: int, seed: int) -> torch.Tensor:
    """(batch,) which of ``count`` crops make batch number ``step``: shuffled anew each epoch, from ``step`` alone."""
    places = torch.arange(step * batch, (step + 1) * batch)
    order = {
        epoch: torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for epoch in sorted({int(p) // count for p in places})
    }
    return torch.stack([order[int(p) // count][int(p) % count] for p in places])


def learning_rate(recipe: Recipe, step: int) -> float:
    """The factor on both learning rates at ``step``."""
    if recipe.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * step / recipe.steps))


def new_model(settings: ModelSettings, recipe: Recipe) -> LearnedJPEG:
    """A model at its start; its weights depend on ``recipe.seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = LearnedJPEG(settings)
    if recipe.tables_start:
        model.tables.set(quality_tables(recipe.tables_start))
    return model


def train(
    settings: ModelSettings,
    loss: LossWeights,
    recipe: Recipe,
    crops: torch.Tensor,
    *,
    features: torch.Tensor | None = None,
    folder: Path | None = None,
    fabric: Fabric | None = None,
    observe: Callable[[int, LearnedJPEG], None] | None = None,
) -> Trained:
    """Minimise λ d + r (Eq. 7) over the model's tables and attention.

    crops
        (n, 3, S, S) uint8 RGB. MS-SSIM needs S ≥ 161; the paper's is 224.
    features
        (n, channels, S/8, S/8) of a frozen trunk for the same crops, from :func:`trunk_features`; else computed anew.
    folder
        where checkpoints and TensorBoard's logs go; a run found there goes on. None: nothing is written.
    observe
        called as ``observe(step, model)`` before the first step and after each ``log_every`` (for films, Fig. 13).

    Raises :class:`ReproError` where the loss is no longer a number; the last good checkpoint stays and is named.
    """
    fabric = fabric or Fabric(accelerator="cpu", devices=1, precision=recipe.precision)  # type: ignore[arg-type]
    if recipe.batch % fabric.world_size:
        raise UsageError(f"batch {recipe.batch} does not divide over {fabric.world_size} processes; make it a multiple")
    run = _Run(settings, loss, recipe, fabric, folder)
    started = time.perf_counter()
    with ExitStack() as stack:
        progress = stack.enter_context(bar(recipe.steps, f"train {settings.method} λ={loss.lam:g}"))
        board = stack.enter_context(_tensorboard(folder)) if folder and fabric.is_global_zero else None
        progress.update(run.step)
        if observe and run.step == 0:
            observe(0, run.raw)
        while run.step < recipe.steps:
            x, known = run.batch(crops, features)
            row = run.update(x, known)
            progress.update()
            if run.step % recipe.log_every == 0 or run.step == recipe.steps:
                run.log.append(row)
                progress.set_postfix(loss=f"{row['loss']:.3g}")
                if board is not None:
                    _show(board, run, row, x)
                if observe:
                    observe(run.step, run.raw)
            if folder and (run.step % recipe.checkpoint_every == 0 or run.step == recipe.steps):
                run.save(run.seconds + time.perf_counter() - started)
    return Trained(run.raw, run.log, run.seconds + time.perf_counter() - started)


class _Run:
    """The state of one run: what a checkpoint holds, and one step of it."""

    def __init__(
        self, settings: ModelSettings, loss: LossWeights, recipe: Recipe, fabric: Fabric, folder: Path | None
    ) -> None:
        self.loss, self.recipe, self.fabric = loss, recipe, fabric
        self.identity = json.dumps([asdict(settings), asdict(loss), asdict(recipe)], sort_keys=True)
        self.checkpoint = folder / "checkpoint.safetensors" if folder else None
        self.step, self.seconds, self.log = 0, 0.0, list[dict[str, float]]()
        self.raw = new_model(settings, recipe)
        groups: list[dict[str, Any]] = [{"params": [self.raw.tables.variable], "lr": recipe.lr_tables}]
        network = [] if self.raw.attention is None else [p for p in self.raw.attention.parameters() if p.requires_grad]
        if network:
            groups.append({"params": network, "lr": recipe.lr_network})
        self.rates = [group["lr"] for group in groups]
        optimiser = torch.optim.Adam(groups)
        if self.checkpoint and self.checkpoint.exists():
            self.restore(optimiser)
        self.model, self.optimiser = fabric.setup(self.raw, optimiser)
        self.distortion = fabric.to_device(Distortion(loss))

    def batch(self, crops: torch.Tensor, features: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor | None]:
        """This process's share of the step's crops, on its device, and of their features."""
        chosen = batch_indices(self.step, len(crops), self.recipe.batch, self.recipe.seed)
        chosen = chosen[self.fabric.global_rank :: self.fabric.world_size]
        x = self.fabric.to_device(crops[chosen]).float()
        return x, None if features is None else self.fabric.to_device(features[chosen])

    def update(self, x: torch.Tensor, features: torch.Tensor | None) -> dict[str, float]:
        """One step of Adam; returns its row of the log."""
        for group, start in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = start * learning_rate(self.recipe, self.step)
        output = self.model(x, features)
        self.check(output.x_hat.detach().sum())
        terms = self.distortion(x, output.x_hat)
        bits = rate(output.Q, output.A, self.loss)
        total = self.loss.lam * terms["d"] + bits
        self.check(total.detach())
        self.optimiser.zero_grad()
        self.fabric.backward(total)
        self.optimiser.step()
        self.raw.tables.clip()
        self.step += 1
        row = {"step": self.step, "loss": total, "rate": bits, **terms}
        row["nonzero"] = (output.z_hat != 0).float().mean()
        return {name: float(torch.as_tensor(value).detach()) for name, value in row.items()}

    def check(self, value: torch.Tensor) -> None:
        """Stop, naming the step and what is kept, where ``value`` is no number."""
        if not torch.isfinite(value):
            kept = f"last good checkpoint: {self.checkpoint}" if self.checkpoint else "nothing was stored"
            raise ReproError(
                f"training stopped at step {self.step}: the loss is {float(value)}; {kept}; lower the learning rate"
            )

    def save(self, seconds: float) -> None:
        """Write what it takes to go on, whole or not at all."""
        if not self.fabric.is_global_zero:
            return
        assert self.checkpoint is not None
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{k}": v.clone() for k, v in self.raw.learned_state().items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{k}": v.cpu() for k, v in values.items()}
        header = {"identity": self.identity, "log": json.dumps(self.log), "seconds": json.dumps(seconds)}
        with atomic_path(self.checkpoint) as temporary:
            save_file(tensors, temporary, metadata=header | {"step": str(self.step)})

    def restore(self, optimiser: torch.optim.Adam) -> None:
        """Take up a run where its checkpoint left it. Raises :class:`ReproError` where it is another run's."""
        try:
            with safe_open(str(self.checkpoint), framework="pt") as stored:
                header = stored.metadata() or {}
                tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (not a dict)
        except (SafetensorError, OSError) as error:
            raise ReproError(
                f"{self.checkpoint}: not a readable checkpoint ({error}); delete it to start anew"
            ) from error
        if header.get("identity") != self.identity:
            raise ReproError(f"{self.checkpoint}: belongs to a run with other settings; name another folder")
        self.raw.load_state_dict(_under("model.", tensors), strict=False)
        state = optimiser.state_dict()
        indices = {int(key.split(".")[1]) for key in tensors if key.startswith("adam.")}
        state["state"] = {i: _under(f"adam.{i}.", tensors) for i in indices}
        optimiser.load_state_dict(state)
        self.step, self.log, self.seconds = (
            int(header["step"]),
            json.loads(header["log"]),
            json.loads(header["seconds"]),
        )


@torch.no_grad()
def trunk_features(model: LearnedJPEG, crops: torch.Tensor, batch: int = 8) -> torch.Tensor | None:
    """(n, channels, S/8, S/8) float16 of a frozen trunk, once and for all; None where there is none to compute."""
    if model.frozen_trunk is None:
        return None
    assert model.attention is not None
    return torch.cat([model.attention.features(part.float()).half() for part in crops.split(batch)])  # type: ignore[operator]


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _tensorboard(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder / "tensorboard", flush_secs=30)


@torch.no_grad()
def _show(board: Any, run: _Run, row: dict[str, float], x: torch.Tensor) -> None:
    """Scalars always; the first crop before and after, ten times a run."""
    for name, value in row.items():
        if name != "step":
            board.add_scalar(name, value, run.step)
    if run.step % max(run.recipe.steps // 10, 1) == 0:
        pair = torch.cat([x[0], run.raw(x[:1]).x_hat[0]], dim=-1)
        board.add_image("original | compressed", (pair / 255).clamp(0, 1), run.step)
