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
# Training is over when nothing more changes. This chapter first watches it on the way (the paper's Figs. 13 and 14),
# then asks whether our runs were long enough for what the other chapters say of them. With that settled it takes the
# encoder apart: how much of the gain is the tables', the network's, ImageNet's?
#
# ```{admonition} What you will learn
# - what "more steps" does to rate and quality, and why that says little about an encoder
# - how to tell that a run has converged
# - what the paper's rounding costs, and whether its own recipe would have mended that
# - what a pretrained trunk, and a trunk trained along, add to learned tables
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

# %% tags=["hide-input"]
from bookkit import glue, html
from chapters import rate_distortion, style, tables
from chapters import steps as drawn
from chapters.origin import origin
from repro.experiments import objective
from repro.experiments.claims import Evidence, all_claims, in_words, steps, worth

style.use()
evidence = Evidence()
on_the_way = evidence.on_the_way()

# %% [markdown]
# ## On the way: Figs. 13 and 14
#
# The paper takes bits, MSE and MS-SSIM as training goes on, with attention (Fig. 13) and without (Fig. 14), all three
# stretched to 0–1: "With the training step increases, the bpp decrease means the compression rate increase, it will
# increase the mean square error but reduce the MS-SSIM metric value." It begins, as section 6.2 says, with tables
# uniform in 1 to 2, which keep nearly everything. So do these two runs; each snapshot was written as files of every
# photo, decoded, and measured.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-on-the-way", "caption": "Figs. 13 and 14 of the paper: bits per pixel, MSE and MS-SSIM against the step of training, each stretched to 0\u20131, from tables of 1 to 2."}, "image": {"alt": "Two plots, with and without attention. In both, bits and MS-SSIM fall and MSE rises, nearly all of it in the first fifth of the run; then all three lines are nearly flat."}}
drawn.normalised_plot(on_the_way)

# %% [markdown]
# Stretching hides how far each of them goes. In their own units, and with a logarithmic axis for the steps:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-true-units", "caption": "The same two runs in true units, means over the photos."}, "image": {"alt": "Three plots against the step, bits per pixel, MSE and MS-SSIM, with a line each for the run with and the run without attention. The lines stay close together and end nearly flat."}}
drawn.true_units_plot(on_the_way)

# %% tags=["remove-cell"]
judged = steps.judge_directions(on_the_way)
glue("steps_verdict", judged.verdict)
glue("steps_evidence", judged.evidence)

# %% [markdown]
# Verdict: **{glue:text}`steps_verdict`** ({glue:text}`steps_evidence`).
#
# With attention the first snapshot stands apart: an untrained map takes a little of everything, of the blocks' means,
# too, so that the picture is darker. A few steps mend that, and from there all lines go the paper's way.
#
# What does it mean? The run begins at the fine end of the scale and walks along the rate–distortion curve to where λ
# wants to be. Bits fall, MSE rises and MS-SSIM falls *because the start was too fine*. Begin with coarse tables, and all
# three go the other way. The direction says where the start lay, not what training is for. ({numref}`fig-film` is a film
# of such a walk, with its tables and a picture that they make; that one starts at a quality in use.)

# %% [markdown]
# ## Which recipe, and is it long enough?
#
# Steps and learning rates were chosen on the first half (by name) of CID22's validation photos, never on Kodak. What
# counts is what training minimises, Eq. 7, but measured on files: λ times the distortion of what a decoder returns,
# plus the rate term.

# %% tags=["hide-input"]
tried = objective.tried()
html.table(*drawn.recipe_rows(tried), caption="Recipes tried on the tuning photos, one λ for each rounding")

# %% [markdown]
# Two columns tell apart what a run has *learned* and what it has learned by heart: the same objective at the end of
# training on the crops that it trained on, and on files of photos that it has never seen. Where more steps lower the
# first and raise the second, the network begins to know the crops. Where they raise both, it is the gradient that leads
# astray: neither rounding's is that of what is computed ({ref}`ch-quantisation`), and small steps follow it farther.

# %% [markdown]
# Then the check that they were long enough for the published runs: the same models with **twice the steps**, on the
# evaluation photos.

# %% tags=["hide-input"]
pairs = objective.doublings()
html.table(*drawn.doubling_rows(pairs), caption="What twice the steps change")

# %% tags=["remove-cell"]
glue("most_changed", drawn.most_changed(pairs))

# %% [markdown]
# Twice the steps change the objective by {glue:text}`most_changed:.1f` % at most.

# %% [markdown]
# ## The paper's rounding, by its own recipe
#
# {ref}`ch-first-experiment` found that third-order rounding ends higher than straight-through, and left open whether that
# is the fault of large steps. Here are several recipes at one λ, from few large steps to the paper's own 20,000 small
# ones on 8 crops each, from its own start (the trunk frozen, which is the one thing that is not its own):

# %% tags=["hide-input"]
outcomes = objective.third_order_recipes()
html.table(*drawn.recipe_rows(outcomes), caption="Third-order rounding at one λ, by recipe")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-recipes", "caption": "Where the recipes end: one point a run, means over the photos. The line is learned tables with straight-through rounding, all \u03bb."}, "image": {"alt": "Three plots of MSE, LPIPS and MS-SSIM against bits per pixel. The points of the paper's rounding lie on the worse side of the straight-through line; the table above has their numbers."}}
drawn.recipe_points(outcomes, [drawn.told(o) for o in outcomes], evidence.first("ours")[worth.TABLES])

# %% tags=["remove-cell"]
slow, fast = (pick(outcomes, key=lambda o: o.experiment.recipe.lr_tables) for pick in (min, max))
glue("paper_recipe_dc", slow.dc)
glue("large_steps_dc", fast.dc)
glue("straight_dc", drawn.dc_of(evidence.parts("ours", "tables")[worth.TABLES], slow.experiment.loss.lam))

# %% [markdown]
# At this λ the step of the luma DC ends at {glue:text}`large_steps_dc:.0f` with the largest steps and at
# {glue:text}`paper_recipe_dc:.0f` by the paper's recipe, where straight-through has {glue:text}`straight_dc:.0f`. Smaller
# steps average noise out, but they do not take a bias away: a coefficient that rounds to zero tells the table nothing
# ({ref}`ch-quantisation`).

# %% [markdown]
# ## What of the gain is whose?
#
# The paper has one network and asks what to add to it. We ask what one could leave out. First against tables alone:

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attention-gain", "caption": "What frozen VGG attention gains over learned tables alone at equal rate (bits of the file; the first seed, which was trained for every \u03bb), with 95 % intervals over photos. Above zero is better."}, "image": {"alt": "Three curves with bands against bits per pixel: MSE saved, LPIPS saved, MS-SSIM gained by VGG attention over learned tables."}}
curves = evidence.seeds("ours", "5", "10")
attention = rate_distortion.Pair(
    "VGG attention, against tables alone", curves[worth.TABLES][0], curves[worth.PAPER][0], "vgg16"
)
rate_distortion.gain_plot([attention], worth.MATCHED_RATES)

# %% [markdown]
# Then the network's parts, at two λ: the trunk's ImageNet weights against random ones, and a trunk that learns along
# against one that is left alone.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-whose-gain", "caption": "BD-rates with 95 % intervals over photos: bits of the first against the second, at equal quality. Left of zero the first needs fewer."}, "image": {"alt": "A row for each comparison with three markers, for equal MSE, LPIPS and MS-SSIM, and their intervals. The table below has the numbers."}}
parts = worth.network_comparisons(curves)
rate_distortion.savings_plot(parts)

# %% tags=["hide-input"]
html.table(*tables.saving_rows(parts), caption="The same in numbers: per cent of bits (95 % interval)")

# %% tags=["remove-cell"]
for name, row in worth.named_parts(parts).items():
    for metric, found in row.items():
        glue(f"{name}_{metric}", in_words(found))
for metric, found in worth.attention_saving(curves).items():
    glue(f"attention_{metric}", in_words(found))

# %% [markdown]
# *Does attention pay for itself?* Frozen, against tables alone, at equal MSE: {glue:text}`attention_mse`; at equal
# LPIPS: {glue:text}`attention_lpips`; at equal MS-SSIM: {glue:text}`attention_ms_ssim`. Trained along, against tables
# alone: {glue:text}`trained_tables_mse`, {glue:text}`trained_tables_lpips` and {glue:text}`trained_tables_ms_ssim`.
#
# *Does it help to train the trunk?* Against leaving it frozen: {glue:text}`trained_mse`, {glue:text}`trained_lpips` and
# {glue:text}`trained_ms_ssim`. *Does ImageNet?* A random trunk, frozen, against a pretrained one:
# {glue:text}`random_mse`, {glue:text}`random_lpips` and {glue:text}`random_ms_ssim`. (Each time at equal MSE, LPIPS and
# MS-SSIM, in this order.)

# %% [markdown]
# ## Where these numbers come from

# %% tags=["hide-input"]
html.table([], list(origin("ours", "cpu").items()), caption="Where the stored results of this page come from")

# %% [markdown]
# ## What is left of the claims
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
glue("waiting", tables.waiting_words(claims))

# %% [markdown]
# ## Summary
#
# - Metrics against steps show the way from the start to where λ wants to be. Change the start, and they turn round.
# - Converged means that twice the steps change little; say how little.
# - Rounding's derivative decides where training ends. It is no detail.
# - A part of an encoder is worth what is lost when one leaves it out.
#
# ## Exercises
#
# **1.** Start the tables at quality 5 (very coarse) and not at 1 to 2. Sketch {numref}`fig-on-the-way` for that run.
#
# ```{admonition} Solution
# :class: dropdown
# Bits rise, MSE falls and MS-SSIM rises, until the run reaches the same place from the other side.
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
# **3.** Twice the steps change the objective by very little. Is that proof that nothing better can be reached?
#
# ```{admonition} Solution
# :class: dropdown
# No. It says that *this* recipe, with its start, its learning rates and its gradient, ends near there however long it
# runs. The paper's rounding shows the difference: its runs settle down, too, and at a worse place. Whether there is a
# better place is asked by other starts, other rates, or another gradient.
# ```
#
# ## What's next
#
# The paper's experiments are done. What is its *idea* worth when everything else is done well, too: chroma, Huffman
# codes, scans, and which coefficients to drop? {ref}`ch-beyond` tries it.
