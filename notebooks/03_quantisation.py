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
# Training has to know how the loss changes when a number changes a little. But once that number is rounded, the loss
# nearly always stays exactly the same, and now and then it jumps. So no useful gradient passes through the one step of
# JPEG that decides what is lost. This chapter gives that step a derivative. It then lets the quantisation tables
# themselves learn, and checks whether the gradients that reach them are right.
#
# ```{admonition} What you will learn
# - how to train through a step that has no useful derivative
# - that the paper's Eq. 3 has a sign error, and what the error would do
# - how 128 table entries become something that Adam can train, and why the paper multiplies them by 0.00001
# - which of two stand-ins for rounding gives a table a gradient that is right on average, and which gives a steady one
#
# You need derivatives, {ref}`ch-jpeg`, and the idea of {ref}`ch-attention`.
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
steps = 120  # of the training at the end

# %% tags=["hide-input"]
import math

import numpy as np
import torch

from bookkit import frames_slider, glue
from chapters import quantisation as fig
from chapters import style
from repro import rounding as package
from repro.data import crop_pool, photos
from repro.evaluation import encoder_of, measure
from repro.jpeg.tables import quality_tables
from repro.losses import LossWeights
from repro.model import LearnedJPEG, LearnedTables, ModelSettings
from repro.plain import (  # chapter 1 shows these
    dct,
    from_blocks,
    idct,
    rgb_to_ycbcr,
    to_blocks,
    ycbcr_to_rgb,
)
from repro.training import Recipe, train

photo = style.book_photo("kodim23", data_dir)
rgb = photo.rgb()
crops = crop_pool(photos("train", data_dir), 64, seed=seed)

# %% [markdown]
# ## A step that passes nothing back
#
# In training, numbers go forward through the encoder to the loss, and gradients come back. The baseline's program
# {cite:p}`struempler2020learning` rounds exactly on the way forward, because the file holds whole numbers. On the way
# back it uses the derivative of a smooth stand-in. The paper says only that it uses an approximation "to replace it",
# and prints (Eq. 3, section 4.1)
#
# $$
# \lfloor x \rfloor_{\text{approx}} = \lfloor x \rfloor + (\lfloor x \rfloor - x)^3 ,
# $$ (eq-rounding-printed)
#
# where $\lfloor x \rfloor$ is the paper's sign for the *nearest* whole number, our $\lfloor x \rceil$. Between two
# jumps $\lfloor x \rfloor$ is a constant, so the derivative is $-3\,(\lfloor x \rfloor - x)^2$. Look at the sign: **it
# is never positive**. A gradient that comes back through this rounding has its sign reversed. The baseline's program
# has the other sign,
#
# $$
# \begin{aligned}
# \lfloor x \rfloor_{\text{approx}} &= \lfloor x \rfloor + (x - \lfloor x \rfloor)^3 , \\
# \frac{d}{dx} \lfloor x \rfloor_{\text{approx}} &= 3\,(x - \lfloor x \rfloor)^2 \ge 0 ,
# \end{aligned}
# $$ (eq-rounding)
#
# and so does ours. We call this stand-in *third-order*, after its exponent. In PyTorch, `v.detach()` is a tensor's
# value without its history. So `rest - rest.detach()` adds nothing to the value, but it does add the derivative of
# `rest`. Here is the corrected equation, and below it the printed one:


# %%
def round_third_order(z):
    """⌊z⌉ forward; backward 3 (z − ⌊z⌉)². Eq. 3, its sign corrected."""
    rounded = z.detach().round()
    rest = (z - rounded) ** 3
    return rounded + (rest - rest.detach())


def round_as_printed(z):
    """The same with Eq. 3 as the paper prints it."""
    rounded = z.detach().round()
    rest = (rounded - z) ** 3
    return rounded + (rest - rest.detach())


# %% [markdown]
# There is a simpler stand-in. *Straight-through* {cite:p}`bengio2013straightthrough` reports the derivative as if
# nothing were rounded, which is 1 everywhere:


# %%
def round_straight_through(z):
    """⌊z⌉ forward; backward 1, the derivative of z."""
    return z + (z.round() - z).detach()


# %% [markdown]
# Forward, all three are exactly `round`, to the last bit. They differ in the derivative that they report:


# %% tags=["nbval-check-output"]
def slope(rounding, z):
    """The derivative that a rounding reports at each entry of z."""
    z = z.clone().requires_grad_()
    return torch.autograd.grad(rounding(z).sum(), z)[0]


PRINTED, THIRD = "Eq. 3 as printed", "Eq. 3, sign corrected"
STRAIGHT = "straight-through"
roundings = {
    PRINTED: round_as_printed,
    THIRD: round_third_order,
    STRAIGHT: round_straight_through,
}
z = torch.tensor([-0.5, -0.3, 0.0, 0.2, 0.49, 1.5])
for name, rounding in roundings.items():
    print(name, "is exact:", torch.equal(rounding(z), z.round()))
    print("  derivative:", *(f"{g + 0:.2f}" for g in slope(rounding, z).tolist()))

# %% [markdown]
# The package has faster versions of the two that it uses, with the backward pass written by hand. They agree with ours:

# %% tags=["nbval-check-output"]
for ours, fast in (
    (round_third_order, package.round_third_order),
    (round_straight_through, package.round_straight_through),
):
    same = torch.equal(ours(z), fast(z)) and torch.equal(slope(ours, z), slope(fast, z))
    print("the package's fast version agrees:", same)

# %% [markdown]
# {numref}`fig-equation-3` shows all three. Move $z$ and watch the marks on the right: a gradient that comes back is
# multiplied by these values. How large is the factor near a whole number, and halfway between two? What does the
# printed sign do?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-equation-3", "caption": "Eq. 3 as printed and with its sign corrected: the function on the left, its derivative on the right, both marked at one value of z. The third stand-in, straight-through, has the derivative 1 everywhere. Drag the slider, or use the arrow keys."}}
z = torch.arange(-0.49, 1.995, 0.01, dtype=torch.float64)
rest = (z - z.round()) ** 3
values = {PRINTED: (z.round() - rest).numpy(), THIRD: (z.round() + rest).numpy()}
slopes = {name: slope(rounding, z).numpy() for name, rounding in roundings.items()}
places = [0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.2, 1.35]
frames, labels, alts, captions = fig.equation_slider(z.numpy(), values, slopes, places)
frames_slider(
    frames, labels, alts, captions=captions, description="z", start=2, width="35rem"
)

# %% [markdown]
# ```{admonition} Erratum to the paper
# :class: warning
# Eq. 3 should read $\lfloor x \rfloor + (x - \lfloor x \rfloor)^3$. In {numref}`fig-equation-3` the corrected curve
# rises within each step, as the staircase does as a whole. The printed curve falls.
# ```
#
# A small example shows the difference. We start at 1.35 and want the *rounded* number to be 3, so the loss is
# $(\lfloor z \rceil - 3)^2$. Gradient descent follows whatever derivative the rounding reports:


# %% tags=["nbval-check-output"]
def descend(rounding, z=1.35, target=3.0, rate=0.05, steps=40):
    """The values of z that gradient descent on (rounding(z) − target)² visits."""
    path = [z]
    for _ in range(steps):
        z = torch.tensor(path[-1], dtype=torch.float64, requires_grad=True)
        (rounding(z) - target).square().backward()
        path.append(path[-1] - rate * z.grad.item())
    return path


paths = {name: descend(rounding) for name, rounding in roundings.items()}
for name, path in paths.items():
    print(f"{name}: ends at {path[-1]:.2f}, rounded {round(path[-1])}")

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-walks", "caption": "Gradient descent through rounding, from 1.35 towards 3, with three derivatives."}, "image": {"alt": "z before rounding against the step of gradient descent: three paths over 40 steps. With the printed sign z falls towards 1. With the corrected sign it creeps up to just below 2. Straight-through climbs to a little above 2.5, which rounds to 3, and stays."}}
fig.path_plot(paths, target=3.0)

# %% [markdown]
# **The sign decides whether training moves a coefficient towards its goal or away from it.** With the printed sign, $z$
# is pushed away from what the loss asks for, and the loss does not fall ({numref}`fig-walks`). With the right sign $z$
# moves the right way. But it slows down before the next whole number, where the derivative is zero: **a coefficient
# that is a whole number gets no third-order gradient at all.** Straight-through reaches the goal.
#
# ## Tables as numbers to be learned
#
# Now every step from the photo to the decoded picture passes a gradient back, so the tables can learn, too. With
# attention $A$ from {ref}`ch-attention` and tables $Q_\theta^{(L)}$ and $Q_\theta^{(C)}$ as optimisation variables, the
# encoder is (Eqs. 4–6 of the paper)
#
# $$
# \begin{aligned}
# \hat Z^{(Y)}[n, m]   &= \lfloor F^{(Y)}[n, m]   \odot A^{(L)}[n, m] \oslash Q_\theta^{(L)} \rceil \\
# \hat Z^{(Cr)}[n, m]  &= \lfloor F^{(Cr)}[n, m]  \odot A^{(C)}[n, m] \oslash Q_\theta^{(C)} \rceil \\
# \hat Z^{(Cb)}[n, m]  &= \lfloor F^{(Cb)}[n, m]  \odot A^{(C)}[n, m] \oslash Q_\theta^{(C)} \rceil .
# \end{aligned}
# $$ (eq-encoder)
#
# $C_b$ and $C_r$ share a map and a table. In code, this is the index list `plane`: 0 is luma, 1 is chroma.


# %%
def forward_dct(x):
    """(B, 3, H, W) RGB on 0–255 → F (B, 3, rows, cols, 8, 8)."""
    return dct(to_blocks(rgb_to_ycbcr(x) - 128))


def quantise(F, A, Q, rounding):
    """Ẑ = ⌊F ⊙ A / Q⌉, (B, 3, rows, cols, 8, 8). Eqs. 4, 5 and 6."""
    plane = [0, 1, 1]
    return rounding(F * A[:, plane] / Q[plane][:, None, None])


# %% [markdown]
# A decoder knows the whole numbers and the tables, but nothing of the attention:


# %%
def decode(z_hat, Q):
    """x̂ (B, 3, H, W) on 0–255, as a decoder makes it."""
    F_hat = z_hat * Q[[0, 1, 1]][:, None, None]
    return ycbcr_to_rgb(from_blocks(idct(F_hat)) + 128).clamp(0, 255)


# %% [markdown]
# We send one crop through. Without attention ($A = 1$), only the 2 × 64 table entries can learn. A gradient should
# reach every one of them:

# %% tags=["nbval-check-output"]
x = crops[:1].float()
Q = torch.from_numpy(quality_tables(25)).float().requires_grad_()
F = forward_dct(x)
A = torch.ones_like(F[:, :2])
z_hat = quantise(F, A, Q, round_straight_through)
x_hat = decode(z_hat, Q)
((x - x_hat) ** 2).mean().backward()
print("whole numbers only:", torch.equal(z_hat, z_hat.round()))
print("x̂ has the shape of x:", x_hat.shape == x.shape)
print("entries with a gradient:", int((Q.grad != 0).sum()), "of", Q.numel())

# %% [markdown]
# The package's `LearnedJPEG` is this forward pass, with attention and tables as its parameters:

# %% tags=["nbval-check-output"]
model = LearnedJPEG(ModelSettings(method="tables", rounding="straight-through"))
model.tables.set(Q)
output = model(x)
((x - output.x_hat) ** 2).mean().backward()
ours = Q.grad * Q  # its variable is log Q, so the chain rule brings a factor Q
theirs = model.tables.variable.grad
print("learned numbers:", sum(p.numel() for p in model.parameters()))
print("the package's x̂ agrees:", torch.allclose(output.x_hat, x_hat, atol=0.01))
print("so does its gradient:", torch.allclose(theirs, ours, rtol=1e-3, atol=1e-3))

# %% [markdown]
# ### Why 0.00001?
#
# The paper does not train $Q$ itself. Its variable is $Q \cdot s$ with $s = 10^{-5}$. It starts at a random value,
# uniform in $[1s, 2s]$, and is kept in $[1s, 255s]$ (its section 6.2). The paper's reason is "the small weights from
# neural network side". What counts is the learning rate of Adam {cite:p}`kingma2014adam`. Adam divides the mean of the
# gradients by the root of the mean of their squares. So as long as the gradients keep their sign and roughly their
# size, Adam changes a number by about the learning rate at each step, however large or small they are:


# %%
def adam_step(value, gradient, m, v, step, lr, b1=0.9, b2=0.999):
    """The next value, and the means of the gradient and of its square."""
    m, v = b1 * m + (1 - b1) * gradient, b2 * v + (1 - b2) * gradient**2
    m_hat, v_hat = m / (1 - b1**step), v / (1 - b2**step)
    return value - lr * m_hat / (math.sqrt(v_hat) + 1e-8), m, v


# %% [markdown]
# The paper trains the network's weights at a rate of $10^{-6}$. A table entry that changed by a millionth at a time
# would hardly move. Because the variable is $Q \cdot s$, the same $10^{-6}$ changes $Q$ by $10^{-6} / s = 0.1$.
#
# We also use another variable, $\log Q$, at a rate of 0.03: each step is about 3 % of the entry, whether it is fine or
# coarse. Let one entry start at 1.5, and let every gradient say "coarser", with the same size:


# %%
def travel(value, lr, most, steps=600):
    """The path of a variable under Adam, at gradients of −1, capped at ``most``."""
    m = v = 0.0
    path = [value]
    for step in range(1, steps + 1):
        value, m, v = adam_step(value, -1.0, m, v, step, lr)
        value = min(value, most)
        path.append(value)
    return np.array(path)


s = 1e-5
of_paper = travel(1.5 * s, 1e-6, 255 * s) / s
of_log = np.exp(travel(math.log(1.5), 0.03, math.log(255)))

# %% [markdown]
# The package's tables in either form, trained with PyTorch's Adam, take the same path:

# %% tags=["nbval-check-output"]
for kind, lr, path in (("paper", 1e-6, of_paper), ("log", 0.03, of_log)):
    tables = LearnedTables(kind)
    tables.set(torch.full((2, 8, 8), 1.5))
    adam = torch.optim.Adam(tables.parameters(), lr)
    for _ in range(100):
        tables.variable.grad = -torch.ones(2, 8, 8)
        adam.step()
    Q = tables().detach()
    print(f"the package's form {kind!r} agrees:", np.allclose(Q, path[100], rtol=1e-3))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-moves", "caption": "How fast a table's entry changes if every gradient says \"coarser\" and all have the same size."}, "image": {"alt": "The entry Q on a logarithmic scale against the step of Adam: two rising curves. The form log Q is a straight line up to 255. The paper's form rises quickly at first, then ever more slowly on this scale, and is near 60 at the end."}}
fig.adam_plot({"Q·s, the paper's, at 1e-6": of_paper, "log Q, ours, at 0.03": of_log})

# %% tags=["remove-cell"]
glue("steps_paper", int(np.argmax(of_paper >= 50)))
glue("steps_log", int(np.argmax(of_log >= 50)))

# %% [markdown]
# Getting from 1.5 to 50 takes {glue:text}`steps_paper` steps in the paper's form and {glue:text}`steps_log` in the
# logarithmic one ({numref}`fig-moves`). The paper's 20,000 steps are enough for either, but on two processor cores we
# take far fewer. So profile `paper` uses the paper's form, and profile `cpu` the logarithmic one.

# %% [markdown]
# ## Is the gradient of a table right?
#
# The derivative that a stand-in reports is not the true one. Let us compare them. Take one coefficient $F$, with
# $z = F / Q$ and $\hat z = \lfloor z \rceil$, and write $r = z - \hat z$ for what rounding took away. The error in the
# coefficient is $Q r$. If rounding reports the derivative $g$, then back-propagation reports that the squared error
# changes with $Q$ at the rate
#
# $$
# \frac{d\,(Q r)^2}{d Q} \;\widehat{=}\; -2\,Q\,r\,(\hat z - g\,z) .
# $$ (eq-reported)
#
# Straight-through ($g = 1$) then reports $2\,Q\,r^2$. Third-order ($g = 3 r^2$) reports
# $-2\,Q\,r\,\hat z\,(1 - 3 r^2) + 6\,Q\,r^4$.
#
# The first is never negative and never more than $Q/2$: it can only say "coarser is worse". The second has a part that
# is proportional to $\hat z$ and can have either sign. (Without a stand-in, $g = 0$, the slope is $-2\,Q\,r\,\hat z$.
# This is exact for an infinitely small change, but its sign is nearly random.)
#
# The truth can be measured. We quantise with steps a tenth smaller and a tenth larger, and see how the error changes:


# %%
def squared_error(F, Q, rounding=torch.round):
    """The mean squared error of coefficients F that are quantised with the step Q."""
    return ((F - rounding(F / Q) * Q) ** 2).mean()


def reported(F, Q, rounding):
    """The slope of the squared error as back-propagation reports it."""
    Q = torch.tensor(Q, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(squared_error(F, Q, rounding), Q)[0].item()


def measured(F, Q):
    """The slope of the squared error, measured from 0.9 Q to 1.1 Q."""
    return ((squared_error(F, 1.1 * Q) - squared_error(F, 0.9 * Q)) / (0.2 * Q)).item()


# %% [markdown]
# For three coefficients and a step of 10, back-propagation reports what {eq}`eq-reported` says:

# %% tags=["nbval-check-output"]
few = torch.tensor([3.0, -14.0, 27.0], dtype=torch.float64)
z = few / 10
r = z - z.round()
for name, g in ((THIRD, 3 * r**2), (STRAIGHT, 1)):
    by_hand = (-2 * 10 * r * (z.round() - g * z)).mean().item()
    found = reported(few, 10.0, roundings[name])
    print(f"{name}: {found:.2f} reported, {by_hand:.2f} by hand")

# %% [markdown]
# Now we take all luma blocks of a photo ({glue:text}`photo_name`), at three frequencies and at steps from fine to
# coarse:

# %%
stand_ins = {THIRD: round_third_order, STRAIGHT: round_straight_through}
frequencies = {"DC": (0, 0), "row 0, column 1": (0, 1), "row 2, column 2": (2, 2)}
steps_tried = np.linspace(4, 100, 49)
x = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float()
luma = forward_dct(x)[0, 0].double()  # (rows, cols, 8, 8)

truth, report = {}, {}
for name, (v, u) in frequencies.items():
    F = luma[..., v, u]
    truth[name] = np.array([measured(F, Q) for Q in steps_tried])
    report[name] = {}
    for of, rounding in stand_ins.items():
        report[name][of] = np.array([reported(F, Q, rounding) for Q in steps_tried])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-slopes", "caption": "How fast the squared error of a luma coefficient grows with its step: measured on a whole photo (grey), and as each stand-in reports it."}, "image": {"alt": "The slope of the squared error against the step Q, three plots. For DC both stand-ins follow the measured line, the third-order one in a wild zigzag. For the two other coefficients third-order lies close to the measured line, straight-through above it, more so for the finer pattern."}}
fig.slope_plot(steps_tried, truth, report)

# %% tags=["remove-cell"]
glue("photo_name", photo.name.partition(".")[0])
for key, name in (("slow", "row 0, column 1"), ("fine", "row 2, column 2")):
    glue(f"third_{key}", report[name][THIRD].sum() / truth[name].sum())
    glue(f"straight_{key}", report[name][STRAIGHT].sum() / truth[name].sum())

# %% [markdown]
# Summed over all these $Q$, the reported slope is this many times the measured one ({numref}`fig-slopes`):
#
# | AC coefficient | third-order | straight-through |
# |---|---|---|
# | row 0, column 1 | {glue:text}`third_slow:.2f` | {glue:text}`straight_slow:.2f` |
# | row 2, column 2 | {glue:text}`third_fine:.2f` | {glue:text}`straight_fine:.2f` |
#
# So over a whole photo, and for these coefficients, third-order is nearer to the truth. Where a coefficient has been
# rounded to zero, a coarser step makes nothing worse. Even so, straight-through reports $2\,Q\,r^2$ there, while
# third-order reports only $6\,Q\,r^4$, which is far less for small $r$.
#
# But look at DC, where $\hat z$ is large: there the third-order line goes up and down wildly. Besides, training does
# not see whole photos, but a few crops at a time. So we now compare crop by crop, with the tables of quality 25. The
# *scatter* is the root mean square of the difference between reported and measured slope, as a multiple of the mean
# measured slope:

# %%
luma_of_crops = forward_dct(crops.float())[:, 0].double()
crop_truth, crop_report, scatter = {}, {}, {}
for name, (v, u) in frequencies.items():
    Q = float(quality_tables(25)[0, v, u])
    each = [luma[..., v, u] for luma in luma_of_crops]
    true = np.array([measured(F, Q) for F in each])
    crop_truth[name], crop_report[name] = true, {}
    for of, rounding in stand_ins.items():
        found = np.array([reported(F, Q, rounding) for F in each])
        crop_report[name][of] = found
        scatter[name, of] = np.sqrt(((found - true) ** 2).mean()) / true.mean()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-crops", "caption": "Reported against measured slope for single crops of 224 px, as training sees them."}, "image": {"alt": "Three plots of the reported against the measured slope, with a point for each crop and stand-in and a grey line of equality. For DC, on a scale that is compressed away from zero, third-order points are scattered far to both sides of zero while straight-through keeps to one value near the line. For row 0, column 1 both scatter moderately. For row 2, column 2 third-order keeps closely to the line."}}
fig.crop_plot(crop_truth, crop_report)

# %% tags=["remove-cell"]
glue("scatter_third_dc", scatter["DC", THIRD])
glue("scatter_straight_dc", scatter["DC", STRAIGHT])
glue("scatter_third_fine", scatter["row 2, column 2", THIRD])
glue("scatter_straight_fine", scatter["row 2, column 2", STRAIGHT])
glue("wrong_sign_dc", 100 * (crop_report["DC"][THIRD] * crop_truth["DC"] < 0).mean())
glue("crops", len(crops))
glue("data_words", photos("train", data_dir).source)

# %% [markdown]
# This is the scatter over {glue:text}`crops` crops ({numref}`fig-crops`):
#
# | luma coefficient | third-order | straight-through |
# |---|---|---|
# | DC | {glue:text}`scatter_third_dc:.1f` | {glue:text}`scatter_straight_dc:.1f` |
# | row 2, column 2 | {glue:text}`scatter_third_fine:.2f` | {glue:text}`scatter_straight_fine:.2f` |
#
# For {glue:text}`wrong_sign_dc:.0f` % of the crops, third-order reports the *wrong sign* for DC. In most of these cases
# it says that a coarser step would be better. (The slope is measured over a tenth of the step each way. For an
# infinitely small change, even the true slope of a crop is erratic.)
#
# **So neither stand-in is simply better.** Third-order is about right on average, but very noisy where numbers are
# large. Straight-through is steady, but overstates the cost of coarse steps where most coefficients are zero. Formulas
# cannot decide which does more harm; files can. {ref}`ch-first-experiment` trains with both.

# %% [markdown]
# ## Watch them learn
#
# Now we train. We start from the standard's tables at quality 25 and take {glue:text}`steps` steps of four crops each,
# with straight-through rounding and the paper's loss at λ = 0.02. ({ref}`ch-loss` explains the loss and its weight λ,
# and {ref}`ch-first-experiment` shows the training loop.) Along the way we record the tables, and the photo's file made
# with them:

# %%
film = []


def observe(step, model):
    """Called before the first step and whenever the training logs."""
    film.append((step, model.tables().detach().numpy().copy(), encoder_of(model)(rgb)))


settings = ModelSettings(method="tables", rounding="straight-through")
recipe = Recipe(steps=steps, seed=seed, log_every=max(1, steps // 24))
trained = train(settings, LossWeights(lam=0.02), recipe, crops, observe=observe)

# %% [markdown]
# {numref}`fig-film` shows the tables, and below them a part of the photo before and after compression. Compare the low
# frequencies of luma (top left) with the high ones (bottom right), and see what disappears from the picture first.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-film", "caption": "The tables at several steps of the training, and a part of the photo before and after compression with them. Rate and MSE are those of the whole photo. Light is fine, dark is coarse. Drag the slider, or use the arrow keys."}}
frames, labels, alts, captions = fig.film_slider(film, rgb, fig.PARTS[photo.name])
frames_slider(
    frames, labels, alts, captions=captions, description="Step", width="34rem"
)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-film-loss", "caption": "The loss of this training, and its two terms."}, "image": {"alt": "Three curves against the step: the loss, the weighted distortion and the rate term. The loss falls from start to end, with noise from crop to crop."}}
fig.loss_plot(trained.log, lam=0.02)

# %% tags=["remove-cell"]
(_, first, first_file), (_, last, last_file) = film[0], film[-1]
glue("steps", steps)
glue("seconds", trained.seconds)
glue("luma_dc_first", first[0, 0, 0])
glue("luma_dc_last", last[0, 0, 0])
glue("luma_high_first", first[0, 7, 7])
glue("luma_high_last", last[0, 7, 7])
glue("finer", int((np.rint(last) < np.rint(first)).sum()))
glue("coarser", int((np.rint(last) > np.rint(first)).sum()))
for key, file in (("first", first_file), ("last", last_file)):
    glue(f"film_bpp_{key}", 8 * len(file) / rgb[..., 0].size)
    glue(f"film_mse_{key}", measure(rgb, file)["mse"])

# %% [markdown]
# Of the 128 entries, {glue:text}`finer` became finer and {glue:text}`coarser` coarser ({numref}`fig-film`):
#
# | | before | after |
# |---|---|---|
# | luma, first entry (DC) | {glue:text}`luma_dc_first:.0f` | {glue:text}`luma_dc_last:.0f` |
# | luma, last entry | {glue:text}`luma_high_first:.0f` | {glue:text}`luma_high_last:.0f` |
# | the photo's file, bits per pixel | {glue:text}`film_bpp_first:.2f` | {glue:text}`film_bpp_last:.2f` |
# | its MSE | {glue:text}`film_mse_first:.0f` | {glue:text}`film_mse_last:.0f` |
#
# The training took {glue:text}`seconds:.0f` seconds on this machine, with crops from {glue:text}`data_words`. (Where
# there are too few photos, generated pictures, called {term}`dead leaves`, fill the gap.) No network is involved, only
# 128 numbers that follow the gradient of a loss. {ref}`ch-first-experiment` measures how much they save.

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
# - Rounding passes no gradient. So we round exactly on the way forward and use a stand-in's derivative on the way back.
# - Eq. 3 of the paper has the wrong sign. With the printed sign, every gradient that passes through the rounding is
#   reversed, and training climbs where it should descend.
# - The tables are optimisation variables like any others, once the optimiser's step has the right size for them. The
#   paper achieves this with $s = 10^{-5}$, and we with $\log Q$.
# - Third-order rounding gives a table a gradient that is about right on average, but very noisy for large coefficients.
#   Straight-through gives a steady one, but overstates the cost of coarse steps where most coefficients are zero.
#
# ## Exercises
#
# **1.** With Eq. 3 as printed, where does descent on $(\lfloor z \rceil - 3)^2$ end, if it starts at $z = 3.2$?
#
# ```{admonition} Solution
# :class: dropdown
# It does not move, because at 3.2 the loss is already zero, and so is its derivative with respect to the rounded
# number. The sign error shows only where the loss is not zero yet. (Try `descend(round_as_printed, z=3.2)`.)
# ```
#
# **2.** For very fine steps, $r$ is spread evenly over $-\tfrac12 \ldots \tfrac12$. What is the true mean slope
# $d\,\mathbb{E}(Qr)^2 / dQ$, and what do the two stand-ins report on average, if $\hat z$ and $r$ are independent?
#
# ```{admonition} Solution
# :class: dropdown
# $\mathbb{E}\,r^2 = 1/12$, so the error is $Q^2/12$ and its slope $Q/6$. Straight-through reports
# $2 Q\,\mathbb{E}\,r^2 = Q/6$: exactly right. Third-order reports $6 Q\,\mathbb{E}\,r^4 = 6Q/80 = 0.075\,Q$, less than
# half of that; the part with $\hat z$ vanishes on average. Third-order comes out right in {numref}`fig-slopes` only
# because $\hat z$ and $r$ are in fact correlated: values get rarer away from zero, so of the numbers that round to the
# same $\hat z$, more lie on the side towards zero. For a smooth density $\mathbb{E}[r\hat z] = -1/12$ and
# $\mathbb{E}[r^3\hat z] = -1/80$. The part with $\hat z$ then gives $2Q(1/12 - 3/80) = 11Q/120$, and with $6Q/80$ that
# is exactly $Q/6$.
# ```
#
# **3.** Let every gradient say "coarser", with the same size. How many steps does an entry need to get from $1.5$ to 255,
# in the paper's form at a learning rate of $10^{-6}$, and as $\log Q$ at $0.03$? What does that mean for 20,000 steps,
# and for 800?
#
# ```{admonition} Solution
# :class: dropdown
# In the paper's form a step is $10^{-6} / s = 0.1$, so the entry needs $253.5 / 0.1 = 2535$ steps; in the other form it
# needs $\ln(255 / 1.5) / 0.03 \approx 171$. In 20,000 such steps an entry reaches any value in either form; in 800 it
# does so only in the second. ({numref}`fig-moves` shows the beginning of both.) Where gradients shrink on the way, as
# those of the rate term do, Adam's steps are smaller than the learning rate, and the way takes longer.
# ```
#
# ## What's next
#
# The tables learn what the loss tells them. {ref}`ch-loss` looks at the loss: three measures of "worse", one of
# "larger", and whether they measure what we mean.
