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
# Two figures of the paper are about seconds: how fast a model trains with one trunk and the other (Fig. 11), and how
# long a photo takes to encode, beside a codec that is a network from end to end (Fig. 12). Both answers depend on the
# program and on the machine more than quality ever does. So we time them again, and look for what would hold anywhere.
#
# ```{admonition} What you will learn
# - how to compare speeds on a machine that wavers
# - why a ResNet is cheaper than a VGG, and when training does not notice
# - what a network in front of JPEG costs, beside a learned codec
# - what a standard error says of stability, and what it does not
#
# It helps to have read {ref}`ch-attention`. {ref}`ch-speed` says how our own step became
# fast; nothing of that is told again here.
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
from bookkit import glue, html
from chapters import run_time as pictures
from chapters import speed, style, tables
from repro.experiments import bench
from repro.experiments.claims import Evidence, all_claims, times

stored = bench.load()
html.table([], list(speed.machine(stored["training"]).items()), caption="Where training was timed")

# %% tags=["remove-cell"]
for name, words in times.numbers(stored).items():
    glue(name, words)
glue("claimed", times.CLAIMED)
glue("about", times.ABOUT)

# %% [markdown]
# All times of this page are stored; nothing is timed while it is built. `python benchmarks/bench.py training inference`
# times both tables again and lets nothing else run meanwhile.

# %% [markdown]
# ## Training: the paper's claim
#
# > "with the same settings, the speed of ResNet is about 57% higher than VGG"
#
# The figure behind it is TensorBoard's steps a second. Neither the machine nor the depth of the ResNet is given, so we
# time both depths that the paper tries, *conv3 block 1* and *block 7*, with the paper's batch of 8 crops of 224 px.
#
# Each row of a log carries the time of day at which it was written. Two rows at steps $s_a < s_b$, written at
# $w_a < w_b$, give the speed
#
# $$v = \frac{s_b - s_a}{w_b - w_a},$$ (eq-steps-per-second)
#
# and what came before the first row, start and warm-up, drops out. Methods take turns. Weights are random: the time of a
# step does not depend on their values.
#
# "The same settings" can mean several things, so there are groups. The *plain step* is the paper's step written from
# its equations in 32 bits, nothing reused: probably nearest to what the paper timed. *Our training* is `repro train`,
# with the trunk trained, as in the paper, or frozen, as in most of this book.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-training-speed", "caption": "Fig. 11 of the paper: training speed with VGG-19 and with ResNet-152 at two depths, medians with bars from quartile to quartile; in parentheses how many times VGG-19's. The axis is logarithmic: equal distances are equal ratios."}, "image": {"alt": "Groups of three points against steps a second on a logarithmic axis. In the plain step, trunk trained, both ResNets lie far right of VGG-19. In our training in bfloat16 block 1 lies right of VGG-19 and block 7 left of it. With the trunk frozen all three coincide, far to the right of all others. The table below has the numbers."}}
timed = times.training_rows(stored)
pictures.speeds(timed)

# %% tags=["hide-input"]
html.table(*pictures.speed_table(timed), caption="Training speed in numbers")

# %% [markdown]
# ### What was found
#
# **In the plain step**, the ResNet trains faster at both depths: {glue:text}`ratio_plain_trained_32_block1` at block 1 and
# {glue:text}`ratio_plain_trained_32_block7` at block 7 (speed over VGG-19's, with quartiles). The claim says
# {glue:text}`claimed:.2f` times.
#
# The reason is where the layers are. VGG-19 runs its first convolutions at the full size of the picture; a ResNet
# halves the picture twice before its first block. For one crop the trunks multiply and add

# %% tags=["hide-input"]
trunks = ("vgg19", "resnet152-block1", "resnet152-block7")
counted = [[style.LOOKS[trunk].label, f"{times.operations(trunk) / 1e9:.1f}"] for trunk in trunks]
html.table(["trunk", "10⁹ operations a crop"], counted, caption="Forward, one crop of 224 px")

# %% [markdown]
# By arithmetic alone a ResNet would be faster still. A step is more than its trunk: the loss costs every method the same, and
# the more it costs, the nearer the ratio comes to 1. Layers of a ResNet are also small and many, and wait for memory
# where VGG's multiply. Any amount between 1 and the ratio of operations can come out, by the program and the
# machine.
#
# **In our training** this goes further. In bfloat16 the ratio is {glue:text}`ratio_train_trained_bf16_block1` at block 1
# and {glue:text}`ratio_train_trained_bf16_block7` at block 7. VGG's large products gain most from
# it, and block 7 gains nothing: its gradients need 32 bits ({ref}`ch-speed`), so it is kept there, and the
# settings are no longer quite the same. Where one of these comes near to the paper's number, that is
# chance and does not count: the paper trained in 32 bits, as far as one can tell.
#
# **With a frozen trunk** its features are computed once, and every trunk is as fast as every other:
# {glue:text}`ratio_train_frozen_bf16_block1` and {glue:text}`ratio_train_frozen_bf16_block7`. Then speed is no reason to choose.

# %% [markdown]
# ## Encoding: the paper's claim
#
# > "The mean inference time of our model is 0.126 with the standard error 0.010 while baseline has a mean inference
# > time at 7.667 with the standard error 0.079. We can find that our model has far less inference time than the model
# > of baseline as well as more stability."
#
# The baseline is the codec of Ballé, Laparra and Simoncelli {cite:p}`balle2016endtoend`, a network from pixels to
# symbols with a learned entropy code. The unit must be seconds a photo; the machine, the program and the photos are
# not given.
#
# We time, in processes that are warm, from pixels in memory to the file's bytes, coders in turns:
#
# - **tables alone**: `repro encode --model tables`, without any network;
# - **VGG-16 attention**: `repro encode --model vgg16`, the network that this book ships, and **VGG-19 attention**, the
#   paper's shape (its trunk is random where ImageNet's weights are not at hand; that changes the map, not the work);
# - **Ballé et al. 2017**: their transforms (three convolutions with divisive normalisation between) built
#   from CompressAI's layers, with real entropy coding;
# - **factorised prior**: its successor of 2018 {cite:p}`balle2018hyperprior` as CompressAI has it, deeper and wider.
#
# The two learned codecs have random weights: trained ones cannot be had from a package registry. Their transforms take
# as long as trained ones. Entropy coding could differ, as random symbols cost more bits than learned ones do; a tick
# in the figure therefore shows the transform alone, which no training makes faster.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-inference-time", "caption": "Fig. 12 of the paper: seconds a photo on a logarithmic axis. Large markers are means over photos with standard errors, small dots single photos, black diamonds what the paper reports. Files of all of our encoders are decoded by libjpeg, so one decoding time stands for them."}, "image": {"alt": "A row for each coder. Encoding with tables alone is fastest, then Ball\u00e9 et al. 2017, then the factorised prior; both attention encoders are slowest of ours. Decoding a JPEG is far left of decoding either learned codec. The paper's own encoder lies between, and its time for Ball\u00e9 et al. is the furthest right of all. The table below has the numbers."}}
pictures.times(stored)

# %% tags=["hide-input"]
html.table(*pictures.time_table(stored), caption="Encoding and decoding in numbers")

# %% tags=["hide-input"]
machine = html.table([], list(speed.machine(stored["inference"]).items()), caption="Where coders were timed")
html.table([], [[line] for line in times.absent(stored)], first="td") if times.absent(stored) else machine

# %% [markdown]
# ### What was found
#
# With VGG-19 in front, a photo takes {glue:text}`encode_vgg19_mean`; the codec of Ballé et al. takes
# {glue:text}`encode_balle_mean`, the factorised prior {glue:text}`encode_factorised_mean`. Attention takes
# {glue:text}`vgg19_over_balle` and {glue:text}`vgg19_over_factorised` times as long as they do. The paper has it the
# other way round.
#
# Operations say why, and they are the same on every machine: VGG-19 attention multiplies and adds
# {glue:text}`encode_vgg19_operations` times a pixel, the transform of Ballé et al.
# {glue:text}`encode_balle_operations` times, the factorised prior's {glue:text}`encode_factorised_operations` times. The
# trunk alone does more work than a whole learned codec. Entropy coding does not turn this round: of Ballé et al.,
# {glue:text}`encode_balle_transform` are the transform's.
#
# Then what are the paper's seconds? It does not say. One guess fits: a program that is started for each photo. Starting
# Python, PyTorch and the model of Ballé et al. takes {glue:text}`encode_balle_start` here, many times as long as
# encoding. Another is a graph that is built anew for each photo's size. Either would be a cost of the program, not of the
# method.
#
# **Without the network** the claim would hold in kind: tables alone take {glue:text}`encode_tables_mean`. Ballé et al. take
# {glue:text}`balle_over_tables` times as long, the factorised prior {glue:text}`factorised_over_tables` times.
# And {ref}`ch-first-experiment` asks what the network earns for its price.

# %% [markdown]
# ### The better question: decoding
#
# A photo is encoded once and decoded by everyone who looks at it. There a standard decoder is hard to beat: JPEG takes
# {glue:text}`decode_tables_mean`, Ballé et al. {glue:text}`decode_balle_mean`, {glue:text}`decode_balle_over_jpeg` times
# as long, and the factorised prior {glue:text}`decode_factorised_mean`, {glue:text}`decode_factorised_over_jpeg` times. And
# whatever network chose the coefficients, the decoder never runs it. This, not encoding, is where learning *without
# changing the decoder* pays.

# %% [markdown]
# ### Is it more stable?
#
# The standard error that the paper compares is $s / \sqrt{n}$: the spread $s$ of the times over $\sqrt n$. It grows with
# the times themselves. A program that takes ten times as long for every photo has ten times the standard error, and is
# no less stable. So divide by the mean:

# %% tags=["hide-input"]
paper = [[name, f"{100 * error / mean:.1f} %"] for name, (mean, error) in pictures.PAPER_TIMES.items()]
here = [[f"here: {name}", f"{100 * times.share(row):.1f} %"] for name, row in times.coded(stored).items()]
html.table(["", "standard error / mean"], paper + here, caption="Standard error as a share of the mean, encoding")

# %% [markdown]
# Put this way, the paper's own numbers say the opposite of its text: its encoder is the one whose time wavers more. And
# part of a spread over photos is no instability at all: a photo with more detail has more symbols to code.

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
mine = [claim for claim in all_claims(Evidence()) if claim.figure in ("11", "12")]
html.table(*tables.claim_rows(mine, html.badge, html.link), caption="Figs. 11 and 12, judged from the stored times")

# %% [markdown]
# *Faster in training* counts as reproduced where the quartiles of the ratio, in 32 bits with the trunk trained, reach
# into {glue:text}`claimed:.2f` ± {glue:text}`about:.2f` at one of the depths, and in part where a ResNet is faster by another amount. *Far less* means at
# most half of both learned codecs' mean; *more stability* a smaller standard error than both.
#
# ## Where we deviate, and what it could change
#
# | the paper | here | what it could change |
# |---|---|---|
# | a machine that is not named, perhaps a GPU | a processor | the ratios: a GPU waits longer for many small layers than for few large ones |
# | TensorFlow | PyTorch | start-up, above all |
# | depth of the ResNet in Fig. 11 not given | both depths | nothing: both are shown |
# | trained weights in the learned codecs | random ones | entropy coding, not the transforms |
# | ImageNet's VGG-19 | its shape, a random trunk where the weights are not at hand | the size of the file, hardly the time |
#
# ## Summary
#
# - A speed belongs to a program on a machine. A count of operations travels.
# - A ResNet cut at stride 8 does a fraction of VGG's work; how much of that a step shows depends on all the rest of it.
# - A network in front of JPEG makes encoding dearer than a small learned codec. Decoding stays as cheap as ever.
# - Compare spreads as shares of their means, or slow programs always look unstable.
#
# ## Exercises
#
# **1.** Let a step take $L$ seconds for the loss and $T$ for VGG's trunk, and let the ResNet's trunk take $T/r$. Which
# speed-up does the step see, and what is it for $r = 5$ and $L = T$?
#
# ```{admonition} Solution
# :class: dropdown
# $(L + T) / (L + T/r)$. With $L = T$ and $r = 5$ it is $2 / 1.2 \approx 1.67$: most of the trunk's gain is gone, as in
# every program whose other part stays as it is (Amdahl's law).
# ```
#
# **2.** Program A is timed ten times, then program B ten times, and A comes out 5 % faster. Why might that be nothing, and
# what would you do instead?
#
# ```{admonition} Solution
# :class: dropdown
# Something else may have run during B's turn, or the processor became warm and slowed down. Take turns, A B B A, and look at
# ratios of neighbours: what slows the machine for a while then slows both.
# ```
#
# **3.** Encoder A takes 1 s ± 0.02 s a photo and B 10 s ± 0.1 s (standard errors over 25 photos). Which one is more
# stable?
#
# ```{admonition} Solution
# :class: dropdown
# As a share of the mean A wavers by 2 % and B by 1 %, so B, if anything. But the spread is over different photos: time one
# photo 25 times to learn about the program alone.
# ```
#
# ## What's next
#
# Time was counted in steps and seconds. {ref}`ch-steps` looks at what the steps themselves do: how rate and quality move as
# training goes on, and when it is over.
