# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-speed)=
# # How fast it is, and why
#
# Every experiment of this book costs training steps. The paper's recipe takes 20,000 steps for a model, and its figures
# need dozens of models. This page explains how our step became several times as fast as the same step written straight from
# the paper's equations, and shows that both give the same losses. It then compares our encoder's times with those of
# others.
#
# ```{admonition} What you will learn
# - why the loss takes longer than the network that it trains, and what to do about it
# - how to compute the difference of two nearly equal numbers when each has only eight significant bits
# - how long `repro encode` takes compared with libjpeg, mozjpeg, jpegli, Guetzli and a learned codec
#
# The numbers are stored results of `make bench`. The page itself times neither training nor encoding.
# ```

# %% tags=["remove-cell"]
# On Colab the book is missing: fetch it, and the packages that are missing there. Elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("chapters") is None:
    import subprocess
    import sys

    fetch = "test -d literate-jpeg || git clone -q --depth 1 https://github.com/literate-jpeg/repro literate-jpeg"
    prepare = f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py"
    subprocess.run(prepare, shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`

# %% tags=["hide-input"]
import math

import numpy as np
import torch
import torch.nn.functional as nnf

from bookkit import glue, html
from chapters import speed, tables
from repro.data import crop_pool, photos
from repro.experiments import bench
from repro.jpeg.tables import quality_tables
from repro.losses import LossWeights
from repro.metrics import LPIPS
from repro.metrics.ms_ssim import ms_ssim_from_difference, reference_statistics
from repro.model import ModelSettings
from repro.plain import (  # chapters 3 and 4 show these
    decode,
    distortion,
    forward_dct,
    loss,
    quantise,
    rate,
    round_straight_through,
    round_third_order,
)
from repro.training import Recipe, batch_indices, train

stored = bench.load()
tables.folded(
    "Where the training step was timed", [], speed.machine(stored["step"]).items()
)

# %% [markdown]
# ## The plain step
#
# This is the step that ours is timed against: Eqs. 1–9 in order, in 32 bits, without compilation, with every term
# computed anew at every step. {ref}`ch-first-experiment` trains with it:


# %%
def training_step(x, log_Q, attend, lpips, adam, lam, rounding=round_third_order):
    """One step on a batch x of crops; returns the loss. attend is (x, F) → A."""
    Q, F = log_Q.exp(), forward_dct(x)
    A = attend(x, F)
    x_hat = decode(quantise(F, A, Q, rounding), Q)
    L = loss(distortion(x, x_hat, lpips), rate(Q, A), lam)
    adam.zero_grad()
    L.backward()
    adam.step()
    with torch.no_grad():
        log_Q.clamp_(0, math.log(255))
    return L.item()


# %% [markdown]
# Here are a few steps of it on a few crops, for tables alone:


# %%
def no_attention(x, F):
    """A = 1."""
    return torch.ones_like(F[:, :2])


crops = crop_pool(photos("train", data_dir), 8, seed=seed)
lpips, rounding, few = LPIPS(), round_straight_through, 3
log_Q = torch.from_numpy(quality_tables(25)).float().log().requires_grad_()
adam = torch.optim.Adam([log_Q], lr=0.03)
plain_losses = []
for step in range(few):
    x = crops[batch_indices(step, len(crops), 4, seed)].float()
    L = training_step(x, log_Q, no_attention, lpips, adam, 0.02, rounding)
    plain_losses.append(L)

# %% [markdown]
# And here are the same steps by the package, with everything that this page describes, bfloat16 included:

# %%
settings = ModelSettings(method="tables", rounding="straight-through")
recipe = Recipe(steps=few, seed=seed, schedule="constant", log_every=1)
fast = train(settings, LossWeights(lam=0.02), recipe, crops)
fast_losses = [row["loss"] for row in fast.log]
print("plain:", *(f"{L:.2f}" for L in plain_losses))
print("fast: ", *(f"{L:.2f}" for L in fast_losses))
same = np.allclose(plain_losses, fast_losses, rtol=0.01)
print("the package's fast version agrees:", same)

# %% [markdown]
# ## Where the time goes
#
# A frozen trunk gives the same features for a crop at every step. So they are computed once and kept on disk. What is left
# is the loss, and nearly all of that is LPIPS and MS-SSIM. Both compare the picture $\hat x$ with an original $x$ that does
# not change, so everything that depends on $x$ alone is computed in advance, too. The rest depends on the difference
# $\delta = \hat x - x$, and that is where the other gains come from.
#
# ### MS-SSIM from a difference
#
# SSIM's contrast and structure term is usually computed from the variances of the two pictures and their covariance under a
# Gaussian window. With $\hat x = x + \delta$ it becomes
#
# $$\mathrm{cs} = 1 - \frac{\sigma^2_\delta}{2\sigma^2_x + 2\sigma_{x\delta} + \sigma^2_\delta + C_2}$$ (eq-cs-difference)
#
# This is exact. It needs three windowed maps at each scale instead of five, and it computes the small number
# $1 - \mathrm{cs}$ from small numbers. Here is the usual form, as {ref}`ch-loss` has it, and then this one:

# %%
g = torch.exp(-((torch.arange(11.0) - 5) ** 2) / (2 * 1.5**2))
window = torch.outer(g, g) / g.sum() ** 2
C2 = (0.03 * 255) ** 2


def mean(v):
    """The mean of v (B, C, H, W) under the window at each place."""
    planes = v.flatten(0, 1)[:, None]
    smooth = nnf.conv2d(planes, window[None, None].to(v))
    return smooth.unflatten(0, v.shape[:2])[:, :, 0]


def usual(x, y):
    """1 − cs of x and y, from five windowed maps."""
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return 1 - (2 * cov + C2) / (vx + vy + C2)


def one_minus_cs(x, d):
    """1 − cs of x and x + d; mean(x) and mean(x²) are known before training."""
    mx, md = mean(x), mean(d)
    vx, vd = mean(x * x) - mx * mx, mean(d * d) - md * md
    return vd / (2 * vx + 2 * (mean(x * d) - mx * md) + vd + C2)


# %% [markdown]
# We try both on a crop and a slightly noisy copy of it. In 64 bits they agree. In 32 bits the usual form loses more digits:

# %%
original = crops[:1].float().clamp(20, 235)  # room for the noise
d = 3 * torch.randn(original.shape, generator=torch.Generator().manual_seed(seed))
x, exact_d = original.double(), d.double()
exact = usual(x, x + exact_d)
print("both forms agree:", torch.allclose(exact, one_minus_cs(x, exact_d), atol=1e-9))
forms = {
    "usual form": usual(original, original + d),
    "difference": one_minus_cs(original, d),
}
for form, found in forms.items():
    print(f"{form}: off by up to {(found - exact).abs().max():.0e} in 32 bits")

# %% [markdown]
# In the package the gradient of this is written by hand, because automatic differentiation would pass over memory many more
# times. All planes of a batch go through one convolution, with channels last in memory.
#
# ### LPIPS from a difference
#
# LPIPS compares features of AlexNet that are nearly equal. In bfloat16 a number has eight significant bits. If two such
# numbers agree in six of them, their difference has only two. So the network does not compute the features of $\hat x$. It
# computes how they differ from those of $x$, which are known. A convolution maps a difference to a difference. So does a
# ReLU, if its input for $x$ is known; here it is $p$:


# %%
def relu_difference(p, d):
    """relu(p + d) − relu(p), without subtracting two nearly equal numbers."""
    return torch.maximum(d, -p) - torch.maximum(-p, torch.zeros_like(p))


p, small = torch.linspace(-2, 2, 9), torch.full((9,), 0.01)
plainly = (p + small).relu() - p.relu()
print("both agree:", torch.allclose(relu_difference(p, small), plainly, atol=1e-6))

# %% [markdown]
# A difference that is stored by itself has eight bits of its own, so the products may be taken in bfloat16. Let us compute
# LPIPS in three ways: in 32 bits, by differences with products in bfloat16, and with both pictures sent through the network
# in bfloat16:

# %%
exact = float(lpips(original, original + d))
known = lpips.reference(original, torch.bfloat16)
by_difference = float(lpips.from_difference(known, d))
similarity = float(ms_ssim_from_difference(reference_statistics(original), d))


# %%
def coarse_features(x):
    """AlexNet's features in bfloat16, as vectors of unit length."""
    with torch.autocast("cpu", torch.bfloat16):
        maps = lpips.net.net(lpips.net.scaling_layer(x / 127.5 - 1))
    return [f.float() / f.float().norm(dim=1, keepdim=True) for f in maps]


coarse = float(lpips.distance(coarse_features(original), coarse_features(original + d)))

# %% tags=["remove-cell"]
glue("speed_exact", exact)
glue("speed_difference", by_difference)
glue("speed_coarse", coarse)
glue("speed_similarity", similarity)

# %% [markdown]
# | LPIPS of the same pair | |
# |---|---|
# | 32 bits | {glue:text}`speed_exact:.6f` |
# | by differences, products in bfloat16 | {glue:text}`speed_difference:.6f` |
# | both pictures in bfloat16 | {glue:text}`speed_coarse:.6f` |
#
# (MS-SSIM of the pair, in 32 bits, is {glue:text}`speed_similarity:.6f`.)
#
# ## The fast step against the plain step
#
# `make bench` times the plain step and ours in turn, as in {ref}`ch-run-time`, each in a process of its own, after a few
# steps that are not counted. Both take the same batches of eight crops of 224 px. Ratios are medians, with quartiles.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-step-speed", "caption": "How many times as fast our training step is as the plain step of the same method, on batches of 8 crops of 224 px. Bars reach from quartile to quartile; red ticks are the least ratio that was asked for. Our step reads the features of a frozen trunk from disk; the plain step computes them every time."}, "image": {"alt": "A row for each method with a point for the median ratio. All lie right of 1; frozen VGG-19 is the furthest to the right. The table below has the numbers."}}
speed.ratios(stored["step"]["rows"], "times as fast as the plain step")

# %% tags=["remove-input"]
tables.folded("The training step in numbers", *bench.table(stored["step"]["rows"]))

# %% tags=["remove-cell"]
cosines = [row["cosine"] for row in stored["accuracy"]["rows"] if "cosine" in row]
glue("least_cosine", min(min(one.values()) for one in cosines))

# %% [markdown]
# *Is it the same training?* Tests check that both steps have the same losses over 50 steps, for every method. In bfloat16 the
# gradient of a step has a cosine of at least {glue:text}`least_cosine:.5f` with that in 32 bits. The table has these cosines,
# and how far apart two runs of 100 steps end (the median of the last 32), beside the difference that another seed makes. One
# trunk is an exception: with the products of ResNet-152 up to block 7 in bfloat16, the gradients fell short of the bound in
# this table. So that trunk always runs in 32 bits.

# %% tags=["remove-input"]
tables.folded("32 bits against bfloat16", *bench.table(stored["accuracy"]["rows"]))

# %% [markdown]
# ## How near to the machine's limit?
#
# A processor spends its time on arithmetic or on access to memory. A step that does few operations for each byte cannot be
# faster than memory allows, however fast the arithmetic is.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-roofline", "caption": "Roofline of this machine: the best measured matrix products in 32 bits and in bfloat16, and the slope that the speed of copying memory sets. Points are our training steps; bytes count the inputs and outputs of every operator, as if there were no cache, so a point may lie above the slope."}, "image": {"alt": "Operations per second against operations per byte, both on logarithmic axes: two roofs over a common slope. The steps of tables alone and of the frozen VGG-19 lie close together near the end of the slope; the step that trains VGG-19 lies further right and higher."}}
speed.roofline(stored["roofline"]["rows"])

# %% tags=["remove-cell"]
roof = {row["name"]: row for row in stored["roofline"]["rows"]}
trained, frozen = (roof[f"VGG-19, {trunk}"] for trunk in ("trained", "frozen"))
reached = trained["flops"] / trained["seconds"]["median"]
glue(
    "trained_share",
    100 * reached / roof["matrix product, bfloat16"]["flops_per_second"],
)
glue("trained_operations", trained["flops"] / frozen["flops"])
glue("roofline_processor", stored["roofline"]["provenance"]["cpu"])

# %% [markdown]
# The step that trains VGG-19's trunk does {glue:text}`trained_operations:.0f` times the operations of the step that leaves
# it frozen. Nearly all of them are convolutions, forward and backward, so arithmetic sets its limit. It reaches
# {glue:text}`trained_share:.0f` % of the speed of the best matrix products in bfloat16 on this processor
# ({glue:text}`roofline_processor`). Everything but these convolutions takes about a fifth of the step's time at most.
#
# In the other steps the loss is limited by memory: its products are cheap now, and what remains are passes over memory. Two
# more things were tried on the CPU and left out. `torch.compile` fuses such passes, but it gained nothing over the code
# written by hand and took most of a minute to start (`repro train --compile` offers it, for GPUs). Splitting a batch into
# smaller parts, which would fit into the cache, costs more in small operators than it saves.
#
# ## Many models of one sweep
#
# A curve needs a model for each λ. The models share crops, the trunk's features and LPIPS's features of the originals. Each
# then trains on one core: two processes of one thread wait less for each other than the two threads of one process.

# %% tags=["hide-input"]
html.table(*bench.table(stored["sweep"]["rows"]), caption="Twelve models of one sweep")

# %% [markdown]
# The last line shows what could be saved by a single step that trains many models at once. That is about as much as one
# process per core saves without any extra code.
#
# ## Encoding
#
# {numref}`fig-encode-seconds` shows the time from pixels in memory to the bytes of a file, at about equal rates. (Two
# encoders spend more bits: the learned codec, because its weights are random, and Guetzli, because it makes no small
# files.) Ours are the paper's methods: learned tables alone, at efforts `fast` and `default`, and with VGG-16.
# {numref}`fig-time` shows the times of the encoder of {ref}`ch-beyond`, which `repro encode` uses unless told otherwise.
# They were taken on another machine with two photos at a time, so compare times only within one figure.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-encode-seconds", "caption": "Seconds per megapixel that each encoder takes, on a logarithmic axis. Diamonds are the paper's methods in our encoder. Guetzli was timed on one photo, once."}, "image": {"alt": "Seconds per megapixel on a logarithmic axis, a row for each encoder, the fastest first: Pillow, progressive JPEG, our tables at effort fast, jpegli, our tables at effort default, mozjpeg, a learned codec, our VGG-16, and far behind all others Guetzli."}}
speed.seconds(stored["encode"]["rows"])

# %% tags=["remove-input"]
tables.folded("Encoders in pairs", *speed.encoders(stored["encode"]["rows"]))

# %% tags=["remove-input"]
tables.folded(
    "The efforts of repro encode and all rivals of chapter 10, in turn, on two threads (best: on two photos, by itself)",
    *speed.encoders(stored.get("efforts", {"rows": []})["rows"], ours={}),
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-encode-cost", "caption": "Encoding one photo, from file to file, in a process that has encoded before: seconds and peak memory against the size of the photo. Memory includes everything that the process has loaded."}, "image": {"alt": "Left, seconds against megapixels on logarithmic axes: nearly straight lines of slope one. Right, peak memory in gibibytes, nearly flat for small photos and growing for large ones."}}
speed.cost(stored["size"]["rows"])

# %% [markdown]
# Several qualities of one photo can share the attention network's features, and `repro encode --bpp` does this. With VGG-16,
# eight qualities at once are {glue:text}`at_once:.1f` times as fast as one by one. Tables alone have nothing to share.

# %% tags=["remove-cell"]
glue("at_once", stored["lambdas"]["rows"][-1]["ratio"]["median"])

# %% tags=["remove-input"]
tables.folded("Several qualities at once", *bench.table(stored["lambdas"]["rows"]))

# %% [markdown]
# ## Starting up
#
# A command that encodes one small photo spends most of its time loading Python's packages and compiled loops. For a folder
# of photos, `repro encode` loads them only once. "Memory" is the most that the process used at any moment:

# %% tags=["hide-input"]
html.table(
    *bench.table([*stored["start"]["rows"], *stored["book"]["rows"]]),
    caption="Commands from a cold start; building the book in a fresh clone, and again",
)

# %% [markdown]
# ## Summary
#
# - Compute before training what does not change during it: the features of a frozen trunk, and all that the loss needs from
#   the originals.
# - A small difference of large numbers needs many bits. If you compute the difference itself, few bits are enough.
# - Once products are cheap, a step waits for memory. Then only fewer passes over memory help.
# - A faster step counts only if it gives the same losses.
#
# ## Exercises
#
# **1.** The difference form of SSIM divides by $2\sigma^2_x + 2\sigma_{x\delta} + \sigma^2_\delta + C_2$. Show that this
# is $\sigma^2_x + \sigma^2_{\hat x} + C_2$, and therefore never zero.
#
# ```{admonition} Solution
# :class: dropdown
# $\sigma^2_{\hat x} = \sigma^2_{x+\delta} = \sigma^2_x + 2\sigma_{x\delta} + \sigma^2_\delta$; add $\sigma^2_x + C_2$.
# Variances are not negative and $C_2$ is above zero.
# ```
#
# **2.** Why may the trunk's features be kept on disk when the trunk is frozen, but not the attention map?
#
# ```{admonition} Solution
# :class: dropdown
# The map comes from the 1 × 1 convolution behind the trunk. That convolution is trained, so its map changes at every step.
# ```
#
# **3.** A new machine does arithmetic twice as fast and has the same memory. How much faster are the steps in
# {numref}`fig-roofline` that lie under the slope, and how much faster are those under the flat roof?
#
# ```{admonition} Solution
# :class: dropdown
# Under the slope they gain nothing, because they wait for memory. Under the flat roof they take as little as half the time.
# The point where slope and roof meet moves to the right, so arithmetic limits fewer steps.
# ```
#
# ## What's next
#
# All of this was on one machine. {ref}`cluster` runs a sweep on several, and {ref}`extending` shows how to add a trunk, a term
# of the loss or an experiment.
