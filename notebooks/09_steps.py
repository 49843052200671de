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
# Training is over when nothing changes any more. This chapter first watches a training on the way (the paper's Figs. 13
# and 14). Then it asks whether our runs were long enough for what the other chapters say of them. Finally it takes the
# encoder apart: how much of the gain comes from the tables, how much from the network, and how much from ImageNet?
#
# ```{admonition} What you will learn
# - what "more steps" does to rate and quality, and why that says little about an encoder
# - how to tell that a run has converged, by Eq. 7 computed on files
# - what the paper's rounding costs, and where its own recipe ends on a frozen trunk
# - what a pretrained trunk, and a trunk that is trained along, add to learned tables
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
    subprocess.run(f"({fetch}) && {sys.executable} literate-jpeg/tools/colab.py", shell=True, check=True)
    sys.path.insert(0, "literate-jpeg/src")

# %% tags=["parameters"]
profile = "cpu"  # smoke, cpu or paper
seed = 0
data_dir = None  # a folder of photos; None: see `repro data status`
steps = 20  # of the short trainings that are shown

# %% tags=["hide-input"]
from bookkit import glue, html
from chapters import findings, rate_distortion, style, tables
from chapters import steps as drawn
from chapters.attention import middle, to_tensor
from repro.data import crop_pool, photos
from repro.experiments import objective
from repro.experiments.claims import NOT_YET, Evidence, all_claims, savings
from repro.experiments.claims import steps as judge
from repro.experiments.claims.loss import PAPER

style.use()
evidence = Evidence()

# %% [markdown]
# ## Snapshots on the way
#
# `train` calls a function of ours before the first step and after every few steps, and hands it the model as it is then.
# Ours writes a file of a photo with that model, decodes it, and measures it:

# %%
from repro.evaluation import encoder_of, measure
from repro.losses import LossWeights
from repro.model import ModelSettings
from repro.training import Recipe, train

weights = LossWeights(lam=0.02)
crops = crop_pool(photos("sample"), 8, size=176, seed=seed)
rgb = middle(style.book_photo("kodim23", data_dir).rgb(), 320)


def short_run(quality):
    """A short training from a JPEG quality (0: tables of 1 to 2), and its snapshots."""
    snapshots = {}

    def observe(step, model):
        snapshots[step] = measure(rgb, encoder_of(model)(rgb))

    settings = ModelSettings("tables", rounding="straight-through")
    often = {"steps": steps, "log_every": max(steps // 5, 1), "seed": seed}
    recipe = Recipe(batch=2, lr_tables=0.3, tables_start=quality, **often)
    return train(settings, weights, recipe, crops, observe=observe), snapshots


# %% [markdown]
# We let it run twice, once from very fine tables, as the paper starts, and once from very coarse ones:

# %%
fine, coarse = short_run(0), short_run(5)
for start, (_, snapshots) in (("fine", fine), ("coarse", coarse)):
    for step, found in snapshots.items():
        bpp, mse, ms_ssim = (found[metric] for metric in ("bpp", "mse", "ms_ssim"))
        print(f"{start}, step {step:2}: {bpp:.2f} bpp, MSE {mse:.1f}, MS-SSIM {ms_ssim:.4f}")

# %% [markdown]
# From the fine start bits fall, MSE rises and MS-SSIM falls. From the coarse start it is the other way round: in the end
# there are more bits, a smaller MSE and a higher MS-SSIM. Keep that in mind when you look at the paper's figures.

# %% [markdown]
# ## Figs. 13 and 14
#
# The paper records bits, MSE and MS-SSIM as training goes on, with attention (Fig. 13) and without (Fig. 14): "With the
# training step increases, the bpp decrease means the compression rate increase, it will increase the mean square error
# but reduce the MS-SSIM metric value." It begins, as section 6.2 says, with tables uniform in 1 to 2, which keep nearly
# everything. So do our two stored runs. Each of their snapshots is the mean over files of every photo. As in the paper, we
# stretch each of the three to 0–1:


# %%
def normalised(values):
    """Stretched to 0–1."""
    return (values - values.min()) / (values.max() - values.min())


runs = evidence.on_the_way()
stretched = {}
for name, run in runs.items():
    stretched[name] = {"step": run["step"]}
    for metric in ("bpp", "mse", "ms_ssim"):
        stretched[name][metric] = normalised(run[metric])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-on-the-way", "caption": "Figs. 13 and 14 of the paper: bits per pixel, MSE and MS-SSIM against the step of training, each stretched to 0\u20131, from tables of 1 to 2."}, "image": {"alt": "Two plots, with and without attention. In both, bits and MS-SSIM fall and MSE rises, nearly all of it in the first fifth of the run; then all three lines are nearly flat."}}
drawn.normalised_plot(stretched)

# %% [markdown]
# Stretching hides how far each of them goes. In their own units, and with a logarithmic axis for the steps:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-true-units", "caption": "The same two runs in true units, means over the photos."}, "image": {"alt": "Three plots against the step, bits per pixel, MSE and MS-SSIM, with a line each for the run with and the run without attention. The lines stay close together and end nearly flat."}}
drawn.true_units_plot(runs)

# %% [markdown]
# The claim counts as reproduced where each metric goes the paper's way from the first snapshot to the last, and in at
# least three quarters of the changes between:

# %%
import numpy as np

for name, run in runs.items():
    for metric, sign in (("bpp", -1), ("mse", 1), ("ms_ssim", -1)):
        changes = sign * np.diff(run[metric])
        way = "the paper's way" if changes.sum() > 0 else "the other way"
        share = 100 * (changes > 0).mean()
        print(f"{metric} {name}: {way} in all, {share:.0f} % of the changes the paper's way")

# %% tags=["remove-cell"]
judged = judge.judge_directions(runs)
glue("steps_verdict", judged.verdict)
glue("steps_evidence", judged.evidence)

# %% [markdown]
# Verdict: **{glue:text}`steps_verdict`** ({glue:text}`steps_evidence`).
#
# With attention the first snapshot stands apart. An untrained map takes a little of everything, of the blocks' means too,
# so the picture is darker. A few steps repair that, and from there all lines go the paper's way.
#
# What does it mean? The run begins at the fine end of the scale and moves along the rate–distortion curve to the place
# where λ wants to be. Bits fall, MSE rises and MS-SSIM falls *because the start was too fine*. The direction says where the
# start lay, not what training is for. ({numref}`fig-film` is a film of such a run, with its tables and a picture that they
# make; that one starts at a quality in use.)

# %% [markdown]
# ## The objective, on files
#
# To tell whether a run is over, we need one number that should stop falling. Training minimises Eq. 7 on crops, with
# rounding that has a derivative. What counts is the same sum on files: λ times the distortion of what a decoder returns,
# plus the rate term $r$ of Eq. 9. From the functions of {ref}`ch-loss`:

# %%
import torch

from repro.jpeg.codestream import decode
from repro.metrics import lpips
from repro.plain import distortion, loss, rate


@torch.no_grad()
def objective_on_file(rgb, model, weights):
    """λ d + r, and r: d of a photo's file, r of the tables. Without attention A is 1."""
    data = encoder_of(model)(rgb)
    x, x_hat = to_tensor(rgb), to_tensor(decode(data))
    d = distortion(x, x_hat, lpips, weights.gamma, weights.sigma)
    r = rate(model.tables(), torch.ones(1, 2, 1, 1, 8, 8), weights.alpha, weights.beta)
    return loss(d, r, weights.lam), r


# %% [markdown]
# The stored results do not keep the files, but what each of them measures. From that the package computes the same number:

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
# Numbers of steps and learning rates were chosen by this objective on the first half (by name) of CID22's validation
# photos, never on Kodak.

# %% tags=["hide-input"]
tried = objective.tried()
html.table(*drawn.recipe_rows(tried), caption="Recipes tried on the tuning photos, one λ for each rounding")

# %% [markdown]
# The two columns of λ·d + r separate what a run has *learned* from what it has learned by heart. One is its value at the
# end of training on the crops that it trained on, the other on files of photos that it has never seen. Where more steps
# lower the first and raise the second, the network is memorising its crops. Where they raise both, the gradient is to
# blame: neither rounding's gradient is that of what is computed ({ref}`ch-quantisation`), and a longer run follows it
# farther.

# %% [markdown]
# Were the published runs long enough? We trained the same models with **twice the steps**, and measured them on the
# evaluation photos:

# %%
pairs = objective.doublings()
changes = [100 * (twice.objective / once.objective - 1) for once, twice in pairs]
for (once, _), change in zip(pairs, changes, strict=True):
    print(f"{drawn.kind(once)}: λ·d + r changes by {change:+.1f} %")

# %% tags=["hide-input"]
html.table(*drawn.doubling_rows(pairs), caption="What twice the steps change")

# %% tags=["remove-cell"]
glue("most_changed", max(abs(change) for change in changes))

# %% [markdown]
# Twice the steps change the objective by {glue:text}`most_changed:.1f` % at most.

# %% [markdown]
# ## The paper's rounding, by several recipes
#
# {ref}`ch-first-experiment` found that third-order rounding ends higher than straight-through, and left open whether large
# steps are to blame. Here are several recipes at one λ, from few large steps to 20,000 small ones on 8 crops each from the
# paper's own start. That last one is the paper's recipe but for one thing: the trunk is VGG-16's and frozen, so that only
# the tables and the 1 × 1 convolution learn.

# %% tags=["hide-input"]
outcomes = objective.third_order_recipes()
html.table(*drawn.recipe_rows(outcomes), caption="Third-order rounding at one λ, by recipe")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recipes", "caption": "Where the recipes end: one point a run, means over the photos. The line is learned tables with straight-through rounding, all \u03bb."}, "image": {"alt": "Three plots of MSE, LPIPS and MS-SSIM against bits per pixel. The points of the paper's rounding lie on the worse side of the straight-through line; the table above has their numbers."}}
drawn.recipe_points(outcomes, [drawn.recipe_label(o) for o in outcomes], evidence.first("ours")[findings.TABLES])

# %% tags=["remove-cell"]
slow, fast = (pick(outcomes, key=lambda o: o.experiment.recipe.lr_tables) for pick in (min, max))
glue("paper_recipe_dc", slow.dc)
glue("large_steps_dc", fast.dc)
glue("straight_dc", evidence.parts("ours", "tables")[findings.TABLES][slow.experiment.loss.lam][0][0][0])

# %% [markdown]
# | at this λ | step of the luma DC |
# |---|---|
# | third-order, the largest steps | {glue:text}`large_steps_dc:.0f` |
# | third-order, the paper's recipe on a frozen trunk | {glue:text}`paper_recipe_dc:.0f` |
# | straight-through, our recipe | {glue:text}`straight_dc:.0f` |
#
# (A table's entries are kept in 1 to 255.) Smaller steps average noise out, and noise is what third-order rounding has
# most of ({ref}`ch-quantisation`). Here they did not bring the tables back to finer steps.
#
# ```{admonition} What was run, and what was not
# :class: important
# The paper's recipe was run once: one λ, one seed, VGG-16's trunk frozen. The paper trains its trunk, VGG-19's, along with
# the rest; that was not run for this page. A trunk that learns can change its map where a head on fixed features cannot.
# So this run shows that small steps alone do not repair third-order rounding where the trunk is frozen. It does not show
# where the paper's recipe as a whole ends.
# ```

# %% [markdown]
# ## Where does the gain come from?
#
# The paper has one network and asks what to add to it. We ask what one could leave out. First, frozen VGG attention
# against tables alone:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-gain", "caption": "What frozen VGG attention gains over learned tables alone at equal rate (bits of the file; the first seed, which was trained for every \u03bb), with 95 % intervals over photos. Above zero is better."}, "image": {"alt": "Three curves with bands against bits per pixel: MSE saved, LPIPS saved, MS-SSIM gained by VGG attention over learned tables."}}
curves = evidence.seeds("ours", "5", "10")
attention = rate_distortion.Pair(
    "VGG attention, against tables alone", curves[findings.TABLES][0], curves[PAPER][0], "vgg16"
)
rate_distortion.gain_plot([attention], findings.MATCHED_RATES)

# %% [markdown]
# Then the network's parts: ImageNet's weights against random ones, and a trunk that is trained along against a frozen one.
# All are trained straight-through by our recipe of 800 steps, at two λ; the learning rate of a trained trunk was chosen
# among three on the tuning photos. The paper's 20,000 steps are not among these runs.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whose-gain", "caption": "BD-rates with 95 % intervals over photos: bits of the first against the second, at equal quality. Left of zero the first needs fewer."}, "image": {"alt": "A row for each comparison with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
parts = findings.compare(curves, findings.NETWORKS)
alone = {"VGG, frozen\nagainst tables alone": savings(curves[findings.TABLES], curves[PAPER])}
rate_distortion.savings_plot(alone | parts)

# %% tags=["hide-input"]
html.table(*tables.saving_rows(alone | parts), caption="The same in numbers: per cent of bits (95 % interval)")

# %% tags=["remove-cell"]
for name, words in findings.words(findings.NETWORKS, parts).items():
    glue(name, words)
for name, words in findings.words(("attention",), alone).items():
    glue(name, words)

# %% [markdown]
# | question | equal MSE | equal LPIPS | equal MS-SSIM |
# |---|---|---|---|
# | Does attention pay? Frozen, against tables alone | {glue:text}`attention_mse_brief` | {glue:text}`attention_lpips_brief` | {glue:text}`attention_ms_ssim_brief` |
# | Trained along, against tables alone | {glue:text}`trained_tables_mse_brief` | {glue:text}`trained_tables_lpips_brief` | {glue:text}`trained_tables_ms_ssim_brief` |
# | Does it help to train the trunk? Against leaving it frozen | {glue:text}`trained_mse_brief` | {glue:text}`trained_lpips_brief` | {glue:text}`trained_ms_ssim_brief` |
# | Does ImageNet help? A random trunk, frozen, against a pretrained one | {glue:text}`random_mse_brief` | {glue:text}`random_lpips_brief` | {glue:text}`random_ms_ssim_brief` |

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
html.table([], list(tables.origin("ours", "cpu").items()), caption="Where the stored results of this page come from")

# %% [markdown]
# ## All claims of the paper
#
# That was the last of the paper's experiments. Here is everything that it claims, with what we found; the same table
# stands on the page {doc}`../book/results`.

# %% tags=["hide-input"]
claims = all_claims(evidence)
verdicts = html.table(*tables.claim_rows(claims, html.badge, html.link))
html.glue_html("verdicts", verdicts)
html.glue_html("main_verdicts", html.table(*tables.main_rows(claims, html.badge, html.link)))
verdicts

# %% tags=["remove-cell"]
glue("count_all", len(claims))
for verdict, count in tables.verdict_counts(claims).items():
    glue(f"count_{verdict.replace(' ', '_')}", count)
waiting = tables.verdict_counts(claims)[NOT_YET]
glue("waiting", f", and {waiting} wait{'s' if waiting == 1 else ''} for runs that are not stored" if waiting else "")

# %% [markdown]
# ## Summary
#
# - Metrics against steps show the way from the start to where λ wants to be. Change the start, and they turn round.
# - A run has converged when twice the steps change little. Say how little, and by a number that is computed on files.
# - With the trunk frozen, the rounding's derivative decides where training ends, by every recipe that we ran.
# - A part of an encoder is worth what is lost when it is left out.
#
# ## Exercises
#
# **1.** For which start would `short_run` show three lines that hardly move? Guess a quality, then try it.
#
# ```{admonition} Solution
# :class: dropdown
# For tables that spend about as many bits as the runs end with: then λ has nothing to correct but the shape of the tables.
# Compare the snapshot of step 0 with the last lines of both runs above. With another λ it is another quality.
# ```
#
# **2.** The objective of a run with attention cannot be compared with that of tables alone. Why not?
#
# ```{admonition} Solution
# :class: dropdown
# Eq. 9 counts mean(A), which stands for bits but is none. Without attention A is 1, and the term is the constant 2β,
# however few bits are spent. Files can be compared: at equal rate, or at equal quality.
# ```
#
# **3.** Twice the steps change the objective by very little. Does that prove that nothing better can be reached?
#
# ```{admonition} Solution
# :class: dropdown
# No. It says that *this* recipe, with its start, its learning rates and its gradient, ends near there however long it
# runs. The two roundings show it: neither changes much with twice the steps, and they end at different places. Whether
# there is a better place can only be found out by other starts, other rates, or another gradient.
# ```
#
# ## What's next
#
# The paper's experiments are done. What is its *idea* worth when everything else is done well, too: chroma, Huffman
# codes, scans, and which coefficients to drop? {ref}`ch-beyond` tries it.
