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
# (ch-quantisation)=
# # Rounding that learns, and tables that are learned
#
# A network learns by asking of every number: if I move it a little, does the loss fall? To rounding the answer is
# nearly always "nothing happens", and now and then "a jump". So the one step of JPEG in which everything is decided
# is the one that no gradient gets through. This chapter opens a door in it. Then it lets the quantisation tables
# themselves learn, and looks closely at what they are told.
#
# ```{admonition} What you will learn
# - how one trains through a step that has no useful derivative
# - a sign error in the paper's Eq. 3, what it would do, and how to see it at a glance
# - how 128 table entries become something that Adam can train, and why the paper multiplies them by 0.00001
# - which of two stand-ins for rounding tells a table the truth, and which only does so on average
#
# You need derivatives, and {ref}`ch-jpeg`.
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
steps = 120  # of the training at the end

# %% tags=["hide-input"]
import numpy as np
import torch

from bookkit import frames_slider, glue
from chapters import jpeg, style, training
from chapters import rounding as fig
from chapters.artefacts import luma
from repro.data import crop_pool, photos
from repro.jpeg.tables import quality_tables
from repro.losses import LossWeights
from repro.model import LearnedJPEG, LearnedTables, ModelSettings
from repro.rounding import round_straight_through, round_third_order
from repro.training import Recipe, train

photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
part = jpeg.around(*jpeg.edge_block(luma(rgb)), rgb, 96, 96)
crops = crop_pool(photos("train", data_dir), 64, seed=seed)

# %% [markdown]
# ## A step that passes nothing back
#
# The baseline's program rounds exactly on the way forward, as the file holds whole numbers, and on the way back pretends
# to have used a smooth stand-in. The paper only says that an approximation "replaces" rounding. It prints (Eq. 3,
# section 4.1)
#
# $$
# \lfloor x \rfloor_{\text{approx}} = \lfloor x \rfloor + (\lfloor x \rfloor - x)^3 ,
# $$ (eq-rounding-printed)
#
# where $\lfloor x \rfloor$ is the paper's sign for the *nearest* whole number, our $\lfloor x \rceil$. Between two jumps $\lfloor x \rfloor$ is a constant, so the
# derivative is $-3\,(\lfloor x \rfloor - x)^2$. Look at the sign: **it is never positive**. A gradient that comes back
# through it is turned around. The baseline's program {cite:p}`struempler2020learning` has the other sign,
#
# $$
# \lfloor x \rfloor_{\text{approx}} = \lfloor x \rfloor + (x - \lfloor x \rfloor)^3 , \qquad
# \frac{d}{dx} \lfloor x \rfloor_{\text{approx}} = 3\,(x - \lfloor x \rfloor)^2 \ge 0 ,
# $$ (eq-rounding)
#
# and so do we.
#
# {numref}`fig-equation-3` shows both, and a third stand-in, *straight-through*, that we shall meet below. Move $z$ and
# watch the marks on the right. A wish to move $z$ comes back multiplied by these: what becomes of it near a whole number,
# in the middle between two, and with the printed sign?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-equation-3", "caption": "Eq. 3 as printed and with its sign corrected: the function, and its derivative, with marks at one z. The third stand-in, straight-through, has the derivative 1 everywhere. Drag the slider, or use the arrow keys."}}
frames, labels, alts, captions = fig.equation_slider([0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.2, 1.35])
frames_slider(frames, labels, alts, captions=captions, description="z", start=2, width="35rem")

# %% [markdown]
# ```{admonition} Erratum to the paper
# :class: warning
# Eq. 3 should read $\lfloor x \rfloor + (x - \lfloor x \rfloor)^3$. In {numref}`fig-equation-3` the corrected curve
# leans *towards* the next stair, so that a number that is pushed up gets there; the printed one leans away from it.
# ```
#
# A toy makes the difference plain. We start at 1.35 and want the *rounded* number to be 3; the loss is
# $(\lfloor z \rfloor - 3)^2$. Gradient descent goes ahead with each of the derivatives.

# %%
walks = fig.walks(start=1.35, target=3.0)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-walks", "caption": "Gradient descent through rounding, from 1.35 towards 3, with three derivatives."}, "image": {"alt": "Three paths over 40 steps. With the printed sign z falls towards 1. With the corrected sign it creeps up to just below 2. Straight-through climbs to a little above 2.5, which rounds to 3, and stays."}}
fig.walk_plot(walks)

# %% tags=["nbval-check-output"]
for walk in walks:
    print(f"{walk.name}: ends at {walk.z[-1]:.2f}, rounded {walk.end}")

# %% [markdown]
# **The sign decides whether training makes the picture better or worse.** With the printed one, whatever the loss asks
# for, the numbers before the rounding are pushed the other way, and the loss can only grow ({numref}`fig-walks`). With
# the right sign the walk goes the right way, but comes to a halt before the next whole number, where the derivative is
# zero: **once a coefficient sits on a whole number, the third-order stand-in no longer hears any wish to move it.**
# *Straight-through* {cite:p}`bengio2013straightthrough`, which pretends that rounding did nothing, gets to the goal. Keep
# both in mind.
#
# In code each is a few lines, and forward both are exactly `round`, to the last bit:

# %% tags=["nbval-check-output"]
z = torch.tensor([-0.5, -0.3, 0.0, 0.2, 0.49, 1.5], requires_grad=True)
for rounding in (round_third_order, round_straight_through):
    z_hat = rounding(z)
    (gradient,) = torch.autograd.grad(z_hat.sum(), z)
    print("exact:", bool(torch.equal(z_hat, z.round())))
    print("derivative:", [f"{g:.2f}" for g in gradient.tolist()])

# %% [markdown]
# ## Tables as numbers to be learned
#
# Now everything from pixels to pixels has a derivative, and the tables may learn too. With attention $A$ from
# {ref}`ch-attention` and tables $Q_\theta^{(L)}$ and $Q_\theta^{(C)}$ as optimisation variables, the encoder is
# (Eqs. 4–6 of the paper)
#
# $$
# \begin{aligned}
# \hat Z^{(Y)}[n, m]   &= \lfloor F^{(Y)}[n, m]   \odot A^{(L)}[n, m] \oslash Q_\theta^{(L)} \rceil \\
# \hat Z^{(Cr)}[n, m]  &= \lfloor F^{(Cr)}[n, m]  \odot A^{(C)}[n, m] \oslash Q_\theta^{(C)} \rceil \\
# \hat Z^{(Cb)}[n, m]  &= \lfloor F^{(Cb)}[n, m]  \odot A^{(C)}[n, m] \oslash Q_\theta^{(C)} \rceil .
# \end{aligned}
# $$ (eq-encoder)
#
# `LearnedJPEG` is these three lines, with the decoder behind them. Without attention ($A = 1$), only the 2 × 64 table
# entries can learn:

# %% tags=["nbval-check-output"]
settings = ModelSettings(method="tables", rounding="straight-through")
model = LearnedJPEG(settings)
x = crops[:1].float()
output = model(x)
whole = (output.z_hat == output.z_hat.round()).all()
print("learned numbers:", sum(p.numel() for p in model.parameters()))
print("whole numbers only:", bool(whole))
print("x̂ has the shape of x:", output.x_hat.shape == x.shape)

# %% [markdown]
# ### Why 0.00001?
#
# The paper does not train $Q$ itself. Its variable is $Q \cdot s$ with $s = 10^{-5}$, starts uniformly in
# $[1s, 2s]$, and is kept in $[1s, 255s]$ (its section 6.2). The reason is the learning rate. Adam
# {cite:p}`kingma2014adam` moves a number by about its learning rate at each step, whatever the size of the gradient.
# The network's weights want $10^{-6}$; a table entry that moved by a millionth would never get anywhere. Divided by
# $s$, the same $10^{-6}$ is a move of 0.1.
#
# We also have another form, $\log Q$, at a rate of 0.03: each step is about 3 %, of a fine entry and of a coarse one
# alike. Both hold the same tables at the same values, and differ only in how they travel:

# %% tags=["nbval-check-output"]
annex_k = quality_tables(50)
forms = {kind: LearnedTables(kind) for kind in ("paper", "log")}
for tables in forms.values():
    tables.set(annex_k)
close = [torch.allclose(Q(), annex_k.float()) for Q in forms.values()]
print("the same tables:", all(close))

# %%
paths = fig.moves(600, {"paper": 1e-6, "log": 0.03})

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-moves", "caption": "How fast an entry can travel: every gradient says \"coarser\", and Adam does what it can."}, "image": {"alt": "Two rising curves on a logarithmic scale. The form log Q is a straight line up to 255. The paper's form rises quickly at first, then ever more slowly on this scale, and is near 60 at the end."}}
fig.moves_plot(paths)

# %% tags=["remove-cell"]
glue("steps_paper", fig.steps_to(paths["paper"], 50))
glue("steps_log", fig.steps_to(paths["log"], 50))

# %% [markdown]
# From 1.5 to 50 takes {glue:text}`steps_paper` steps in the paper's form and {glue:text}`steps_log` in the logarithmic
# one ({numref}`fig-moves`). The paper takes 20,000 steps and has time for both; on two processor cores we do not.
# Profile `paper` uses the paper's form, profile `cpu` the logarithmic one.

# %% [markdown]
# ## What is a table told?
#
# A stand-in is a white lie, so let us check what it says. Take one frequency, and write $r = z - \hat z$ for what
# rounding took away. The error in the coefficient is $Q r$. If rounding claims the derivative $g$, then back-propagation
# tells the table that the squared error changes with $Q$ at the rate
#
# $$
# \frac{d\,(Q r)^2}{d Q} \;\widehat{=}\; -2\,Q\,r\,(\hat z - g\,z) .
# $$ (eq-reported)
#
# Put in, straight-through ($g = 1$) reports $2\,Q\,r^2$, and third-order ($g = 3 r^2$) reports
# $-2\,Q\,r\,\hat z\,(1 - 3 r^2) + 6\,Q\,r^4$.
#
# The first can only say "coarser is worse", and never by more than $Q/2$. The second has a part that is proportional
# to $\hat z$, of either sign. (With $g = 0$, no stand-in at all, that part is all there is, $-2\,Q\,r\,\hat z$: exact
# for each single coefficient, and nearly a toss of a coin.) We can measure the truth: quantise a whole photo with
# steps a tenth smaller and a tenth larger, and see how the error changes.

# %%
steps_tried = np.linspace(4, 100, 49)
places = ((0, 0), (0, 1), (2, 2))
over_steps = [fig.slopes([rgb], place, steps_tried) for place in places]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-slopes", "caption": "How fast the squared error of a luma coefficient grows with its step: measured on a whole photo (grey), and as each stand-in reports it."}, "image": {"alt": "Three plots against the step Q. For DC both stand-ins follow the measured line, the third-order one in a wild zigzag. For the two other coefficients third-order lies close to the measured line, straight-through above it, the more so the finer the pattern."}}
fig.slope_plot(over_steps)

# %% tags=["remove-cell"]
glue("photo_name", photo.name.partition(".")[0])
for key, one in zip(("slow", "fine"), over_steps[1:], strict=True):
    glue(f"third_{key}", one.share("third-order"))
    glue(f"straight_{key}", one.share("straight-through"))

# %% [markdown]
# Over a whole photo (here {glue:text}`photo_name`, {numref}`fig-slopes`), the third-order stand-in is the more truthful one: taken over all steps it
# reports {glue:text}`third_slow:.2f` and {glue:text}`third_fine:.2f` times the measured slope for the two AC
# coefficients, straight-through {glue:text}`straight_slow:.2f` and {glue:text}`straight_fine:.2f` times.
# Where a coefficient has been rounded to zero, a coarser step makes nothing worse. Straight-through still reports
# $2\,Q\,r^2$ there, third-order only $6\,Q\,r^4$, which is far less for small $r$.
#
# But look at DC, where $\hat z$ is large: there the third-order line goes up and down wildly. And training does not see
# whole photos, it sees a few crops at a time. So now crop by crop, with the tables of quality 25:

# %%
Q25 = quality_tables(25)[0]
by_crop = [fig.slopes_of_crops(crops, at, float(Q25[at])) for at in places]

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-crops", "caption": "The same question put to single crops of 224 px, as training sees them: reported against measured slope."}, "image": {"alt": "Three clouds of points around a grey line of truth. For DC, on a scale of powers of ten, third-order points are scattered over hundreds on both sides of zero while straight-through keeps to one value near the truth. For row 0, column 1 both scatter moderately. For row 2, column 2 third-order keeps closely to the line."}}
fig.crop_plot(by_crop)

# %% tags=["remove-cell"]
dc, slow, fine = by_crop
glue("scatter_third_dc", dc.scatter("third-order"))
glue("scatter_straight_dc", dc.scatter("straight-through"))
glue("scatter_third_fine", fine.scatter("third-order"))
glue("scatter_straight_fine", fine.scatter("straight-through"))
glue("wrong_sign_dc", 100 * (dc.reported["third-order"] * dc.measured < 0).mean())
glue("crops", len(crops))
glue("data_words", photos("train", data_dir).source)

# %% [markdown]
# There it is ({numref}`fig-crops`). For DC, third-order misses the truth by {glue:text}`scatter_third_dc:.1f` times its
# size (root mean square over {glue:text}`crops` crops), and for {glue:text}`wrong_sign_dc:.0f` % of the crops it has
# the *wrong sign*: mostly, it says that a coarser step would be better. (Measured over a tenth of the step each way, as
# training moves. For an infinitely small step the true slope of a few blocks is as wild.) Straight-through misses it by
# {glue:text}`scatter_straight_dc:.1f` times its size. For the fine pattern it is the other way round:
# {glue:text}`scatter_third_fine:.2f` against {glue:text}`scatter_straight_fine:.2f`.
#
# **So neither stand-in is simply better.** Third-order is right on average and misleading where numbers are large;
# straight-through is steady, and overstates the cost of coarse steps where most coefficients are zero. Which harm
# weighs more is a question for files, not for formulas. {ref}`ch-first-experiment` trains with both.

# %% [markdown]
# ## Watch them learn
#
# Time to let go. From the standard's tables at quality 25, {glue:text}`steps` steps of four crops each, with the
# paper's loss ({ref}`ch-loss` takes it apart), λ = 0.02 and straight-through rounding:

# %%
film = training.Film()
loss = LossWeights(lam=0.02)
recipe = Recipe(steps=steps, seed=seed, log_every=max(1, steps // 24))
trained = train(settings, loss, recipe, crops, observe=film)

# %% [markdown]
# {numref}`fig-film` is what happened, as a film: the tables above, and below them a file that they make. Watch the slow
# corner of luma against the fast one, and in the picture what is given up first.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-film", "caption": "The tables as they learn, and a part of the photo, before and after a file with these tables. Rate and MSE are those of the whole photo. Light is fine, dark is coarse. Drag the slider, or use the arrow keys."}}
made = training.stills(film, rgb)
frames, labels, alts, captions = training.film_frames(made, rgb, part)
frames_slider(frames, labels, alts, captions=captions, description="Step", width="34rem")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-film-loss", "caption": "The loss of this training, and its two sides."}, "image": {"alt": "Three curves against the step: the loss, the weighted distortion and the rate term. The loss falls from start to end, with noise from crop to crop."}}
training.loss_curve(trained.log, loss)

# %% tags=["remove-cell"]
first, last = film.tables[0], film.tables[-1]
glue("steps", steps)
glue("seconds", trained.seconds)
glue("luma_dc_first", first[0, 0, 0])
glue("luma_dc_last", last[0, 0, 0])
glue("luma_high_first", first[0, 7, 7])
glue("luma_high_last", last[0, 7, 7])
glue("finer", int((np.rint(last) < np.rint(first)).sum()))
glue("coarser", int((np.rint(last) > np.rint(first)).sum()))
for key, still in (("first", made[0]), ("last", made[-1])):
    glue(f"film_bpp_{key}", still.bpp)
    glue(f"film_mse_{key}", still.mse)

# %% [markdown]
# Of the 128 entries, {glue:text}`finer` became finer and {glue:text}`coarser` coarser ({numref}`fig-film`). Luma's
# first entry went from {glue:text}`luma_dc_first:.0f` to {glue:text}`luma_dc_last:.0f`, its last from
# {glue:text}`luma_high_first:.0f` to {glue:text}`luma_high_last:.0f`. The photo's file shrank from
# {glue:text}`film_bpp_first:.2f` to {glue:text}`film_bpp_last:.2f` bpp, and its MSE went from
# {glue:text}`film_mse_first:.0f` to {glue:text}`film_mse_last:.0f`. That took {glue:text}`seconds:.0f` seconds on
# this machine, with crops from {glue:text}`data_words`. No part of this is a network. It is 128 numbers that have read
# a loss, and {ref}`ch-first-experiment` will show that they are worth more than one would think.

# %% [markdown]
# ## What the paper leaves open
#
# | question | what we take | why |
# |---|---|---|
# | sign of Eq. 3 | $+\,(x - \lfloor x \rfloor)^3$ | the printed one pushes the wrong way; the baseline's program has this one |
# | Is Eq. 3 used forward, too? | no: exact forward, its derivative backward | the baseline's program |
# | $\lfloor\cdot\rfloor$ in Eqs. 3–6 | the nearest whole number | the text speaks of rounding; the symbol is the one for rounding down |
# | Is the table rounded in training? | no, only when a file is written | the baseline's program does the same |
# | "The patch size is 8" | 8 crops make a batch | the baseline's script; crops have 224 px |
# | the table written into a file | whole numbers in 1 … 255 | what a baseline JPEG file can hold |
#
# ## Summary
#
# - Rounding passes no gradient. One rounds exactly on the way forward and uses a stand-in's derivative on the way back.
# - Eq. 3 of the paper has the wrong sign, and the sign matters: with the printed one every gradient is turned around, and
#   training climbs where it should descend.
# - The tables are optimisation variables like any other, once the step of the optimiser fits them: that is all that
#   $s = 10^{-5}$ is for.
# - Third-order rounding tells a table the truth on average, with a great deal of noise for large coefficients;
#   straight-through tells it steadily, and overstates the cost of coarse steps where most is zero.
#
# ## Exercises
#
# **1.** With Eq. 3 as printed, where does descent on $(\lfloor z \rfloor - 3)^2$ end, if it starts at $z = 3.2$?
#
# ```{admonition} Solution
# :class: dropdown
# It does not move: at 3.2 the loss is already zero, and so is its derivative before it ever meets the rounding. The
# error in the sign only shows where there is something left to learn.
# ```
#
# **2.** For very fine steps, $r$ is spread evenly over $-\tfrac12 \ldots \tfrac12$. What is the true mean slope
# $d\,\mathbb{E}(Qr)^2 / dQ$, and what do the two stand-ins report on average, if $\hat z$ and $r$ have nothing to do with
# each other?
#
# ```{admonition} Solution
# :class: dropdown
# $\mathbb{E}\,r^2 = 1/12$, so the error is $Q^2/12$ and its slope $Q/6$. Straight-through reports
# $2 Q\,\mathbb{E}\,r^2 = Q/6$: exactly right. Third-order reports $6 Q\,\mathbb{E}\,r^4 = 6Q/80 = 0.075\,Q$, less than
# half of it; the part with $\hat z$ vanishes on average. It comes out right in {numref}`fig-slopes` only because
# $\hat z$ and $r$ do have to do with each other: values get rarer away from zero, so each stair holds more numbers on
# its side towards zero. For a smooth density $\mathbb{E}[r\hat z] = -1/12$ and $\mathbb{E}[r^3\hat z] = -1/80$; the part
# with $\hat z$ then gives $2Q(1/12 - 3/80) = 11Q/120$, and with $6Q/80$ that is exactly $Q/6$.
# ```
#
# **3.** Let every gradient say "coarser". How many steps does an entry need at least to get from $1.5$ to 255, in the paper's
# form at a learning rate of $10^{-6}$, and as $\log Q$ at $0.03$? What does that mean for 20,000 steps, and for 800?
#
# ```{admonition} Solution
# :class: dropdown
# In the paper's form a step is $10^{-6} / s = 0.1$, so it takes $253.5 / 0.1 = 2535$ steps; in the other
# $\ln(255 / 1.5) / 0.03 \approx 171$. In 20,000 steps any entry can go anywhere, in 800 only the second form lets it.
# ({numref}`fig-moves` shows both.)
# ```
#
# ## What's next
#
# The tables learn what the loss tells them. {ref}`ch-loss` looks at that: three ways of saying "worse", one way of
# saying "larger", and whether they say what we mean.
