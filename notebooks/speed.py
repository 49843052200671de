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
# Every experiment of this book is paid for in training steps. The paper's recipe asks for 20,000 of them, sixty times
# over. This page says how our step came to be several times as fast as the same step written straight from the
# paper's equations, and shows that both give the same losses. It then times the encoder against others.
#
# ```{admonition} What you will learn
# - why a loss is slower than the network that it trains, and what to do about that
# - how to use numbers of eight bits where a difference of nearly equal things is wanted
# - how long `repro encode` takes beside libjpeg, mozjpeg, jpegli, Guetzli and a learned codec
#
# The numbers are stored results of `make bench`; nothing is timed while this page is built.
# ```

# %% tags=["remove-cell"]
# On Colab the book is missing: fetch it, and the packages that are missing there. Elsewhere this does nothing.
import importlib.util

if importlib.util.find_spec("chapters") is None:
    import subprocess
    import sys

    fetch = "test -d literate-jpeg || git clone -q --depth 1 https://github.com/literate-jpeg/repro literate-jpeg"
    subprocess.run(f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py", shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`

# %% tags=["hide-input"]
import torch

from bookkit import glue, html
from chapters import speed
from repro.data import crop_pool, photos
from repro.experiments import bench
from repro.metrics import LPIPS
from repro.metrics.ms_ssim import ms_ssim_from_difference, reference_statistics

stored = bench.load()
html.table([], list(speed.machine(stored["step"]).items()), caption="Where the training step was timed")

# %% [markdown]
# ## Where the time goes
#
# With the trunk frozen, its features of a crop are the same at every step: computed once and kept on disk, they cost
# nothing. What is left is the loss, and nearly all of that is LPIPS and MS-SSIM. Both compare the picture $\hat x$
# with an original $x$ that is known long before, so everything that depends on $x$ alone can be had in advance. The
# rest depends on the difference $\delta = \hat x - x$, and that is the key to the other half of the gain.
#
# ### MS-SSIM from a difference
#
# SSIM's contrast and structure term is usually computed from the two pictures' variances and their covariance under a
# Gaussian window. Put $\hat x = x + \delta$, and it becomes
#
# $$\mathrm{cs} = 1 - \frac{\sigma^2_\delta}{2\sigma^2_x + 2\sigma_{x\delta} + \sigma^2_\delta + C_2}$$ (eq-cs-difference)
#
# which is exact, needs three windowed maps at each scale in the place of five, and computes the small number
# $1 - \mathrm{cs}$ from small numbers. The gradient is written out by hand: automatic differentiation would walk over
# memory some forty times. All planes of a batch go through one convolution, channels last.
#
# ### LPIPS from a difference
#
# LPIPS compares features of AlexNet that are nearly equal. In bfloat16 a number has eight significant bits, and the
# difference of two such numbers that agree in six of them has two. So the network does not carry $\hat x$: it carries
# $\delta$, beside what is known of $x$. A convolution maps differences linearly. A ReLU that is known to stand at
# $p$ turns a difference $d$ into $\max(d, -p) - \max(-p, 0)$. A difference has eight bits of its own, and the
# products may be taken in bfloat16. Watch both ways on a crop and a slightly noisy copy:

# %%
crop = crop_pool(photos("train", data_dir), 1, seed=seed).float()
d = 3 * torch.randn(crop.shape, generator=torch.Generator().manual_seed(seed))
lpips = LPIPS()
original = crop.clamp(20, 235)  # room for the noise
exact = float(lpips(original, original + d))
by_difference = float(lpips.from_difference(lpips.reference(original, torch.bfloat16), d))
similarity = float(ms_ssim_from_difference(reference_statistics(original), d))

# %%
with torch.autocast("cpu", torch.bfloat16):
    one, other = (lpips.net.net(lpips.net.scaling_layer(x / 127.5 - 1)) for x in (original, original + d))
units = [[f.float() / f.float().norm(dim=1, keepdim=True) for f in maps] for maps in (one, other)]
coarse = float(lpips.distance(*units))

# %% tags=["remove-cell"]
glue("speed_exact", exact)
glue("speed_difference", by_difference)
glue("speed_coarse", coarse)
glue("speed_similarity", similarity)

# %% [markdown]
# In 32 bits LPIPS is {glue:text}`speed_exact:.6f`; by differences, with products in bfloat16,
# {glue:text}`speed_difference:.6f`; with both pictures sent through the network in bfloat16,
# {glue:text}`speed_coarse:.6f`. (MS-SSIM of the same pair, in 32 bits throughout: {glue:text}`speed_similarity:.6f`.)
#
# ## The step against the plain step
#
# `benchmarks/plain.py` has the paper's step written from its equations: eager, 32 bits, `lpips` and `pytorch-msssim`,
# every term computed anew. Both take batches of eight crops of 224 px, in turns, in one process.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-step-speed", "caption": "How many times as fast our training step is as the plain step of the same method, batches of 8 crops of 224 px. Bars are quartiles, red ticks what it had to be at least. A frozen trunk is not trained and its features are kept; the plain step runs it forward each time."}, "image": {"alt": "One line for each method with a point for the median ratio. All lie right of 1; frozen VGG-19 is the furthest to the right. The table below has the numbers."}}
speed.ratios(stored["step"]["rows"], "times as fast as the plain step")

# %% tags=["hide-input"]
html.table(*bench.table(stored["step"]["rows"]), caption="The training step in numbers")

# %% [markdown]
# *Is it the same training?* The tests hold both steps to the same losses over 50 steps for every method. Here are
# the gradients of one step in both precisions, and how far apart 100 steps end, in the median of the last 32, beside
# what another seed does:

# %% tags=["hide-input"]
html.table(*bench.table(stored["accuracy"]["rows"]), caption="32 bits against bfloat16")

# %% [markdown]
# ## How near to the machine's limit?
#
# A processor can be busy with two things, arithmetic and memory. A step that does few operations for each byte that
# it touches cannot be faster than memory lets it, however fast the multipliers are.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-roofline", "caption": "Roofline of this machine: the best measured matrix products in 32 bits and in bfloat16, and the slope that copying memory sets. Points are our training steps; bytes count every operator's inputs and outputs, as if no cache held them, so that a point may lie above the slope."}, "image": {"alt": "Two roofs over a common slope in a log-log plot. Steps with a frozen trunk lie at a few operations a byte, near the slope; the step that trains VGG-19 lies further right and higher."}}
speed.roofline(stored["roofline"]["rows"])

# %% [markdown]
# The loss lives at the slope: after the products were made cheap, what remains is walking over memory. Tried and left
# out on processors: `torch.compile` fuses walks, but gained nothing over the steps written out by hand and took most of
# a minute to start (`repro train --compile` offers it, for GPUs). Halving the parts of a batch so that they stay in the
# cache costs more in small operators than it saves.
#
# ## Many models of one sweep
#
# A curve needs a model for each λ. They share crops, the trunk's features and what LPIPS knows, and each then runs on
# one core: two processes of one thread wait less for each other than the two threads of one process.

# %% tags=["hide-input"]
html.table(*bench.table(stored["sweep"]["rows"]), caption="Twelve models of one sweep")

# %% [markdown]
# The last line is what one step that trains many models at once could save. It is about what a process for each core
# brings, and that needs no code of its own.
#
# ## Encoding
#
# From pixels in memory to the file's bytes, at about equal rates. A time is for all photos together, as many megapixels as
# stand behind the name. Ours are the paper's ways, with learned tables and with VGG-16; what `repro encode` does by itself
# today, with a trellis, is timed in {ref}`ch-beyond`:

# %% tags=["hide-input"]
html.table(*speed.encoders(stored["encode"]["rows"]), caption="Encoders in pairs")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-encode-cost", "caption": "One photo encoded from file to file by a warm process: seconds and peak memory against its size. Memory counts everything that the process has loaded."}, "image": {"alt": "Left, seconds against megapixels on logarithmic axes: nearly straight lines of slope one. Right, peak memory in gibibytes, which grows slowly with the size of the photo."}}
speed.cost(stored["size"]["rows"])

# %% [markdown]
# Several qualities of one photo can share its analysis, which is what `repro encode --bpp` does:

# %% tags=["hide-input"]
html.table(*bench.table(stored["lambdas"]["rows"]), caption="Several qualities at once")

# %% [markdown]
# ## Starting up
#
# A command that encodes one photo spends most of its time on loading: PyTorch, compiled loops, and for the default effort
# what LPIPS needs. `repro encode` of a folder does so once for all photos in it.

# %% tags=["hide-input"]
html.table(
    *bench.table([*stored["start"]["rows"], *stored["book"]["rows"]]),
    caption="Commands from a cold start, and the book in a fresh clone and once more",
)

# %% [markdown]
# ## Summary
#
# - What is known before training begins need not be computed in it: features of a frozen trunk, all that a loss asks of
#   the original.
# - A small difference of large numbers wants many bits. Carry the difference instead, and few are enough.
# - Once products are cheap, a step waits for memory; then only fewer walks over it help.
# - A speed is believed when both ways give the same losses.
#
# ## Exercises
#
# **1.** The difference form of SSIM divides by $2\sigma^2_x + 2\sigma_{x\delta} + \sigma^2_\delta + C_2$. Show that this
# is $\sigma^2_x + \sigma^2_{\hat x} + C_2$, and so never zero.
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
# The map comes out of the 1 × 1 convolution behind the trunk, and that one is trained: it gives another map at each step.
# ```
#
# **3.** A new machine multiplies twice as fast and has the same memory. What do the steps in {numref}`fig-roofline` gain
# that lie under the slope, and what those under the roof?
#
# ```{admonition} Solution
# :class: dropdown
# Under the slope nothing: they wait for memory. Under the roof up to half of their time. The point where slope and roof
# meet moves to the right, so that fewer steps reach the roof at all.
# ```
#
# ## What's next
#
# All this is one machine. {doc}`../book/cluster` spreads a sweep over several, and {ref}`extending` adds a trunk, a term of
# the loss or an experiment to what is there.
