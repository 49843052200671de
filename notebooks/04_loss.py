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
# (ch-loss)=
# # The loss: what is worse, and what is larger
#
# An encoder can be made to want anything. What it wants is written in its loss, and what it becomes follows from
# that with a literal mind. So this chapter reads the paper's loss word by word: three measures of "worse", one of
# "larger", and five weights between them.
#
# ```{admonition} What you will learn
# - why MSE, LPIPS and MS-SSIM disagree, and where in a photo each of them would rather spend
# - how much each of the three weighs at the paper's settings
# - that the paper's rate term is not a rate, and how far it can be trusted
# - how to be sure that a metric is the one that its name says
#
# You need {ref}`ch-jpeg`, and {ref}`ch-quantisation` for the words.
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

from bookkit import glue
from chapters import comparison, style
from chapters import loss as fig
from repro import codecs
from repro.jpeg.codestream import decode
from repro.losses import LossWeights
from repro.metrics import ms_ssim

photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
part = comparison.CROPS[photo.name]

# %% [markdown]
# ## The whole loss
#
# For a photo $x$ and what the decoder makes of it, $\hat x$, both with values from 0 to 255, the paper minimises
# (its Eqs. 7–9)
#
# $$
# \mathcal{L}(x, \hat x; \theta) = \lambda\, d(x, \hat x) + r(x; \theta)
# $$ (eq-loss)
#
# $$
# d(x, \hat x) = \mathrm{MSE}(x, \hat x) + \gamma\,\mathrm{LPIPS}(x, \hat x)
#   + \sigma\,\bigl(1 - \text{MS-SSIM}(x, \hat x)\bigr)
# $$ (eq-distortion)
#
# $$
# r(x; \theta) = \alpha \left( \bigl\| \bar Q_\theta^{(L)} \bigr\|_1 + \bigl\| \bar Q_\theta^{(C)} \bigr\|_1 \right)
#   + \beta \left( \operatorname{mean} A_\theta^{(L)}(x) + \operatorname{mean} A_\theta^{(C)}(x) \right) .
# $$ (eq-rate)
#
# $d$ says how bad the picture is, $r$ how much it costs, and $\lambda$ how much we care: one model is trained for each
# $\lambda$, and gives one point of a curve. The paper's weights are the defaults here:

# %% tags=["nbval-check-output"]
print(LossWeights(lam=0.01))

# %% [markdown]
# Without the $\sigma$ term this is the baseline's loss {cite:p}`struempler2020learning`; the term is the paper's first
# contribution. Two readings need a word. $\bar Q$ is called "regularized quantized DCT coefficients" in the paper; in
# the baseline's program it is $1/Q$, entry by entry, which makes sense: fine steps cost bits. And section 5.1 gives
# LPIPS the reference of another work (number 10 in the paper's list); section 6.3 has the right one,
# {cite:t}`zhang2018lpips`.

# %% [markdown]
# ## Three ways of being wrong
#
# **MSE**, the mean squared error (Eq. 10 of the paper), compares pixel by pixel:
#
# $$
# \mathrm{MSE}(x, \hat x) = \frac{1}{|\mathcal{P}|} \sum_{p \in \mathcal{P}} (x_p - \hat x_p)^2 .
# $$ (eq-mse)
#
# **MS-SSIM** {cite:p}`wang2003msssim` slides a small window over both pictures and asks whether contrast and pattern
# agree; it does so at five sizes of the picture, each half as large as the one before, and at the smallest it also asks
# about brightness. It lies between 0 and 1, and 1 is best. **LPIPS** {cite:p}`zhang2018lpips` shows both pictures to a network (here AlexNet
# {cite:p}`krizhevsky2017alexnet`) and compares what its layers answer; 0 is best.
#
# Do they agree? Let us damage one photo ({glue:text}`photo_name`) in four ways, each so that MSE says about the same:

# %%
damaged = fig.equally_wrong(rgb, target=150.0, seed=seed)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-equally-wrong", "caption": "Four pictures that are about equally wrong, if you ask MSE. The numbers are of the whole photo."}, "image": {"alt": "Four versions of the same part of a photo: a little lighter, noisy, blurred, and broken into blocks by JPEG, with MSE, LPIPS and MS-SSIM under each. MSE is 150 or a little less for all. LPIPS and MS-SSIM find the lighter one nearly perfect and the others bad."}}
fig.damage_row(damaged, part)

# %% tags=["remove-cell"]
glue("photo_name", photo.name.partition(".")[0])
for one in damaged:
    glue(f"lpips_{one.name.lower()}", one.lpips)
    glue(f"ms_ssim_{one.name.lower()}", one.ms_ssim)

# %% [markdown]
# The lighter picture of {numref}`fig-equally-wrong` bothers nobody: its LPIPS is {glue:text}`lpips_lighter:.3f` and its
# MS-SSIM {glue:text}`ms_ssim_lighter:.3f`. Blur loses detail, and MS-SSIM ({glue:text}`ms_ssim_blur:.3f`) is kinder to
# it than to noise ({glue:text}`ms_ssim_noise:.3f`). JPEG's blocks get {glue:text}`lpips_jpeg:.3f` and
# {glue:text}`ms_ssim_jpeg:.3f`. Each measure is blind to something. That is the case for mixing them
# {cite:p}`zhao2017loss`, and the paper's case for adding MS-SSIM.

# %% [markdown]
# ### Where would each of them spend?
#
# Training follows gradients, so let us look at them. Here is the photo at quality 10, and for each measure how strongly
# it asks each pixel to change.

# %%
shown = decode(codecs.get("pillow-444").encode(rgb, 10))
asked = fig.complaints(rgb, shown)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-complaints", "caption": "A photo at quality 10, and where MSE, LPIPS and MS-SSIM ask for a change (size of the gradient, a little blurred; each on its own scale)."}, "image": {"alt": "The decoded photo and three heat maps. MSE is bright along strong edges and in busy texture. LPIPS is bright in other places, mostly in soft background. MS-SSIM is bright along soft gradients and dark where the photo is busy."}}
fig.complaint_maps(shown, asked)

# %% [markdown]
# MSE complains where errors are large: at hard edges and in rough texture. MS-SSIM divides by the local contrast, so
# the same error counts for more where the photo is calm, and there it points at every false contour. LPIPS has a mind
# of its own ({numref}`fig-complaints`). If bits are moved from one place to another, somebody will be unhappy. Once they
# are spent as well as one measure can wish, another can only gain at its cost; how close to that one is, and whether
# MS-SSIM can be raised *without harm to the others*, as the paper claims, is for {ref}`ch-first-experiment` to find
# out. (What is said here of places was written for Kodak's photo 23, and may differ for another.)

# %% [markdown]
# ### How the weights share out the say
#
# MSE is counted in squared levels, the other two between 0 and 1. What do $\gamma = 500$ and $\sigma = 1000$ make of
# that?

# %%
qualities = [5, 10, 20, 30, 50, 75]
weighed = fig.terms(rgb, qualities, LossWeights(lam=0.01))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-terms", "caption": "The three terms of $d$ for plain JPEG files of one photo, with the paper's weights."}, "image": {"alt": "Two stacked bar charts against quality. Left: the sum falls steeply with quality. Right: the shares; LPIPS has the largest, MSE and MS-SSIM less, and they change little with quality."}}
fig.term_bars(weighed, qualities)

# %% tags=["remove-cell"]
at = qualities.index(10)
total = sum(values[at] for values in weighed.values())
for key, values in zip(("mse", "lpips", "ms_ssim"), weighed.values(), strict=True):
    glue(f"share_{key}", 100 * values[at] / total)

# %% [markdown]
# At quality 10, MSE has {glue:text}`share_mse:.0f` % of the say, LPIPS {glue:text}`share_lpips:.0f` % and MS-SSIM
# {glue:text}`share_ms_ssim:.0f` % ({numref}`fig-terms`). (These are shares of the value; of the gradient they may
# differ.) The paper calls its weights optimal "according to the baseline paper and our experiment"; at least nobody is
# left out.

# %% [markdown]
# ## One way of being large, and it is not size
#
# No file is written in training. The loss only knows $r$ of {eq}`eq-rate`: the sum of $1/Q$, and the mean of the
# attention. That is a *hint* of size. It does not look at the photo's coefficients at all; a smooth sky and a forest
# have the same $\|1/Q\|_1$. How good a hint is it? We take the standard's tables, and count the bits of real files.

# %%
check = fig.rate_check(rgb, [5, 10, 15, 20, 30, 50, 75, 90])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rate-check", "caption": "Bits per pixel of real files against the tables' part of the paper's rate term, for the standard's tables at several qualities (numbers at the points), both on logarithmic scales."}, "image": {"alt": "Two rising curves and a dotted line of proportionality. At high qualities both rise more slowly than the line. At low qualities the paper's counting is flatter than the file's own and lies above it."}}
fig.rate_plot(check)

# %% tags=["remove-cell"]
ten, fifty = check.qualities.index(10), check.qualities.index(50)
glue("r_ratio", check.r[fifty] / check.r[ten])
glue("bits_ratio", check.bpp["the file"][fifty] / check.bpp["the file"][ten])
glue("paper_ratio", check.bpp["the paper's counting"][fifty] / check.bpp["the paper's counting"][ten])

# %% [markdown]
# From quality 10 to 50 the sum of $\alpha / Q$ grows by a factor of {glue:text}`r_ratio:.1f`, the file by
# {glue:text}`bits_ratio:.1f`, and by the paper's counting by {glue:text}`paper_ratio:.1f` ({numref}`fig-rate-check`).
# So within one family of tables $r$ rises and falls with the bits, though not in proportion. Between *different*
# tables it can mislead: to $r$, a step coarsened from 10 to 20 saves as much for a coefficient that is nearly always
# zero as for one that never is. A rate term that knows what Huffman codes cost would not make that mistake;
# {ref}`ch-beyond` has one.
#
# Attention makes the hint weaker still: $\operatorname{mean} A$ goes down when *any* coefficient fades, also one that
# was going to be zero anyway.

# %% [markdown]
# ## Is it the metric that it says it is?
#
# Published curves often fail to repeat for a dull reason: two programs mean different things by one name. For MS-SSIM
# the paper names its program, TensorFlow's `tf.image.ssim_multiscale`. Ours takes the window of `pytorch-msssim` and
# halves pictures of odd sides as TensorFlow does. Stored values of TensorFlow and of the package `lpips` are among the
# tests, with the programs that made them; ours must agree with both to four decimals.
#
# Ranges are the other dull reason: values in 0 … 1, in −1 … 1, or in 0 … 255? Here every picture has values in
# 0 … 255. Others are refused, though a picture in 0 … 1 cannot be told from a dark one: scale it first. Pictures that
# are too small to be halved four times are refused, too:

# %% tags=["nbval-check-output"]
small = torch.zeros(1, 3, 160, 240)
print(fig.refusal(ms_ssim, small, small))

# %% [markdown]
# ## Summary
#
# - The loss is $\lambda d + r$: three measures of distortion, one hint of the rate, five weights.
# - MSE, LPIPS and MS-SSIM see different things. The paper's weights give each of them a say.
# - The rate term is a hint, not a number of bits. All bits in this book are counted in real files.
# - The metrics are held to their references by tests, and refuse what they cannot measure.
#
# ## Exercises
#
# **1.** Suppose that $\lambda$ is doubled and so are $\alpha$ and $\beta$. What changes?
#
# ```{admonition} Solution
# :class: dropdown
# Nothing but the size of the loss: all of it is doubled, and Adam does not mind the size of its gradients. Only the
# ratio of $\lambda$ to $\alpha$ and $\beta$ decides where training ends. That is why one of them may be fixed, as
# $\beta = 1$ is.
# ```
#
# **2.** With tables alone, the second part of {eq}`eq-rate` is a constant. Which entry of $Q$ does the rate term push
# hardest towards coarser, one at 2 or one at 100?
#
# ```{admonition} Solution
# :class: dropdown
# The derivative of $\alpha / Q$ is $-\alpha / Q^2$: at 2 it is 2500 times as strong as at 100. A fine step is expensive
# and pushed hard; beyond 50 or so the rate term hardly pushes at all. It is the distortion that must hold fine entries
# fine, and nothing much pushes a coarse entry anywhere. In the form $\log Q$ the push is $\alpha / Q$.
# ```
#
# **3.** A plain grey picture of level 100 comes back as plain grey of level 110. What do MSE and MS-SSIM say, and why do
# they differ so much?
#
# ```{admonition} Solution
# :class: dropdown
# MSE is $10^2 = 100$, as bad as a strongly compressed photo. MS-SSIM is $0.9994$, nearly perfect: contrast and pattern
# agree at all five sizes, as there is none, and brightness is asked about only at the smallest. There, with
# $C_1 = 2.55^2$,
#
# $$\frac{2 \cdot 100 \cdot 110 + C_1}{100^2 + 110^2 + C_1} \approx 0.995$$
#
# counts to the power of $0.1333$.
# An encoder that hears MS-SSIM alone may let brightness drift. That is one reason to keep MSE in the mix.
# ```
#
# ## What's next
#
# JPEG, attention, rounding, tables, loss: all parts are on the table. {ref}`ch-first-experiment` puts them together,
# trains, and counts.
