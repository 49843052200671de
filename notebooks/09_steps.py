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
# (ch-steps)=
# # When is it done, and what was it worth?
#
# Training is done when nothing changes any more. This chapter first follows two runs from start to end (the paper's
# Figs. 13 and 14). Then it asks whether our runs were long enough for the conclusions of the other chapters. Finally it
# takes the encoder apart: how much of the gain comes from the tables, how much from the network, and how much from
# ImageNet?
#
# ```{admonition} What you will learn
# - what more steps do to rate and quality, and why that says little about an encoder
# - how to tell that a run has converged, by Eq. 7 computed on files
# - what the paper's rounding costs, and where the paper's own recipe ends
# - what a map unknown to the decoder does to the tables, and why
# - what a pretrained trunk adds to learned tables, and what training the trunk adds to that
#
# It helps to have read {ref}`ch-first-experiment`.
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
steps = 20  # of the short trainings that are shown
pulls = 60  # steps of the trainings that show what A does to Q
asked = 8  # crops for asking each term of d about luma's DC step

# %% tags=["hide-input"]
from dataclasses import replace

from bookkit import glue, html
from chapters import findings, own_rate, paper_recipe, rate_distortion, style, tables
from chapters import steps as drawn
from chapters.attention import middle, padded_tensor
from repro.data import crop_pool, photos
from repro.experiments import Variant, objective, paper
from repro.experiments.claims import (
    MAIN,
    NOT_YET,
    UNDECIDED,
    Evidence,
    all_claims,
    savings,
)
from repro.experiments.claims import loss as judge_loss
from repro.experiments.claims import steps as judge
from repro.experiments.claims.loss import PAPER
from repro.experiments.claims.own_rate import MARGIN
from repro.experiments.claims.verdicts import paper_gains
from repro.training import PAPER_RECIPE

style.use()
evidence = Evidence()

# %% [markdown]
# ## Snapshots during training
#
# `train` can be given a function, which it calls with the current model before the first step and after every few steps.
# Ours encodes a photo with that model, decodes the file, and measures it:

# %%
from repro.evaluation import encoder_of, measure
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe, train

weights = LossWeights(lam=0.02)
crops = crop_pool(photos("sample"), 8, size=176, seed=seed)
rgb = middle(style.book_photo("kodim23", data_dir).rgb(), 320)


def short_run(quality):
    """A short training from a quality's tables (0: of 1 to 2), and its snapshots."""
    snapshots = {}

    def observe(step, model):
        snapshots[step] = measure(rgb, encoder_of(model)(rgb))

    settings = ModelSettings("tables", rounding="straight-through")
    often = {"steps": steps, "log_every": max(steps // 5, 1), "seed": seed}
    recipe = Recipe(batch=2, lr_tables=0.3, tables_start=quality, **often)
    return train(settings, weights, recipe, crops, observe=observe), snapshots


# %% [markdown]
# We train twice: once from very fine tables, where the paper starts, and once from very coarse ones:

# %%
fine, coarse = short_run(0), short_run(5)
for start, (_, snapshots) in (("fine", fine), ("coarse", coarse)):
    for step, found in snapshots.items():
        bpp, mse, ms_ssim = (found[metric] for metric in ("bpp", "mse", "ms_ssim"))
        measures = f"MSE {mse:.1f}, MS-SSIM {ms_ssim:.4f}"
        print(f"{start}, step {step:2}: {bpp:.2f} bpp, {measures}")

# %% [markdown]
# From the fine start, bits fall, MSE rises and MS-SSIM falls. From the coarse start it is the other way round: bits rise,
# MSE falls and MS-SSIM rises. Keep that in mind when you look at the paper's figures.

# %% [markdown]
# ## Figs. 13 and 14
#
# The paper records bits, MSE and MS-SSIM as training goes on, with attention (Fig. 13) and without (Fig. 14): "With the
# training step increases, the bpp decrease means the compression rate increase, it will increase the mean square error
# but reduce the MS-SSIM metric value." As section 6.2 says, its training starts from table entries drawn uniformly from 1
# to 2, which keep nearly everything. Our two stored runs start there, too; the rest is our recipe, with straight-through
# rounding. Each snapshot is a mean over the files of all evaluation photos. As in the paper, we stretch each of the three
# metrics to 0–1:


# %%
def normalised(values):
    """The values, stretched so that they reach from 0 to 1."""
    return (values - values.min()) / (values.max() - values.min())


runs = evidence.on_the_way()
stretched = {}
for name, run in runs.items():
    stretched[name] = {"step": run["step"]}
    for metric in ("bpp", "mse", "ms_ssim"):
        stretched[name][metric] = normalised(run[metric])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-on-the-way", "caption": "Figs. 13 and 14 of the paper: bits per pixel, MSE and MS-SSIM against the step of training, each stretched to 0\u20131. Training starts from tables of 1 to 2."}, "image": {"alt": "Two plots, with and without attention. Without attention, bits and MS-SSIM fall and MSE rises, fast at first, until all three lines are nearly flat. With attention it is the same from the second snapshot on; before that, MSE falls steeply and MS-SSIM rises steeply."}}
drawn.normalised_plot(stretched)

# %% [markdown]
# Stretching hides how far each metric moves. Here are the metrics in their own units, with a logarithmic axis for the
# steps:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-true-units", "caption": "The same two runs in true units, means over the photos."}, "image": {"alt": "Three plots of bits per pixel, MSE and MS-SSIM against the step on a logarithmic axis, with one line for the run with attention and one for the run without. The first snapshots differ, most of all in MSE; after that the lines come together, and they end nearly flat."}}
drawn.true_units_plot(runs)

# %% [markdown]
# The claim counts as reproduced if each metric moves in the paper's direction from the first snapshot to the last, and
# also in at least three quarters of the changes from one snapshot to the next:

# %%
import numpy as np

for name, run in runs.items():
    for metric, sign in (("bpp", -1), ("mse", 1), ("ms_ssim", -1)):
        changes = sign * np.diff(run[metric])
        way = "the paper's way" if changes.sum() > 0 else "the other way"
        share = 100 * (changes > 0).mean()
        print(f"{metric} {name}: {way} in all, the paper's in {share:.0f} % of changes")

# %% tags=["remove-cell"]
judged = judge.judge_directions(runs)
glue("steps_verdict", judged.verdict)
glue("steps_evidence", judged.evidence)

# %% [markdown]
# Verdict: **{glue:text}`steps_verdict`** ({glue:text}`steps_evidence`).
#
# With attention, the first snapshot stands apart. An untrained map makes every coefficient a little smaller, and the DC
# coefficient too, so the picture loses brightness and contrast. A few steps repair that. From there on, nearly every change
# goes the paper's way.
#
# What does it mean? The run starts at the fine end of the rate–distortion curve and moves along it to the point that λ asks
# for. Bits fall, MSE rises and MS-SSIM falls *because the start was too fine*. The direction depends on the start. It does
# not show whether the encoder gets better. ({numref}`fig-film` shows such a run as a film, with its tables and a decoded
# picture. That run starts from the tables of an ordinary JPEG quality.)

# %% [markdown]
# ## The objective, on files
#
# To tell whether a run is over, we need one number that should stop falling. Training minimises Eq. 7 on crops. What
# counts is the same sum on files: λ times the distortion of the decoded file, plus the rate term $r$ of Eq. 9. With the
# functions of {ref}`ch-loss`:

# %%
import torch

from repro.jpeg.codestream import decode
from repro.metrics import lpips
from repro.plain import distortion, loss, rate


@torch.no_grad()
def objective_on_file(rgb, model, weights):
    """λ d + r, and r alone, with d from a photo's file and A = 1 (no attention)."""
    data = encoder_of(model)(rgb)
    x, x_hat = padded_tensor(rgb), padded_tensor(decode(data))
    d = distortion(x, x_hat, lpips, weights.gamma, weights.sigma)
    r = rate(model.tables(), torch.ones(1, 2, 1, 1, 8, 8), weights.alpha, weights.beta)
    return loss(d, r, weights.lam), r


# %% [markdown]
# The stored results do not keep the files, only what was measured on each of them. From that the package computes the same
# number:

# %%
trained, snapshots = coarse
found, r = objective_on_file(rgb, trained.model, weights)
package = objective.on_files(weights, [snapshots[steps]], r.item())
print("the package's fast version agrees:", abs(found.item() - package) < 1e-3)
on_crops = trained.log[-1]["loss"]
print(f"λ·d + r: {on_crops:.2f} on the last crops, {found:.2f} on the photo's file")

# %% [markdown]
# ## Which recipe, and is it long enough?
#
# We chose the numbers of steps and the learning rates by this objective on tuning photos: the first half, by name, of
# CID22's validation photos. Kodak's photos had no part in it. For third-order rounding we took the second best recipe of
# the table, which is nearly as good as the best in less than half its steps.

# %% tags=["hide-input"]
tried = objective.tried()
html.table(
    *drawn.recipe_rows(tried),
    caption="Recipes tried on the tuning photos, at one λ for each rounding",
)

# %% [markdown]
# More steps do not always lower the sum on files of photos that the run has never seen. There can be two reasons. The model
# may overfit: it suits its own crops better, and other photos worse. Or the gradient may be to blame. Neither rounding
# reports the true gradient ({ref}`ch-quantisation`), and a longer run follows the false one further. These results do not
# tell which of the two it is: a run's log has the losses of single batches, whose crops differ by more than the models do.

# %% [markdown]
# Were the runs of this book long enough? We trained the same models with **twice the steps**, and measured them on the
# evaluation photos:

# %%
pairs = objective.doublings()
changes = [100 * (twice.objective / once.objective - 1) for once, twice in pairs]
for (once, _), change in zip(pairs, changes, strict=True):
    print(f"{drawn.kind(once)}: λ·d + r changes by {change:+.1f} %")

# %% tags=["hide-input"]
html.table(*drawn.doubling_rows(pairs), caption="What doubling the steps changes")

# %% tags=["remove-cell"]
glue("most_changed", max(abs(change) for change in changes))

# %% [markdown]
# Doubling the steps changes the objective by {glue:text}`most_changed:.1f` % at most.

# %% [markdown]
# ## The paper's rounding, by several recipes
#
# {ref}`ch-first-experiment` found that third-order rounding ends at a higher loss than straight-through. It left open
# whether large steps are to blame. So here are several recipes at one λ. The last row is the paper's recipe: 20,000 steps
# on 8 crops each, from the paper's own start. It differs from the paper in two things. The photos are ours, and the trunk
# is VGG-16's and frozen, so that only the tables and the 1 × 1 convolution learn.
#
# The learning rate of the last row cannot be compared with those of the others, because it applies to the paper's variable
# $Q \cdot s$ ({ref}`ch-quantisation`). There, each step changes an entry by the same amount; in the other rows, by the same
# share of its size. So the run of the last row moves its table faster than the others while the table is fine, and more
# slowly once it is coarse.

# %% tags=["hide-input"]
outcomes = objective.third_order_recipes()
html.table(
    *drawn.recipe_rows(outcomes), caption="Third-order rounding at one λ, by recipe"
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recipes", "caption": "Where the recipes end: one point for each run, means over the photos. The line joins learned tables with straight-through rounding, one model for each \u03bb."}, "image": {"alt": "Three plots of MSE, LPIPS and MS-SSIM against bits per pixel. The points of the paper's rounding lie on the worse side of the straight-through line; the table above has their numbers."}}
drawn.recipe_points(
    outcomes,
    [drawn.recipe_label(o) for o in outcomes],
    evidence.first("ours")[findings.TABLES],
)

# %% tags=["remove-cell"]
slow, fast = (
    pick(outcomes, key=lambda o: o.experiment.recipe.lr_tables) for pick in (min, max)
)
glue("paper_recipe_dc", slow.dc)
glue("large_steps_dc", fast.dc)
straight = evidence.parts("ours", "tables")[findings.TABLES]
glue("straight_dc", straight[slow.experiment.loss.lam][0][0][0])

# %% [markdown]
# | at this λ | quantisation step of the luma DC |
# |---|---|
# | third-order, the highest learning rate | {glue:text}`large_steps_dc:.0f` |
# | third-order, the paper's recipe on a frozen trunk | {glue:text}`paper_recipe_dc:.0f` |
# | straight-through, our recipe | {glue:text}`straight_dc:.0f` |
#
# (Table entries are kept between 1 and 255.) The gradient of third-order rounding is noisy ({ref}`ch-quantisation`), and
# more steps at a lower learning rate average the noise out. Here they did not make the luma DC step as fine as
# straight-through does. The next section says why.

# %% [markdown]
# ## The paper's recipe, to the letter
#
# The paper trains its trunk, that of VGG-19, along with the rest. So does profile `paper`: it uses third-order rounding,
# tables as $Q \cdot s$ that start between 1 and 2, Adam at $10^{-6}$ for everything, and 20,000 steps of 8 crops. One such
# model takes hours on two cores.

# %% tags=["remove-cell"]
by_the_paper, begun = evidence.by_the_paper(), evidence.begun()
glue(
    "plan_words",
    paper_recipe.plan_words(by_the_paper, paper_recipe.unended(begun, by_the_paper)),
)
glue("error_grew", paper_recipe.error_grew(by_the_paper))
glue("tables_end", paper_recipe.in_words(paper_recipe.beside_ours(by_the_paper)))

# %% [markdown]
# ```{admonition} What was run, and what is missing
# :class: important
# {glue:text}`plan_words:s` Before these, the recipe was run once with the trunk of VGG-16 frozen, at another λ, on the
# crops of our own recipe. `repro reproduce --profile paper --figure 5 --dry-run` says what is still missing for a figure.
# Without `--dry-run` the command goes on from there, and it can be stopped at any time. What follows is about the stored
# runs only.
# ```

# %% tags=["hide-input"]
html.table(
    *paper_recipe.plan_rows(by_the_paper),
    caption="The plan of profile paper, in order of priority",
)

# %% [markdown]
# ### On the way

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-paper-recipe", "caption": "Training by the paper's recipe: running means of each run's log, and the bits of files at the steps where they were measured. The run with a frozen trunk and A free has an older log, which lacks A and the luma DC step; its last DC step is marked."}, "image": {"alt": "Six panels against the step of training: loss, A of luma's DC, the step of luma's DC, mean squared error, the share of coefficients that are not zero, and bits per pixel. The loss falls from beginning to end, steeply at first, and so do the bits; the DC step grows. A is 1 without a network, and with one if it is fixed for DC. With a trained trunk A rises to 1 early in the run; with an LSTM it rises slowly and ends far below 1, while the DC step climbs to its cap."}}
shown = [paper_recipe.frozen(), *by_the_paper]
paper_recipe.on_the_way([*shown, *paper_recipe.unended(begun, by_the_paper)])

# %% [markdown]
# The loss falls nearly all the way ({numref}`fig-paper-recipe`). At the start most of it is the rate term of Eq. 9, because
# tables of 1 to 2 are fine, and that term falls as the tables become coarse. With a network and A free the error begins high, because
# the map takes brightness away, and falls as A comes nearer to 1. {glue:text}`error_grew:s`
#
# ### With the trunk trained
#
# The first pair of the plan is that of Fig. 5: VGG-19 with its trunk trained, with MS-SSIM in the loss and without. It is
# stored after {glue:text}`first_steps` of the {glue:text}`all_steps` steps. The learning rate is constant, so the whole
# runs begin in exactly this way. Does a trained trunk bring A back to 1, which the frozen one could not do?

# %% tags=["hide-input"]
alone = paper_recipe.tables_alone(evidence)
frozen_a = paper_recipe.a_of_dc(paper.trunk_frozen(), crops)
html.table(
    *paper_recipe.map_rows([*begun, alone], paper.FIRST_STEPS, frozen_a),
    caption=f"A of luma's DC and the luma DC step after {paper.FIRST_STEPS:,} steps, in the log of the training crops; "
    "and the training step at which A came as near to 1 as a frozen trunk brings it in a whole run",
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-first-steps", "caption": "The first pair as stored before its end, and tables alone after as many steps: gain over plain JPEG 4:4:4 at each model's own rate by the paper's counting, with 95 % intervals over photos."}, "image": {"alt": "Three rows, VGG-19 with MS-SSIM in the loss, without it, and learned tables, each with three markers and their intervals, for MSE, LPIPS and MS-SSIM, beside a line at zero, which is plain JPEG. The table below has the numbers."}}
own_rate.gain_plot(evidence, paper_recipe.after_first_steps(evidence, begun))

# %% tags=["remove-input"]
tables.folded(
    "The same in numbers and in both countings: decibels of the error (95 % interval over photos)",
    *own_rate.gain_rows(evidence, paper_recipe.after_first_steps(evidence, begun)),
)

# %% tags=["remove-cell"]
glue("first_steps", f"{paper.FIRST_STEPS:,}")
glue("all_steps", f"{PAPER_RECIPE.steps:,}")
glue("frozen_a", frozen_a)
first = replace(evidence, profile="paper", first_steps=True).compared("5")
glue("first_ms_ssim", judge_loss.judge_ms_ssim(first).evidence)
glue("first_others", judge_loss.judge_harmless(first).evidence)

# %% [markdown]
# It does, and early. Within a small part of the run, both trunks bring A of luma's DC to the value at which the frozen one
# ends its whole run, and then to 1. The picture no longer fades, and both models stand near plain JPEG or above it
# ({numref}`fig-first-steps`), while the frozen run ends far below it. So the fading comes from the frozen trunk, and not
# from the rest of the recipe. Tables alone, after as many steps, still spend more bits, and stand lower in the figure.
#
# What MS-SSIM in the loss changes so far: {glue:text}`first_ms_ssim`; {glue:text}`first_others`. These are not the ends of
# the runs. The tables are still becoming coarser, and the table of claims waits for the last step.

# %% [markdown]
# ### How far small steps reach
#
# Why does a trained trunk bring A back, and so early? Adam's first step moves each weight by the learning rate, whatever
# its gradient, and later steps move it by about as much. So one step can move A by no more than about the learning rate
# times the sum of $|\partial A / \partial w|$ over the weights that learn. Let us compute that bound for A of luma's DC,
# for networks as they are before training:


# %%
from repro.model import LearnedJPEG


def reach(method, lr=1e-6, **settings):
    """How many weights learn, A of luma's DC at the start, how far a step moves it."""
    torch.manual_seed(seed)
    model = LearnedJPEG(ModelSettings(method, **settings))
    A = model(crops[:2].float()).A[:, 0, ..., 0, 0].mean()
    learn = [w for w in model.attention.parameters() if w.requires_grad]
    slopes = torch.autograd.grad(A, learn)
    most = lr * sum(slope.abs().sum() for slope in slopes)
    return sum(w.numel() for w in learn), A.item(), most.item()


reached = {
    "VGG-19, trunk trained": reach("vgg19", trunk_trained=True),
    "VGG-16, trunk frozen": reach("vgg16"),
    "ResNet-152 block 1": reach("resnet152-block1", trunk_trained=True),
    "ResNet-152 block 7": reach("resnet152-block7", trunk_trained=True),
    "LSTM": reach("lstm"),
    "BiLSTM": reach("bilstm"),
    "LSTM, map stretched to 0–1": reach("lstm", minmax=True),
}

# %% tags=["hide-input"]
html.table(
    *paper_recipe.reach_rows(reached),
    caption="How far one step at the paper's learning rate can move A, before training",
)

# %% tags=["remove-cell"]
least = {name: (1 - A) / most for name, (_, A, most) in reached.items()}
glue("vgg_least", least["VGG-19, trunk trained"])
glue("lstm_least", least["LSTM"])
of_stretched = reached["LSTM, map stretched to 0–1"]
glue("stretched_times", of_stretched[2] / reached["LSTM"][2])
glue("block1_least", least["ResNet-152 block 1"])
glue("block7_least", least["ResNet-152 block 7"])

# %% [markdown]
# The bound holds at the start of training, and is only a guide to the rest. By this bound, VGG-19 needs
# {glue:text}`vgg_least:,.0f` steps or more to bring A to 1. ResNet-152 needs {glue:text}`block7_least:,.0f` or more at
# block 7, and {glue:text}`block1_least:,.0f` at block 1. These numbers are small compared with the paper's
# {glue:text}`all_steps`. The LSTM needs at least {glue:text}`lstm_least:,.0f`. Stretched to 0–1, its map moves
# {glue:text}`stretched_times:.0f` times as far in a step, because stretching enlarges every change. So stretching need not
# do harm here, although the paper found that it does. (We wrote this down before the run with a stretched map.) If the
# bound is right, a trained ResNet brings A back to 1 as VGG does, even at block 1, and its luma DC step stays far below the
# cap. Then it should end near plain JPEG at its own rate, or above it. (This, too, was written before such a run had
# ended.)
#
# What do the runs show? First ResNet-152, cut at block 1, whose trunk is trained:

# %% tags=["hide-input"]
with_resnet = paper_recipe.whose(by_the_paper, "resnet")
html.table(
    *paper_recipe.map_rows([*with_resnet, alone], PAPER_RECIPE.steps, frozen_a),
    caption="A of luma's DC and the luma DC step at the end of the paper's recipe: ResNet-152, and tables alone",
)

# %% tags=["remove-cell"]
for name, run in (("vgg", begun[0]), ("resnet", with_resnet[0])):
    glue(f"first_loss_{name}", paper_recipe.loss_at(run, paper.FIRST_STEPS))
pair = findings.TABLES_THIRD, Variant("resnet152-block1", "third-order").series
gains = paper_gains(replace(evidence, profile="paper").compared("10"), *pair)
clear = sum(gain.clear != 0 for gain in gains)
glue("resnet_clear", f"{clear or 'none'} of the {len(gains)} metrics")

# %% [markdown]
# As expected, A comes back to 1, though later than with VGG-19, and the luma DC step stays far below the cap. It ends where that
# of tables alone ends. At its own rate the model is clearly better than plain JPEG ({numref}`fig-paper-ends`). From tables alone
# at the same λ it differs clearly in {glue:text}`resnet_clear`. So by this recipe, too, this network adds next to nothing to
# learned tables.
#
# Is ResNet better than VGG? Both saw the same crops in the same order, so their losses can be compared on the way. After
# {glue:text}`first_steps` steps, the loss is {glue:text}`first_loss_resnet:.1f` with ResNet at block 1, and
# {glue:text}`first_loss_vgg:.1f` with VGG-19. For more than that, VGG-19's run would have to end.
#
# Now the networks without a trunk:

# %% tags=["hide-input"]
without_trunk = paper_recipe.whose(by_the_paper, "lstm")
html.table(
    *paper_recipe.map_rows([*without_trunk, alone], PAPER_RECIPE.steps, frozen_a),
    caption="A of luma's DC and the luma DC step at the end of the paper's recipe",
)

# %% tags=["hide-input"]
html.table(
    *paper_recipe.mean_rows(evidence, [*without_trunk, alone]),
    caption="Where these models end, beside plain JPEG at the lowest quality measured: means over the photos",
)

# %% [markdown]
# All these maps still take contrast away at the end of the run. If the map is not stretched, A ends a little below what the
# bound allows, and at nearly the same value whatever λ is: the size of the steps decides how far it comes, and not what the
# loss asks for. In the stretched map it comes farther, as the bound said, but not to 1 either. Meanwhile, the luma DC step
# runs away, for the reason that {eq}`eq-false-pull` gives below. In the end, {glue:text}`at_cap:d` % or more of each run's
# table entries are at the cap of 255.
#
# The pictures are far worse than those of plain JPEG at the lowest quality measured, and the files are smaller than any
# that the standard's tables can give. So there is no equal rate at which to compare them with plain JPEG, and by this
# recipe we cannot test whether an LSTM beats it. LSTM and BiLSTM can be compared with each other, because their rates are
# nearly equal. The BiLSTM's map can move farther, and its MSE is clearly smaller. In MS-SSIM the two do not differ clearly.
#
# Does stretching degrade the LSTM, as the paper found? In the table it lowers MSE by {glue:text}`stretched_mse:.0f` % and
# raises MS-SSIM. But its files have {glue:text}`stretched_bits:.1f` % more bits by the paper's counting, and since plain
# JPEG has no files this small, we do not know what these extra bits are worth. So this claim cannot be tested by this
# recipe, either, but nothing here speaks for it.
#
# By our recipe, with its larger steps, LSTM, BiLSTM and CNN end close to each other ({ref}`ch-lstm`). The paper says that
# LSTMs do worse, and that any learning rate above $10^{-6}$ overshoots. If its LSTMs were trained as it describes, they did
# worse because of the small steps, and not because they are LSTMs.

# %% tags=["remove-cell"]
at_cap = [(np.array(result["tables"]) > 254.5).mean() for _, result in without_trunk]
glue("at_cap", int(100 * min(at_cap)))
lstm = {
    run.model.minmax: result["images"].values()
    for run, result in without_trunk
    if (run.model.method, run.loss.lam) == ("lstm", paper.ONE)
}
for name, what, sign in (("bits", "bpp_paper", 1), ("mse", "mse", -1)):
    own, stretched = (
        np.mean([p[what] for p in lstm[is_so]]) for is_so in (False, True)
    )
    glue(f"stretched_{name}", sign * 100 * (stretched / own - 1))

# %% [markdown]
# ### Where it ends
#
# A model of one λ has one rate for each photo. Where plain JPEG reaches that rate, we compare the two *there*, photo by
# photo, in decibels of the error. Below zero, plain JPEG is better:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-paper-ends", "caption": "Where the paper's recipe ends, and ours at the same \u03bb: gain over plain JPEG 4:4:4 at each model's own rate by the paper's counting, with 95 % intervals over photos."}, "image": {"alt": "A row for each model with three markers and their intervals, for MSE, LPIPS and MS-SSIM, to both sides of a line at zero, which is plain JPEG. The table below has the numbers."}}
models = paper_recipe.ended(evidence, shown)
own_rate.gain_plot(evidence, models)

# %% tags=["remove-input"]
tables.folded(
    "The same in numbers and in both countings: decibels of the error (95 % interval over photos)",
    *own_rate.gain_rows(evidence, models),
)

# %% [markdown]
# "The file" counts the file without progressive scans, as plain JPEG's is counted. "The paper's" counts the picture saved
# again ({ref}`ch-jpeg`). Our own recipe stands below, at the same λ, with both roundings. Its rows with the paper's
# rounding show what the steps and the start change, and the other rows show what the rounding changes.
# {glue:text}`tables_end:s`

# %% [markdown]
# ### What A and Q do to each other
#
# The encoder multiplies a coefficient by A before it divides by Q. The decoder multiplies by Q, and knows nothing of A. So
# it gets about $F \cdot A$, whatever Q is: a coarser step makes the error noisier, but not smaller. That is the truth. What
# does back-propagation report?
#
# Take one coefficient, with $z = F A / Q$ and $r = z - \lfloor z \rceil$. Third-order rounding reports the derivative
# $3r^2$, which is $1/4$ on average if $r$ is spread evenly over $-1/2$ to $1/2$, whatever $z$ is. So the decoded
# $Q \hat z$ seems to grow with Q, with the slope $\hat z - 3 r^2 z$, on average three quarters of $z$. A coarser step
# seems to make the coefficient *larger*. If A has made it too small, that seems to help. On average,
#
# $$
# \frac{d\,(F - Q \hat z)^2}{d Q} \;\widehat{=}\; -\frac{3}{2}\,\frac{F^2 A\,(1 - A)}{Q} + \frac{1}{6}\,Q ,
# \qquad\text{but in truth}\quad \frac{1}{6}\,Q .
# $$ (eq-false-pull)
#
# The first term should not be there, and vanishes only if A is 1 or 0. Straight-through reports 1 in place of $3r^2$. Then
# the decoded coefficient does not seem to grow with Q, and the slope is right on average, whatever A is. Let us check all
# this on luma's DC in some crops:

# %%
from repro.plain import forward_dct, round_straight_through, round_third_order

dc = forward_dct(crops.float())[:, 0, ..., 0, 0].double().flatten()


def squared_error(F, A, Q, rounding=torch.round):
    """The mean squared error of coefficients F if the decoder knows Q but not A."""
    return ((F - Q * rounding(F * A / Q)) ** 2).mean()


def reported(F, A, Q, rounding):
    """The error's slope by back-propagation, the mean for steps from 0.9 Q to 1.1 Q."""
    slopes = []
    for factor in np.linspace(0.9, 1.1, 21):
        near = torch.tensor(factor * Q, dtype=torch.float64, requires_grad=True)
        error = squared_error(F, A, near, rounding)
        slopes.append(torch.autograd.grad(error, near)[0].item())
    return np.mean(slopes)


def measured(F, A, Q):
    """The slope of the squared error, measured from 0.9 Q to 1.1 Q."""
    grown = squared_error(F, A, 1.1 * Q) - squared_error(F, A, 0.9 * Q)
    return grown.item() / (0.2 * Q)


# %%
slopes, mean_square = {}, (dc**2).mean().item()
for A in (1.0, 0.94, 0.5):
    for Q in (32.0, 128.0):
        slopes[A, Q] = {
            "measured": measured(dc, A, Q),
            "third-order reports": reported(dc, A, Q, round_third_order),
            "by the formula": -1.5 * mean_square * A * (1 - A) / Q + Q / 6,
            "straight-through reports": reported(dc, A, Q, round_straight_through),
        }

# %% tags=["hide-input"]
html.table(
    *paper_recipe.slope_rows(slopes),
    caption="How fast the squared error of luma's DC grows with its step: above zero, training makes the step finer",
    first="td",
)

# %% [markdown]
# With a map that is only a little below 1, third-order rounding reports a slope with the wrong sign, and far larger than
# the true one. The measured slopes for A below 1 are noisy, because the whole error is large, but each is smaller than what
# third-order rounding reports there. Led by the wrong sign, Adam makes the step coarser at every update, until the step
# meets the cap of 255 or A has come up to 1.

# %% [markdown]
# Here is the same effect in a short training. This is *not* the paper's recipe: it takes {glue:text}`pulls:d` steps on a
# few crops, it starts from the tables of quality 25, and entries move ten times as fast. VGG's trunk is frozen, and the
# head learns at the paper's $10^{-6}$, so that the map stays where it starts. We train with the map as it is, and with A
# fixed at 1 for DC:


# %%
def pulled(keep_dc, rounding):
    """The log of a short training whose map hardly moves; keep_dc: A of DC stays 1."""
    settings = ModelSettings("vgg16", rounding, "paper", keep_dc=keep_dc)
    rates = {"lr_tables": 1e-5, "lr_network": 1e-6, "schedule": "constant"}
    often = {"steps": pulls, "log_every": max(pulls // 6, 1), "seed": seed}
    recipe = Recipe(batch=2, tables_start=25, **often, **rates)
    return train(settings, LossWeights(lam=0.04), recipe, crops).log


logs = {}
for rounding in ("third-order", "straight-through"):
    for keep_dc in (False, True):
        name = f"{rounding}, {'A = 1' if keep_dc else 'A free'} for DC"
        logs[name] = pulled(keep_dc, rounding)
for name, log in logs.items():
    dc_step, of_dc, error = (log[-1][what] for what in ("Q_dc", "A_dc", "mse"))
    print(f"{name}: luma DC step {dc_step:.0f}, A of DC {of_dc:.2f}, MSE {error:.0f}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pull", "caption": "The luma DC step in four short trainings from the tables of quality 25."}, "image": {"alt": "Four lines against the step of training. With third-order rounding and A free, the DC step of the luma table rises steeply. With A fixed at 1 it wavers about where it began. With straight-through rounding both lines stay nearly flat."}}
paper_recipe.pull_plot(logs)

# %% tags=["remove-cell"]
glue("pulls", pulls)

# %% [markdown]
# The DC step runs away only if two things come together: third-order rounding, and a map that the decoder does not undo
# ({numref}`fig-pull`). A trained trunk brings A to 1, as in the runs above, and so ends the pull. With a frozen trunk, the
# head alone did not bring A there in the {glue:text}`all_steps` steps of the paper's recipe: at the end of that run, A of
# DC is {glue:text}`frozen_a:.2f` on these crops, and the luma DC step is {glue:text}`paper_recipe_dc:.0f`.
#
# A whole run of the paper's recipe checks this: the frozen trunk again, with A fixed at 1 for DC. If the pull is what
# drives the DC step up, that run must end nearer to the DC step of tables alone at the same λ than to the cap. The other
# coefficients keep an A below 1, so most of their luma steps should still be coarser than those of tables alone. (We wrote
# this down before the run had ended.) Here is its end:

# %% tags=["hide-input"]
free, kept = (paper_recipe.frozen(keep_dc=is_kept) for is_kept in (False, True))
unmapped = paper_recipe.tables_alone(evidence, kept[0].loss.lam)
html.table(
    *paper_recipe.mean_rows(evidence, [free, kept, unmapped]),
    caption="The frozen trunk with A free and with A = 1 for DC, and tables alone: means over the photos",
)

# %% tags=["remove-cell"]
mapped, Q_alone = (np.array(result["tables"])[0] for _, result in (kept, unmapped))
finer = Q_alone < 254.5
finer[0, 0] = False
glue("kept_dc", mapped[0, 0])
glue("alone_dc", Q_alone[0, 0])
glue("finer", int(finer.sum()))
glue("coarser", int((mapped > Q_alone)[finer].sum()))
glue("coarser_by", 100 * (np.median(mapped[finer] / Q_alone[finer]) - 1))
glue("both_at_cap", int(((mapped > 254.5) & (Q_alone > 254.5)).sum()))

# %% [markdown]
# The DC step ends at {glue:text}`kept_dc:.0f`. Tables alone have {glue:text}`alone_dc:.0f`, and the run with A free had
# {glue:text}`paper_recipe_dc:.0f`. So it was the pull that drove the step up, and without it more than half of the error is
# gone. At its own rate the run is no longer far below plain JPEG, but level with it or a little above
# ({numref}`fig-paper-ends`). What we expected of the other luma steps holds where it can be checked: of the
# {glue:text}`finer:d` that tables alone keep below the cap, {glue:text}`coarser:d` are coarser with the map, by
# {glue:text}`coarser_by:.0f` % in the median. The other {glue:text}`both_at_cap:d` stand at the cap in both runs. (The two
# runs did not see the same crops.)
#
# Tables alone have no map: for them A is 1. But anything that makes the decoded picture too dark or too flat pulls in the
# same way. Coefficients that are rounded to zero take contrast away, and clipping to 0–255 removes errors beyond black and
# white but leaves those towards grey. So let us ask what each term of the distortion says about the luma DC step, for
# tables that were trained with this rounding. What changes if the step grows by a hundredth?

# %%
from repro.plain import decode as plain_decode
from repro.plain import ms_ssim, mse, quantise

asked_crops = crops[:asked].float()
F_x, all_ones = forward_dct(asked_crops), torch.ones(1, 2, 1, 1, 8, 8)
terms = {
    "MSE": lambda x, x_hat: mse(x, x_hat),
    "γ LPIPS": lambda x, x_hat: 500 * lpips(x, x_hat).mean(),
    "σ (1 − MS-SSIM)": lambda x, x_hat: 1000 * (1 - ms_ssim(x, x_hat).mean()),
}


def with_dc(Q, factor, rounding):
    """The crops as decoded if Q's luma DC step is multiplied by ``factor``."""
    scale = torch.ones(2, 8, 8)
    scale[0, 0, 0] = factor
    return plain_decode(quantise(F_x, all_ones, Q * scale, rounding), Q * scale)


# %% [markdown]
# The measured change comes from steps a tenth finer and a tenth coarser, with true rounding. The reported one is the mean
# of slopes in between, by back-propagation:


# %%
def pushed(Q, term, rounding=None):
    """How much a term changes if the luma DC step grows by a hundredth."""
    x = asked_crops
    if rounding is None:
        low, high = (term(x, with_dc(Q, by, torch.round)).item() for by in (0.9, 1.1))
        return 0.01 * (high - low) / 0.2
    slopes = []
    for factor in np.linspace(0.9, 1.1, 5):
        factor = torch.tensor(float(factor), requires_grad=True)
        changed = term(x, with_dc(Q, factor, rounding))
        slopes.append(torch.autograd.grad(changed, factor)[0].item())
    return 0.01 * np.mean(slopes)


# %% tags=["hide-input"]
ends = paper_recipe.tables_of(evidence)
roundings = {
    "third-order reports": round_third_order,
    "straight-through reports": round_straight_through,
}
found = {
    name: {
        term: {"measured": pushed(Q, of)}
        | {who: pushed(Q, of, rounding) for who, rounding in roundings.items()}
        for term, of in terms.items()
    }
    for name, Q in ends.items()
}
html.table(
    *paper_recipe.pushed_rows(found),
    caption="What each term of the distortion does if luma's DC step grows by a hundredth: above zero, the term grows",
)

# %% tags=["remove-cell"]
pushes = [by for of in found.values() for by in of.values()]
glue("pushes", len(pushes))
for name, who in (
    ("measured", "measured"),
    ("third", "third-order reports"),
    ("straight", "straight-through reports"),
):
    glue(f"pushes_{name}", sum(by[who] > 0 for by in pushes))

# %% [markdown]
# As measured, a coarser DC step costs something in {glue:text}`pushes_measured:d` of these {glue:text}`pushes:d` rows.
# Straight-through reports a cost in {glue:text}`pushes_straight:d` of them, and third-order rounding in
# {glue:text}`pushes_third:d`. Where the reported sign is wrong, training is told to make the step coarser although the
# picture gets worse.

# %% [markdown]
# ## Where does the gain come from?
#
# The paper asks what to add to its network. We ask what can be left out. First, frozen VGG attention against tables alone:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-gain", "caption": "What frozen VGG attention gains over learned tables alone at equal rate (bits of the file; first seed, the only one trained at every \u03bb), with 95 % intervals over photos. Above zero is better."}, "image": {"alt": "Three curves with bands against bits per pixel: MSE saved, LPIPS saved and MS-SSIM gained by VGG attention over learned tables, beside a line at zero."}}
curves = evidence.seeds("ours", "5", "10")
attention = rate_distortion.Pair(
    "VGG attention, against tables alone",
    curves[findings.TABLES][0],
    curves[PAPER][0],
    "vgg16",
)
rate_distortion.gain_plot([attention], findings.MATCHED_RATES)

# %% [markdown]
# Then the network's parts: ImageNet's weights against random ones, and a trained trunk against a frozen one. These models
# are trained at two λ, by our recipe of 800 steps with straight-through rounding. The learning rate of a trained trunk is
# the best of three on the tuning photos. None of these runs takes the paper's 20,000 steps.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whose-gain", "caption": "BD-rates with 95 % intervals over photos: bits of the first against the second, at equal quality. Left of zero the first needs fewer."}, "image": {"alt": "A row for each comparison with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
parts = findings.compare(curves, findings.NETWORKS)
alone = {
    "VGG, frozen\nagainst tables alone": savings(curves[findings.TABLES], curves[PAPER])
}
rate_distortion.savings_plot(alone | parts)

# %% tags=["remove-input"]
tables.folded(
    "The same in numbers: per cent of bits (95 % interval)",
    *tables.saving_rows(alone | parts),
)

# %% tags=["remove-cell"]
for name, words in findings.words(findings.NETWORKS, parts).items():
    glue(name, words)
for name, words in findings.words(("attention",), alone).items():
    glue(name, words)

# %% [markdown]
# | question | equal MSE | equal LPIPS | equal MS-SSIM |
# |---|---|---|---|
# | Does attention pay? Frozen, against tables alone | {glue:text}`attention_mse_brief` | {glue:text}`attention_lpips_brief` | {glue:text}`attention_ms_ssim_brief` |
# | Does it pay with a trained trunk? Against tables alone | {glue:text}`trained_tables_mse_brief` | {glue:text}`trained_tables_lpips_brief` | {glue:text}`trained_tables_ms_ssim_brief` |
# | Does it help to train the trunk? Against leaving it frozen | {glue:text}`trained_mse_brief` | {glue:text}`trained_lpips_brief` | {glue:text}`trained_ms_ssim_brief` |
# | Does ImageNet help? A random trunk, frozen, against a pretrained one | {glue:text}`random_mse_brief` | {glue:text}`random_lpips_brief` | {glue:text}`random_ms_ssim_brief` |

# %% [markdown]
# ## Where these numbers come from

# %% tags=["remove-input"]
tables.folded(
    "Where the stored results of this page come from",
    [],
    tables.origin("ours", "cpu").items(),
)

# %% [markdown]
# ## All claims of the paper
#
# That was the last of the paper's experiments. Here are its claims at a glance, each with a verdict by our recipe and,
# where the plan of profile `paper` has runs for it, one by the paper's own. The page {doc}`../book/results` says what each
# verdict rests on.

# %% tags=["hide-input"]
claims = all_claims(evidence)
main = [c for c in claims if c.number in MAIN]
html.glue_html("verdicts", html.table(*tables.claim_rows(claims)))
html.glue_html("main_verdicts", html.table(*tables.verdict_rows(main)))
html.table(*tables.verdict_rows(claims))

# %% tags=["remove-cell"]
glue("count_all", len(claims))
for verdict, count in tables.verdict_counts(claims).items():
    glue(f"count_{verdict.replace(' ', '_')}", count)
waiting = tables.verdict_counts(claims)[NOT_YET]
paper_judged = sum(c.by_paper.verdict not in UNDECIDED for c in claims if c.by_paper)
glue("own_rate_margin", MARGIN)
glue("paper_twice", sum(c.twice for c in claims))
glue(
    "paper_judged",
    f"{paper_judged or 'none'} could be judged so far",
)
glue(
    "waiting",
    f", and {waiting} wait{'s' if waiting == 1 else ''} for runs that are not stored"
    if waiting
    else "",
)

# %% [markdown]
# ## Summary
#
# - Metrics plotted against steps show the way from the start to the point that λ asks for. From a start on the other side
#   of that point, they go the other way.
# - A run has converged if doubling its steps changes little. Say how little, with a number that is computed on files.
# - By every recipe that we ran, third-order rounding ended at a higher λ·d + r than straight-through. This includes the
#   paper's recipe, as far as it was run.
# - For whatever the decoder does not undo, the gradient of third-order rounding blames the tables, and asks for coarser
#   steps.
# - A trained trunk brings A of luma's DC back to 1. With the paper's small steps, a frozen one does not, and an LSTM does
#   not even come near.
# - A part of an encoder is worth what is lost when it is left out.
#
# ## Exercises
#
# **1.** For which start would `short_run` show three metrics that hardly move? Guess a quality, then try it.
#
# ```{admonition} Solution
# :class: dropdown
# For tables that spend about as many bits as a long run ends with. Then λ has nothing to correct but the shape of the
# tables. Look for a quality whose snapshot at step 0 lies between the last snapshots of the two runs above. With another
# λ it is another quality.
# ```
#
# **2.** The objective of a run with attention cannot be compared with that of tables alone. Why not?
#
# ```{admonition} Solution
# :class: dropdown
# Eq. 9 contains mean(A), which stands for bits but does not count them. Without attention A is 1, and that term is the
# constant 2β, however few bits are spent. Files can be compared: at equal rate, or at equal quality.
# ```
#
# **3.** Suppose that twice the steps change the objective by very little. Does that prove that nothing better can be
# reached?
#
# ```{admonition} Solution
# :class: dropdown
# No. It says that *this* recipe, with its start, its learning rates and its gradient, ends near there. The two roundings
# show it: doubling the steps changes each of them by less than the two differ from each other. Whether there is a better
# place can only be found out with other starts, other rates, or another gradient.
# ```
#
# ## What's next
#
# The paper's experiments are done. What is its *idea* worth if everything else is done well, too: chroma, Huffman codes,
# scans, and the choice of which coefficients to drop? {ref}`ch-beyond` tries it.
