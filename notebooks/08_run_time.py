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
# (ch-run-time)=
# # How long does it take?
#
# Two figures of the paper are about time. Fig. 11 shows how fast a model trains with VGG and with ResNet. Fig. 12
# compares the time to encode a photo with that of a learned codec, which is a network from end to end. Times depend on
# the program and the machine much more than quality does. So we measure them again, and look for what holds on any
# machine.
#
# ```{admonition} What you will learn
# - how to measure a time, and how to compare speeds on a machine whose speed varies
# - why a ResNet is cheaper than a VGG, and when this makes no difference in training
# - what a network in front of JPEG costs, compared with a learned codec
# - what a standard error says about stability, and what it does not
#
# It helps to have read {ref}`ch-attention`. {ref}`ch-speed` explains how our own training step became fast.
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
from itertools import product

from bookkit import glue, html
from chapters import run_time as pictures
from chapters import speed, tables
from repro.experiments import bench
from repro.experiments.claims import Evidence, all_claims, times

stored = bench.load()
tables.folded("Where training was timed", [], speed.machine(stored["training"]).items())

# %% tags=["remove-cell"]
for row in times.training_rows(stored):
    if "ratio" in row:
        run = (
            row["program"],
            row["trunk"],
            row["precision"].partition("-")[0],
            row["method"].rpartition("-")[2],
        )
        glue(f"ratio_{'_'.join(run)}", times.ratio_in_words(row))

# %% tags=["remove-cell"]
encode, decode = times.coded(stored), times.coded(stored, "decode")
keys = ("tables", "vgg19", "balle", "factorised")
coders = dict(zip(keys, (times.TABLES, times.OURS, *times.LEARNED), strict=True))
for (task, found), (key, coder) in product(
    {"encode": encode, "decode": decode}.items(), coders.items()
):
    row = found.get(coder, {})
    for what, column in {
        "mean": "mean",
        "transform": "transform_seconds",
        "start": "start_seconds",
    }.items():
        glue(
            f"{task}_{key}_{what}",
            bench.seconds_in_words(row[column]) if row.get(column) else "not timed",
        )
    by_photo = row.get("seconds_by_photo")
    glue(
        f"{task}_{key}_first",
        bench.seconds_in_words(by_photo[0]) if by_photo else "not timed",
    )
    operations = row.get("operations_per_pixel")
    glue(
        f"{task}_{key}_operations", f"{operations:,.0f}" if operations else "not timed"
    )
for name, found, one, other in (
    ("vgg19_over_balle", encode, "vgg19", "balle"),
    ("vgg19_over_factorised", encode, "vgg19", "factorised"),
    ("balle_over_tables", encode, "balle", "tables"),
    ("factorised_over_tables", encode, "factorised", "tables"),
    ("decode_balle_over_jpeg", decode, "balle", "tables"),
    ("decode_factorised_over_jpeg", decode, "factorised", "tables"),
):
    both = [found[coders[key]]["mean"] for key in (one, other) if coders[key] in found]
    glue(name, f"{both[0] / both[1]:.2g}" if len(both) == 2 else "not timed")
glue("claimed", times.CLAIMED)
glue("about", times.ABOUT)

# %% [markdown]
# All times that are judged on this page are stored results, because the machine that builds the page may be busy. The
# command `python benchmarks/bench.py training inference` measures them again. Run nothing else meanwhile.

# %% [markdown]
# ## How to measure a time
#
# Reading the clock before and after some work can mislead in three ways. First, on a GPU a call returns before its
# work is done. So we wait for the device each time before we read the clock:

# %%
import time

import torch


def once(work):
    """Seconds of one call of ``work``."""
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


# %% [markdown]
# Second, the first call also loads code, allocates memory and fills caches. So it is a *warm-up* that does not count.
# Third, other programs may slow down any single call. So we *repeat* the call and take the median of the times. To
# compare two programs, we let them take *turns*, in reverse order in every other round. Whatever slows the machine for
# a while then slows both, and mostly cancels in the ratio of neighbouring times.


# %%
def in_turns(programs, rounds=5):
    """Name → seconds of each round, after a warm-up of each program."""
    for work in programs.values():
        work()
    seconds = {name: [] for name in programs}
    for turn in range(rounds):
        names = list(programs)
        for name in names[::-1] if turn % 2 else names:
            seconds[name].append(once(programs[name]))
    return seconds


# %% [markdown]
# We try it on two trunks of {ref}`ch-resnet`, with one crop and only the forward pass. These are the only times on
# this page that were measured on the machine that built it. If that machine was busy, the ratio may even come out on
# the other side of 1. So none of our findings rests on it.

# %%
from statistics import median

from repro.attention import ConvolutionalAttention

x = torch.rand(1, 3, 224, 224) * 255
vgg = ConvolutionalAttention("vgg16", pretrained=False).requires_grad_(False)
resnet = ConvolutionalAttention("resnet152-block1", pretrained=False)
resnet.requires_grad_(False)
programs = {"VGG-16": lambda: vgg.features(x), "ResNet": lambda: resnet.features(x)}

print(f"first call of VGG-16: {1e3 * once(programs['VGG-16']):.0f} ms")
seconds = in_turns(programs)

for name, found in seconds.items():
    print(f"{name}: {1e3 * median(found):.0f} ms (median of {len(found)})")
ratios = [v / r for v, r in zip(*seconds.values(), strict=True)]
print(f"VGG-16 takes {median(ratios):.1f} times as long")

# %% [markdown]
# ## Training: the paper's claim
#
# > "with the same settings, the speed of ResNet is about 57% higher than VGG"
#
# The paper's Fig. 11 is a TensorBoard plot of steps per second. The paper names neither the machine nor the depth of
# the ResNet. So we time both depths that it tries, *conv3 block 1* and *block 7*. A batch has 8 crops of 224 px, as we
# read the paper ({ref}`ch-quantisation`).
#
# Each row of a training log carries the time of day at which it was written. Two rows at steps $s_a < s_b$, written at
# $w_a < w_b$, give the speed
#
# $$v = \frac{s_b - s_a}{w_b - w_a}.$$ (eq-steps-per-second)

# %%
from itertools import pairwise


def steps_per_second(log):
    """Steps per second between neighbouring rows (step, time in seconds) of a log."""
    return [(s_b - s_a) / (w_b - w_a) for (s_a, w_a), (s_b, w_b) in pairwise(log)]


print(steps_per_second([(3, 10.0), (6, 16.0), (9, 17.5)]))

# %% [markdown]
# Whatever happens before the first row, such as start-up and warm-up, does not count. We use random weights, because
# the time of a step does not depend on their values.
#
# "The same settings" can mean several things, so {numref}`fig-training-speed` has several groups. The *plain step* is the
# paper's step written directly from its equations, in 32 bits, with nothing computed in advance. It is probably nearest to
# what the paper timed. *Our training* is `repro train`, with the trunk trained, as in the paper, or frozen, as in most of
# this book.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-training-speed", "caption": "Fig. 11 of the paper: training speed with VGG-19 and with ResNet-152 at two depths. Marks are medians, bars reach from quartile to quartile. In parentheses: the speed divided by VGG-19's. The axis is logarithmic, so equal distances are equal ratios."}, "image": {"alt": "Steps per second on a logarithmic axis: for each setting a group of three points, for VGG-19 and for ResNet cut at block 1 and at block 7. In 32 bits with the trunk trained, both in the plain step and in our training, both ResNets lie far to the right of VGG-19. In our training in bfloat16, block 1 lies to the right of VGG-19 and block 7 to the left. With the trunk frozen all three nearly coincide, far to the right of all others. The table below has the numbers."}}
timed = times.training_rows(stored)
pictures.speeds(timed)

# %% tags=["remove-input"]
tables.folded("Training speed in numbers", *pictures.speed_table(timed))

# %% [markdown]
# ### What was found
#
# | speed as a multiple of VGG-19's, with quartiles | block 1 | block 7 |
# |---|---|---|
# | the paper, depth not given | {glue:text}`claimed:.2f` times | {glue:text}`claimed:.2f` times |
# | plain step, trunk trained, 32 bits | {glue:text}`ratio_plain_trained_32_block1` | {glue:text}`ratio_plain_trained_32_block7` |
# | our training, trunk trained, 32 bits | {glue:text}`ratio_train_trained_32_block1` | {glue:text}`ratio_train_trained_32_block7` |
# | our training, trunk trained, bfloat16 | {glue:text}`ratio_train_trained_bf16_block1` | {glue:text}`ratio_train_trained_bf16_block7` |
# | our training, trunk frozen, bfloat16 | {glue:text}`ratio_train_frozen_bf16_block1` | {glue:text}`ratio_train_frozen_bf16_block7` |
#
# **In 32 bits with the trunk trained** the ResNet trains faster at both depths. One reason is the size of the feature
# maps. VGG-19 runs its first convolutions at the full size of the picture. A ResNet halves the picture twice before
# its first block. How much work does this save? Each output of a convolution is a sum with one product for each weight
# of its channel. A hook counts these products. On the device `meta` they are counted without being computed:

# %%
from torch import nn


def multiplications(method, side=224):
    """Multiplications in all convolutions of a trunk, for a crop of side × side px."""
    counts = []

    def count(layer, inputs, outputs):
        counts.append(outputs[0].numel() * layer.weight[0].numel())

    with torch.device("meta"):
        trunk = ConvolutionalAttention(method, pretrained=False).trunk
        for layer in trunk.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_hook(count)
        trunk(torch.zeros(1, 3, side, side))
    return sum(counts)


# %% [markdown]
# PyTorch's own counter gives the same:

# %%
from torch.utils.flop_counter import FlopCounterMode

for method in ("vgg19", "resnet152-block1", "resnet152-block7"):
    count = multiplications(method)
    network = ConvolutionalAttention(method, pretrained=False)
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network.features(torch.zeros(1, 3, 224, 224))
    same = count == counted.get_total_flops() / 2  # a product and an addition each
    products = f"{count / 1e9:.1f} · 10⁹ products"
    print(f"{method}: {products}; PyTorch's counter agrees: {same}")

# %% [markdown]
# By arithmetic alone a ResNet would be even faster. But a step does more than run its trunk. The loss costs the same
# for every trunk, and the more it costs, the nearer the ratio comes to 1. A ResNet also has many small layers, which
# spend more of their time on memory access than VGG's large ones. So at equal precision we expect a ratio between 1
# and the ratio of the operations. Where it lies depends on the program and the machine.
#
# **In bfloat16** our training with VGG gains most, because most of its time goes into large products. Block 7 gains
# nothing, because its trunk stays in 32 bits for the sake of its gradients ({ref}`ch-speed`). So the settings are no
# longer the same. Even if a ratio in this row is near the paper's number, that does not count, because the paper, which
# names no precision, probably trained in 32 bits.
#
# **With a frozen trunk** the features are computed only once. All trunks are then about equally fast, and speed is no
# reason to prefer one.

# %% [markdown]
# ## Encoding: the paper's claim
#
# > "The mean inference time of our model is 0.126 with the standard error 0.010 while baseline has a mean inference
# > time at 7.667 with the standard error 0.079. We can find that our model has far less inference time than the model
# > of baseline as well as more stability."
#
# "Baseline" here means the codec of Ballé, Laparra and Simoncelli {cite:p}`balle2016endtoend`, a network from pixels to
# symbols with a learned entropy code. It appeared at a conference in 2017, hence "Ballé et al. 2017" below. The unit is
# presumably seconds per photo. For these times, the paper names neither the machine nor the program nor the photos.
#
# The standard error says how uncertain a mean is. For $n$ measured times $t_i$, one for each photo, it is
#
# $$
# \begin{aligned}
# \bar t &= \frac1n \sum_i t_i \\
# s^2 &= \frac{1}{n - 1} \sum_i (t_i - \bar t)^2 \\
# \text{standard error} &= \frac{s}{\sqrt n} .
# \end{aligned}
# $$ (eq-standard-error)

# %%
from math import sqrt


def mean_and_error(seconds):
    """The mean of some times and its standard error."""
    n, mean = len(seconds), sum(seconds) / len(seconds)
    s = sqrt(sum((t - mean) ** 2 for t in seconds) / (n - 1))
    return mean, s / sqrt(n)


for name, row in times.coded(stored).items():
    mean, error = mean_and_error(row["seconds_by_photo"])
    same = abs(mean - row["mean"]) + abs(error - row["standard_error"]) < 1e-9
    print(f"{name}: {1e3 * mean:.0f} ± {1e3 * error:.1f} ms a photo, as stored: {same}")

# %% [markdown]
# These are times after a warm-up, from pixels in memory to the bytes of the file. The coders took turns:
#
# - **tables alone**: `repro encode --model tables`, without any network;
# - **VGG-16 attention**: `repro encode --model vgg16`, the network that this book ships;
# - **VGG-19 attention**: the paper's architecture (where ImageNet's weights are not available its trunk is random,
#   which changes the map but not the work);
# - **Ballé et al. 2017**: their transforms (three convolutions with divisive normalisation between them), built from
#   CompressAI's layers, with real entropy coding;
# - **factorised prior**: its deeper and wider successor of 2018 {cite:p}`balle2018hyperprior`, as in CompressAI.
#
# The two learned codecs have random weights, because no installed package offers trained ones. Their transforms take as
# long as trained ones would. Entropy coding could differ, since the symbols of a random network cost more bits. So a tick
# in {numref}`fig-inference-time` shows the time of the transform alone, which training does not change.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-inference-time", "caption": "Fig. 12 of the paper: seconds per photo on a logarithmic axis. Large markers are means over photos with standard errors, small dots are single photos, and black diamonds are what the paper reports. The files of all our encoders are decoded by libjpeg, so there is one decoding time for all of them."}, "image": {"alt": "Seconds per photo on a logarithmic axis, a row for each coder. Encoding is fastest with tables alone, then with Ball\u00e9 et al. 2017, then with the factorised prior. The two attention encoders are the slowest that were timed here. Decoding a JPEG lies far to the left of decoding with either learned codec. The paper's time for its own encoder lies between those of tables alone and of the attention encoders, and its time for Ball\u00e9 et al. is the furthest to the right. The table below has the numbers."}}
pictures.times(stored)

# %% tags=["remove-input"]
tables.folded("Encoding and decoding in numbers", *pictures.time_table(stored))

# %% tags=["remove-input"]
machine = tables.folded(
    "Where coders were timed", [], speed.machine(stored["inference"]).items()
)
rows = stored.get("inference", {"rows": []})["rows"]
absent = [
    [f"{r['coder']}: {r['remark']}"]
    for r in rows
    if r["task"] == "encode" and "mean" not in r
]
html.table([], absent, first="td") if absent else machine

# %% [markdown]
# ### What was found
#
# | | time to encode | operations per pixel |
# |---|---|---|
# | tables alone | {glue:text}`encode_tables_mean` | {glue:text}`encode_tables_operations` |
# | Ballé et al. 2017 | {glue:text}`encode_balle_mean` | {glue:text}`encode_balle_operations` |
# | factorised prior | {glue:text}`encode_factorised_mean` | {glue:text}`encode_factorised_operations` |
# | VGG-19 attention | {glue:text}`encode_vgg19_mean` | {glue:text}`encode_vgg19_operations` |
#
# VGG-19 attention takes {glue:text}`vgg19_over_balle` times as long as the codec of Ballé et al. and
# {glue:text}`vgg19_over_factorised` times as long as the factorised prior. The paper reports the opposite order.
#
# The number of operations, which is the same on every machine, shows why: the trunk alone does more work than a whole
# learned codec. Entropy coding hardly matters here: on the first photo the codec of Ballé et al. spends
# {glue:text}`encode_balle_transform` of {glue:text}`encode_balle_first` in the transform.
#
# What did the paper time? It does not say. Perhaps the program was started anew for each photo. Starting Python, PyTorch
# and the model of Ballé et al. takes {glue:text}`encode_balle_start` here, many times as long as encoding. Or perhaps
# TensorFlow built its graph anew for each size of photo. Either would be a cost of the program, not of the method.
#
# **Without the network** the order is the paper's. The learned codecs take longer than tables alone:
# {glue:text}`balle_over_tables` times as long for Ballé et al., and {glue:text}`factorised_over_tables` times for the
# factorised prior. {ref}`ch-first-experiment` measures what the network gains for its cost.

# %% [markdown]
# ### The more important question: decoding
#
# A photo is encoded once and decoded by everyone who looks at it. In decoding, JPEG is hard to beat: libjpeg takes
# {glue:text}`decode_tables_mean`, the codec of Ballé et al. {glue:text}`decode_balle_over_jpeg` times and the
# factorised prior {glue:text}`decode_factorised_over_jpeg` times as long. (Their weights are random, so their files
# have two and three times as many bits.) The decoder never runs the network that chose the coefficients. This, and not
# fast encoding, is what one gains by learning *without changing the decoder*.

# %% [markdown]
# ### Is it more stable?
#
# The standard error scales with the times themselves. A program that takes ten times as long for every photo has ten
# times the standard error, and is no less stable. So we divide the standard error by the mean:

# %% tags=["hide-input"]
paper = [
    [name, f"{100 * error / mean:.1f} %"]
    for name, (mean, error) in pictures.PAPER_TIMES.items()
]
here = [
    [f"here: {name}", f"{100 * times.share(row):.1f} %"]
    for name, row in times.coded(stored).items()
]
html.table(
    ["", "standard error / mean"],
    paper + here,
    caption="Encoding: standard error as a share of the mean",
)

# %% [markdown]
# By this measure, the paper's own numbers contradict its text: the time of its encoder varies more than that of Ballé
# et al. Besides, part of the spread over photos is not instability at all: a photo with more detail has more symbols to
# code. And a disturbance during one photo can make up most of a standard error: on one photo here, all coders with a
# network were slow at once.

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
mine = [claim for claim in all_claims(Evidence()) if claim.figure in ("11", "12")]
html.table(
    *tables.claim_rows(mine), caption="Figs. 11 and 12, judged from the stored times"
)

# %% [markdown]
# *Faster in training* counts as reproduced if, in 32 bits with the trunk trained, the range between the quartiles of
# the ratio overlaps {glue:text}`claimed:.2f` ± {glue:text}`about:.2f` at one of the depths. It counts as reproduced in
# part if a ResNet is faster by another factor. *Far less* means at most half the mean time of each learned codec.
# *More stability* means a smaller standard error than each of them, as the paper compares them.
#
# ## Where we deviate, and what it could change
#
# | the paper | here | what it could change |
# |---|---|---|
# | a machine that is not named, perhaps a GPU | a CPU | the ratios: a GPU may lose more time on many small layers than on few large ones |
# | TensorFlow | PyTorch | mostly the start-up time |
# | depth of the ResNet in Fig. 11 not given | both depths | nothing: both are shown |
# | trained weights in the learned codecs | random weights | the time of entropy coding, not of the transforms |
# | ImageNet's VGG-19 | the same architecture, with a random trunk where the weights are not available | the size of the file, hardly the time |
#
# ## Summary
#
# - A speed holds for one program on one machine. A count of operations holds everywhere.
# - Warm up, repeat, take turns, and wait for the device. Then compare medians.
# - A ResNet cut at stride 8 does a fraction of VGG's work. How much faster a training step becomes depends on
#   everything else in it.
# - With VGG in front of JPEG, encoding costs more than with either of the learned codecs timed here. Decoding stays as
#   cheap as ever.
# - Compare spreads as shares of their means. Otherwise slow programs always look unstable.
#
# ## Exercises
#
# **1.** A step takes $L$ seconds for the loss and $T$ for VGG's trunk. ResNet's trunk takes $T/r$. How many times
# faster is the whole step with ResNet, in general and for $r = 5$ and $L = T$?
#
# ```{admonition} Solution
# :class: dropdown
# $(L + T) / (L + T/r)$ times. With $L = T$ and $r = 5$ it is $2 / 1.2 \approx 1.67$: most of the trunk's gain is lost,
# because the rest of the step stays as slow as before (Amdahl's law).
# ```
#
# **2.** Program A is timed ten times, then program B ten times, and A comes out 5 % faster. Why might that mean
# nothing, and what would you do instead?
#
# ```{admonition} Solution
# :class: dropdown
# Something else may have run while B was timed, or the processor may have become hot and slowed down. Let them take
# turns, A B B A, as `in_turns` does, and compare neighbouring times.
# ```
#
# **3.** Encoder A takes 1 s ± 0.02 s a photo and B 10 s ± 0.1 s (standard errors over 25 photos). Which one is more
# stable?
#
# ```{admonition} Solution
# :class: dropdown
# The times of single photos deviate five times as much ($\sqrt{25}$): by a tenth of the mean for A, and by a twentieth
# for B. So by this measure B is the more stable one. But the spread is over different photos. To learn about the
# program alone, time one photo 25 times.
# ```
#
# ## What's next
#
# So far we have counted seconds per step. {ref}`ch-steps` looks at what the steps do: how rate and quality change
# during training, and when training is long enough.
