#!/usr/bin/env python3
"""The entries of tests/table against PyTorch and SciPy: each sample's value and gradients, computed
here in double precision. Reads the folder that write_table has written:

    build/tests/write_table FOLDER && python3 tests/peer/torch_table.py FOLDER

Prints a line for each sample that differs, and in the end how many entries passed. An entry without
a function here and without a reason for that fails, and so do functions and reasons without an
entry.
"""
import json
import math
import sys
import warnings

import numpy as np
import scipy.spatial
import scipy.special
import scipy.stats
import torch
import torch.nn.functional as F
from torch.distributions import (Bernoulli, Categorical, Independent, MixtureSameFamily, Normal,
                                 kl_divergence)

# Errors are allowed as the entry states them, in units of its precision; but a value or gradient
# that is double precision is held against numbers that are no better themselves.
VALUE_IN_DOUBLE = 1e-12
GRADIENT_IN_DOUBLE = 1e-11

torch.set_default_dtype(torch.float64)
torch.distributions.Distribution.set_default_validate_args(False)  # limits are to be seen


def gelu(x):
    """F.gelu and ndtr have 1 + erf in place of erfc: of 16 digits 8 are left in the left tail."""
    return x * torch.special.erfc(-x / math.sqrt(2)) / 2


# Shapes ------------------------------------------------------------------------------------------

def size(axes):
    return f"({', '.join(str(axis) for axis in axes)})"


def along_last(f, x, axes):
    """f of the last axis, into which `axes` are flattened; what remains goes in front."""
    axes = [axis % x.dim() for axis in axes]
    last = list(range(-len(axes), 0))
    moved = torch.movedim(x, axes, last)
    rest, size_of_axes = moved.shape[:x.dim() - len(axes)], moved.shape[x.dim() - len(axes):]
    y = f(moved.reshape(*rest, math.prod(size_of_axes)), -1)
    return torch.movedim(y.reshape(moved.shape), last, axes)


def reduction(name, axes, keepdims):
    """A reduction over no axes is over each element alone, where PyTorch takes all of them."""
    f = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin,
         "logsumexp": torch.logsumexp}[name]
    if not axes:
        return lambda x: f(x.unsqueeze(-1), -1)
    return lambda x: f(x, axes, keepdim=keepdims)


def split(axis):
    def pieces(x):
        a, b, c = torch.split(x, [1, 0, x.shape[axis] - 1], axis)
        return torch.cat([c, b, a, c], axis)
    return pieces


def pad(axis):
    def padded(x):
        behind = x.dim() - 1 - axis % x.dim()  # pad counts axes from the last
        return F.pad(x, [0, 0] * behind + [2, 1], value=5)
    return padded


# Images: channels last there, and second here ----------------------------------------------------

def channels_second(f):
    return lambda x, *rest: torch.movedim(f(torch.movedim(x, -1, 1), *rest), 1, -1)


def shifted(y, bias):
    """y (B, O, h, w) and a bias (O,) or (B, O)."""
    return y + bias.expand(y.shape[0], -1)[..., None, None]


def conv2d(stride, padding):
    @channels_second
    def convolved(x, weight, bias):
        kernel = weight.shape[:2]
        if 0 in x.shape or 0 in weight.shape:  # F.conv2d does not take all of these
            extent = [(n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], kernel)]
            padded = F.pad(x, [padding] * 4)
            windows = padded.unfold(2, kernel[0], stride).unfold(3, kernel[1], stride)
            assert list(windows.shape[2:4]) == extent
            return shifted(torch.einsum("bcijuv,uvco->boij", windows, weight), bias)
        return shifted(F.conv2d(x, weight.permute(3, 2, 0, 1).contiguous(), None, stride, padding),
                       bias)
    return convolved


def conv_transpose2d(stride, padding):
    @channels_second
    def convolved(x, weight, bias):
        if 0 in x.shape or 0 in weight.shape:
            extent = [(n - 1) * stride + k - 2 * padding
                      for n, k in zip(x.shape[2:], weight.shape[:2])]
            no_sum = x.sum() * 0 + weight.sum() * 0  # with gradients of 0
            return shifted(torch.zeros(x.shape[0], weight.shape[3], *extent) + no_sum, bias)
        return shifted(
            F.conv_transpose2d(x, weight.permute(2, 3, 0, 1).contiguous(), None, stride, padding),
            bias)
    return convolved


def upsampled(factor):
    @channels_second
    def f(x):
        if 0 in x.shape:  # F.interpolate wants numbers
            return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        return F.interpolate(x, scale_factor=factor, mode="nearest")
    return f


def group_norm(groups):
    @channels_second
    def f(x, gain, shift):
        if x.numel() in (0, groups * len(x)):  # F.group_norm wants at least two numbers a group
            return torch.movedim(torch.movedim(x * 0, 1, -1) * gain + shift, -1, 1)
        # The same for x that is shifted as a whole; far from 0 F.group_norm loses digits.
        return F.group_norm(x - x.detach().mean(), groups, gain, shift, eps=1e-5)
    return f


def layer_norm(x, gain, shift):
    return F.layer_norm(x, x.shape[-1:], gain, shift, eps=1e-5)


@channels_second
def batch_norm(x, gain, shift):
    if x.numel() == x.shape[1]:  # of one number F.batch_norm has no mean
        return x * gain * 0 + shift
    return F.batch_norm(x, None, None, gain, shift, training=True, eps=1e-5)


@channels_second
def batch_norm_in_evaluation(x, mean, variance, gain, shift):
    return F.batch_norm(x, mean, variance, gain, shift, training=False, eps=1e-5)


# Layers ------------------------------------------------------------------------------------------

def linear(x, weight, bias=None):
    return F.linear(x, weight.T, bias)


def mlp(x, *parameters):
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2]):
        x = torch.tanh(linear(x, weight, bias))
    return torch.sigmoid(linear(x, *parameters[-2:]))


def attention(heads):
    def f(qkv):
        batch, height, width, channels = qkv.shape
        q, k, v = (part.reshape(batch, height * width, heads, channels // 3 // heads).transpose(1, 2)
                   for part in qkv.chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return y.reshape(batch, height, width, channels // 3)
    return f


def self_attention(heads):
    def f(x, gain, shift, weight, bias, out_weight, out_bias):
        batch, height, width, channels = x.shape
        z = group_norm(3)(x, gain, shift).reshape(batch, height * width, channels).transpose(0, 1)
        y, _ = F.multi_head_attention_forward(
            z, z, z, channels, heads, weight.T, bias, None, None, False, 0.0, out_weight.T,
            out_bias, need_weights=False)
        return x + y.transpose(0, 1).reshape(x.shape)
    return f


def sinusoidal(size_of_row):
    def f(t):
        n = size_of_row // 2
        angle = torch.outer(t, torch.logspace(0, -2, n)) if n > 0 else torch.empty(len(t), 0)
        return F.pad(torch.cat([angle.sin(), angle.cos()], 1), [0, size_of_row - 2 * n])
    return f


# Losses and distributions ------------------------------------------------------------------------

def cross_entropy(logits, classes):
    rows = logits.reshape(classes.numel(), logits.shape[-1])
    losses = F.cross_entropy(rows, classes.long().reshape(-1), reduction="none")
    return losses.reshape(classes.shape)


def bernoulli_kl(p, q):
    p, q = torch.broadcast_tensors(p, q)  # which the function below cannot by itself
    return kl_divergence(Bernoulli(logits=p), Bernoulli(logits=q))


def normal(mean, log_std):
    return Normal(mean, log_std.exp())


def mixture(logits, means, log_std):
    return MixtureSameFamily(Categorical(logits=logits), normal(means, log_std))


def discretised_gaussian(x, mean, std_dev, levels=6):
    """ln(Φ(b) − Φ(a)) as ln Φ(b) + ln(1 − Φ(a)/Φ(b)), in the tail where that keeps its digits."""
    half = 1 / (levels - 1)
    infinity = torch.tensor(math.inf)
    a = torch.where(x < -1 + half, -infinity, (x - half - mean) / std_dev)
    b = torch.where(x > 1 - half, infinity, (x + half - mean) / std_dev)
    a, b = torch.where(a + b > 0, -b, a), torch.where(a + b > 0, -a, b)
    a_is_finite, b_is_finite = a.isfinite(), b.isfinite()
    zero = torch.zeros(())  # in place of infinities, whose branch would give NaN gradients
    upper = torch.where(b_is_finite, torch.special.log_ndtr(torch.where(b_is_finite, b, zero)), 0)
    lower = torch.special.log_ndtr(torch.where(a_is_finite, a, zero))
    share = torch.where(a_is_finite, lower - torch.where(a_is_finite, upper, zero), -infinity)
    return upper + torch.log1p(-torch.exp(share))


# Measures, in NumPy and SciPy: arrays in and numbers out -----------------------------------------

def js_divergence(p, q):
    """By entropies: SciPy's jensenshannon is infinite where half of a denormal number is 0."""
    def entropy(x):
        return scipy.special.entr(x).sum()
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def mean_and_error(values):
    return [values.mean(), scipy.stats.sem(values)]


def mmd2(kernel, biased):
    def mean(x, y):
        k = kernel(scipy.spatial.distance.cdist(x, y, "sqeuclidean"))
        if x is y and not biased:
            return k[~np.eye(len(x), dtype=bool)].mean()
        return k.mean()
    return lambda x, y: mean(x, x) + mean(y, y) - 2 * mean(x, y)


def gaussian_kernel(squared):
    return np.exp(-squared / (2 * 1.25**2))


def multiquadratic_kernel(squared):
    return 0.5 / (0.5 + squared) + 2 / (2 + squared)


def energy_distance(x, y):
    if x.shape[1] == 1:
        return scipy.stats.energy_distance(x[:, 0], y[:, 0])**2

    def mean(a, b):
        return scipy.spatial.distance.cdist(a, b).mean()
    return 2 * mean(x, y) - mean(x, x) - mean(y, y)


def frechet_distance(x, y):
    """With A and B the centred samples over √(n − 1), tr (Σ₁ Σ₂)^½ is the nuclear norm of A Bᵀ."""
    def centred(z):
        return (z - z.mean(0)) / math.sqrt(len(z) - 1)
    a, b = centred(x), centred(y)
    difference = x.mean(0) - y.mean(0)
    return (difference @ difference + (a * a).sum() + (b * b).sum() -
            2 * np.linalg.norm(a @ b.T, "nuc"))


def parzen(sigma):
    def log_prob(centres, x):
        windows = Independent(Normal(torch.tensor(centres), torch.tensor(sigma)), 1)
        weights = Categorical(logits=torch.zeros(len(centres)))
        return MixtureSameFamily(weights, windows).log_prob(torch.tensor(x)).numpy()
    return log_prob


def best_sigma(centres, x):
    sigmas = [0.1, 0.3, 0.5, 1, 2]
    return sigmas[np.argmax([parzen(sigma)(centres, x).mean() for sigma in sigmas])]


def mode_coverage(samples, modes):
    finite = samples[np.isfinite(samples).all(1)]
    distance, nearest = scipy.spatial.KDTree(modes).query(finite)
    counts = np.bincount(nearest[distance <= 0.3], minlength=len(modes))
    good = counts.sum()
    uniform = np.full(len(modes), 1 / len(modes))
    kl = scipy.stats.entropy(counts / good, uniform) if good else math.nan
    return [np.count_nonzero(counts), good / len(samples), kl, *counts]


def scheduled(make, last=None):
    """The factor of a scheduler that PyTorch has in closed form; `last` is where it stays."""
    def factors(steps, length):
        result = []
        for step in steps:
            n = int(length[0])
            optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
            scheduler = make(optimiser, n)
            scheduler.last_epoch = int(step) if last is None else min(int(step), last(n))
            result.append(scheduler._get_closed_form_lr()[0])
        return result
    return factors


schedulers = torch.optim.lr_scheduler


def warm_up(optimiser, length):
    if length <= 1:  # from 1 to 1, for which LinearLR would divide by 0
        return schedulers.ConstantLR(optimiser, 1, 1)
    return schedulers.LinearLR(optimiser, 1 / length, 1, length - 1)


# The table ---------------------------------------------------------------------------------------

# Functions of tensors in double precision, which want gradients but for constants.
functions = {
    "a + b": torch.add,
    "a - b": torch.sub,
    "a * b": torch.mul,
    "a / b": torch.div,
    "-x": torch.neg,
    "x + c": lambda x: x + 0.5,
    "c + x": lambda x: 0.5 + x,
    "x - c": lambda x: x - 4,
    "c - x": lambda x: 4 - x,
    "x * c": lambda x: x * -3,
    "c * x": lambda x: 3 * x,
    "x / c": lambda x: x / 3,
    "c / x": lambda x: 3 / x,
    "pow(x, p)": torch.pow,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "expm1 near 0": torch.expm1,
    "log1p near 0": torch.log1p,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "clamp": lambda x: torch.clamp(x, -1, 0.5),
    "where": lambda condition, a, b: torch.where(condition != 0, a, b),

    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "log_sigmoid": F.logsigmoid,
    "softplus": F.softplus,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "leaky_relu, slope 0": F.relu,
    "leaky_relu, slope 0.3": lambda x: F.leaky_relu(x, 0.3),
    "elu": F.elu,
    "elu, alpha 0.7": lambda x: F.elu(x, 0.7),
    "silu": F.silu,
    "gelu": gelu,

    "sum": torch.sum,
    "mean": torch.mean,
    "max": torch.max,
    "min": torch.min,
    "logsumexp": lambda x: torch.logsumexp(x.reshape(-1), 0),

    "matmul": torch.matmul,
    "linear": linear,
    "linear without a bias": linear,

    "broadcast_to": lambda x, like: torch.broadcast_to(x, like.shape),
    "permute a matrix": torch.t,
    "permute nothing": lambda x: x.permute(()),
    "permute one axis": lambda x: x.permute(0),
    "permute three axes": lambda x: x.permute(-1, 0, 1),
    "transpose": lambda x: x.mT,
    "embedding": lambda table, index: F.embedding(index.long(), table),

    "conv2d_add": lambda x, w, b, residual: conv2d(1, 1)(x, w, b) + residual,
    "conv2d_add, a bias for each image":
        lambda x, w, b, residual: conv2d(1, 1)(x, w, b) + residual,
    "group_norm of single numbers": group_norm(6),
    "layer_norm": layer_norm,
    "batch_norm": batch_norm,
    "batch_norm's moments": lambda x: torch.stack(
        [x.flatten(0, -2).mean(0), x.flatten(0, -2).var(0, correction=0)]),

    "binary_cross_entropy":
        lambda l, t: F.binary_cross_entropy_with_logits(l, t, reduction="none"),
    "binary_cross_entropy of an array":
        lambda l, t: F.binary_cross_entropy_with_logits(l, t, reduction="none"),
    "bernoulli_log_prob": lambda l, x: Bernoulli(logits=l).log_prob(x).sum(-1),
    "cross_entropy": cross_entropy,
    "mean_squared_error": F.mse_loss,

    "Bernoulli::probs": lambda l: Bernoulli(logits=l).probs,
    "Bernoulli::log_prob": lambda l, x: Bernoulli(logits=l).log_prob(x),
    "Bernoulli::entropy": lambda l: Bernoulli(logits=l).entropy(),
    "kl_divergence of Bernoulli": bernoulli_kl,
    "Bernoulli::sample": lambda l: Bernoulli(logits=10000 * l).sample(),
    "Categorical::probs": lambda l: Categorical(logits=l).probs,
    "Categorical::entropy": lambda l: Categorical(logits=l).entropy(),
    "Categorical::log_prob": lambda l, k: Categorical(logits=l).log_prob(k),
    "kl_divergence of Categorical":
        lambda p, q: kl_divergence(Categorical(logits=p), Categorical(logits=q)),
    "Categorical::sample": lambda l: Categorical(logits=100000 * l).sample(),
    "Normal::log_prob": lambda mean, log_std, x: normal(mean, log_std).log_prob(x),
    "Normal::log_prob by ln σ²": lambda mean, log_var, x: normal(mean, log_var / 2).log_prob(x),
    "Normal::log_prob of an array": lambda mean, log_std, x: normal(mean, log_std).log_prob(x),
    "Normal::entropy": lambda mean, log_std: normal(mean, log_std).entropy(),
    "Normal::std_dev": lambda log_std: normal(torch.zeros(()), log_std).stddev,
    "kl_divergence of Normal":
        lambda mp, sp, mq, sq: kl_divergence(normal(mp, sp), normal(mq, sq)),
    "kl_to_standard_normal":
        lambda mean, log_std: kl_divergence(normal(mean, log_std), Normal(0.0, 1.0)),
    "MixtureOfNormals::log_prob": lambda l, m, s, x: mixture(l, m, s).log_prob(x),
    "MixtureOfNormals::log_prob of an array": lambda l, m, s, x: mixture(l, m, s).log_prob(x),
    "MixtureOfNormals::mean": lambda l, m: mixture(l, m, torch.zeros_like(m)).mean,
    "MixtureOfNormals::sample":
        lambda l, m: mixture(100000 * l, m, torch.full_like(m, -800)).sample(),

    "Activation": lambda x: torch.stack(
        [F.elu(x), gelu(x), x, F.leaky_relu(x), F.relu(x), torch.sigmoid(x), F.silu(x),
         F.softplus(x), torch.tanh(x), F.leaky_relu(x, 0.25), 2 * x]),
    "Linear": linear,
    "Linear without a bias": linear,
    "Linear, then relu": lambda x, w, b: F.relu(linear(x, w, b)),
    "Linear, then tanh": lambda x, w, b: torch.tanh(linear(x, w, b)),
    "MLP": mlp,
    "Conv2d": conv2d(2, 1),
    "Conv2d with a bias for each image":
        lambda x, per_image, w, b: conv2d(2, 1)(x, w, b) + per_image[:, None, None],
    "Conv2d::add": lambda x, residual, w, b: conv2d(2, 1)(x, w, b) + residual,
    "ConvTranspose2d": conv_transpose2d(2, 1),
    "GroupNorm": group_norm(2),
    "GroupNorm::silu": lambda x, gain, shift: F.silu(group_norm(2)(x, gain, shift)),
    "LayerNorm": layer_norm,
    "BatchNorm": batch_norm,
    "BatchNorm in evaluation": batch_norm_in_evaluation,
    "RunningStatistics": lambda mean, variance: torch.stack(
        [torch.lerp(torch.zeros_like(mean), mean, 0.25),
         torch.lerp(torch.ones_like(variance), variance, 0.25)]),
    "Embedding": lambda index, table: F.embedding(index.long(), table),
    "Dropout in evaluation": lambda x: F.dropout(x, 0.25, training=False),

    "game_value": lambda real, fake: F.logsigmoid(real).mean() + F.logsigmoid(-fake).mean(),
    "generator_loss, minimax": lambda fake: F.logsigmoid(-fake).mean(),
    "generator_loss, non-saturating": lambda fake: F.binary_cross_entropy_with_logits(
        fake, torch.ones_like(fake)),
    "discretised_gaussian_log_prob": discretised_gaussian,
}
for p in "-2", "-1.5", "-1", "-0.5", "0", "0.5", "1", "2", "2.5", "3":
    functions[f"pow(x, {p})"] = lambda x, p=float(p): torch.pow(x, p)
for axes in (-1,), (0,), (1,), (0, 2), (1, -1), ():
    for name in "sum", "mean", "max", "min", "logsumexp":
        functions[f"{name} over {size(axes)}"] = reduction(name, axes, False)
        if axes in ((-1,), (0, 2)):
            functions[f"{name} over {size(axes)}, kept"] = reduction(name, axes, True)
    for name, f in ("softmax", F.softmax), ("log_softmax", F.log_softmax):
        functions[f"{name} over {size(axes)}"] = (
            lambda x, f=f, axes=axes: along_last(f, x, axes) if axes
            else f(x.unsqueeze(-1), -1).squeeze(-1))
for slope in 0.0, 0.2, 1.0:
    functions[f"linear_relu, slope {slope}"] = (
        lambda x, w, b, slope=slope: F.leaky_relu(linear(x, w, b), slope))
for shape in (3, 4), (2, -1, 3), (1, 1), (), (5, 0), (-1, 3):
    functions[f"reshape to {size(shape)}"] = lambda x, shape=shape: torch.reshape(x, shape)
functions["reshape to (-1,)"] = torch.flatten
for order in np.ndindex(4, 4, 4, 4):
    if len(set(order)) == 4:
        functions["permute " + "".join(map(str, order))] = (
            lambda x, order=order: x.permute(order))
for axis in 0, 1, -1:
    functions[f"cumsum along {axis}"] = lambda x, axis=axis: torch.cumsum(x, axis)
    functions[f"gather along {axis}"] = (
        lambda x, index, axis=axis: torch.gather(x, axis, index.long()))
    functions[f"concat along {axis}"] = lambda *x, axis=axis: torch.cat(x, axis)
    functions[f"stack along {axis}"] = lambda *x, axis=axis: torch.stack(x, axis)
    functions[f"split along {axis}"] = split(axis)
    functions[f"pad along {axis}"] = pad(axis)
for axis, positions in [(axis, positions) for axis in (0, 1, -1)
                        for positions in ("1:4:1", "0:end:2")] + [
        (0, positions) for positions in ("-2:end:1", "0:-4:1", "-100:100:1", "1:6:3", "5:end:100",
                                         "4:2:1", "100:end:1", f"2:end:{2**63 - 1}")]:
    taken = slice(*[None if word == "end" else int(word) for word in positions.split(":")])
    functions[f"slice {axis}: {positions}"] = (
        # Not x[taken], which overflows for the largest step.
        lambda x, axis=axis, taken=taken: torch.index_select(
            x, axis, torch.arange(x.shape[axis])[list(range(*taken.indices(x.shape[axis])))]))
for stride, padding in (2, 1), (1, 1), (1, 0), (2, 0), (3, 0), (1, 2), (3, 2):
    options = f", stride {stride}, padding {padding}"
    functions["conv2d" + options] = functions["conv2d_direct" + options] = conv2d(stride, padding)
    functions["conv_transpose2d" + options] = conv_transpose2d(stride, padding)
for window, stride in (1, 1), (2, 2), (3, 1), (2, 3), (3, 2):
    options = f", size {window}, stride {stride}"
    functions["average_pool2d" + options] = channels_second(
        lambda x, n=window, stride=stride: F.avg_pool2d(x, n, stride))
    functions["max_pool2d" + options] = channels_second(
        lambda x, n=window, stride=stride: F.max_pool2d(x, n, stride))
for factor in 1, 2, 3:
    functions[f"upsample_nearest2d, factor {factor}"] = upsampled(factor)
for groups in 1, 3, 6:
    functions[f"group_norm in {groups}"] = group_norm(groups)
    functions[f"group_norm_silu in {groups}"] = (
        lambda x, gain, shift, groups=groups: F.silu(group_norm(groups)(x, gain, shift)))
for heads in 1, 2, 6:
    functions[f"attention, {heads} heads"] = attention(heads)
for heads in 1, 2:
    functions[f"SelfAttention2d, {heads} heads"] = self_attention(heads)
for row in 7, 2, 1:
    functions[f"sinusoidal_embedding of size {row}"] = sinusoidal(row)

# Functions of NumPy's arrays, for what has no gradient.
measures = {
    "schedule::constant": scheduled(lambda o, n: schedulers.ConstantLR(o, 1, 1)),
    "schedule::step_decay": scheduled(lambda o, n: schedulers.StepLR(o, n, 0.5)),
    "schedule::exponential": scheduled(lambda o, n: schedulers.ExponentialLR(o, 0.75)),
    "schedule::linear_to_zero": scheduled(lambda o, n: schedulers.LinearLR(o, 1, 0, n)),
    "schedule::cosine": scheduled(
        lambda o, n: schedulers.CosineAnnealingLR(o, n, 0.25), last=lambda n: n),
    "schedule::linear_warm_up": scheduled(warm_up),

    "frechet_distance": frechet_distance,
    "kl_divergence of probabilities": lambda p, q: scipy.special.rel_entr(p, q).sum(),
    "js_divergence": js_divergence,
    "mean_of": mean_and_error,
    "kl_from_log_densities": lambda p, q: mean_and_error(p - q),
    "wasserstein1": lambda x, y: scipy.stats.wasserstein_distance(x.ravel(), y.ravel()),
    "sliced_wasserstein1 of one column":
        lambda x, y: scipy.stats.wasserstein_distance(x.ravel(), y.ravel()),
    "Kernel::gaussian": gaussian_kernel,
    "Kernel::inverse_multiquadratic": multiquadratic_kernel,
    "energy_distance": energy_distance,
    "median_distance": lambda x: np.median(scipy.spatial.distance.pdist(x)),
    "ParzenWindow::best_sigma": best_sigma,
    "geometric_steps": lambda count: np.geomspace(0.25, 4, int(count[0])),
    "mode_coverage": mode_coverage,
    "share_called_real": lambda l: np.mean(l > 0) if l.size else 0.0,
}
for biased in True, False:
    for name, kernel in ("gaussian", gaussian_kernel), ("inverse_multiquadratic",
                                                        multiquadratic_kernel):
        of = "mmd2_biased" if biased else "mmd2_unbiased"
        measures[f"{of}, {name}"] = mmd2(kernel, biased)
for sigma in 0.5, 0.001, 3.0:
    measures[f"ParzenWindow, sigma {sigma:f}"] = parzen(sigma)

# Entries that are not compared, and why.
own_random_numbers = "a function of nabla's own random numbers, which PyTorch does not draw"
not_compared = {
    "Dropout": own_random_numbers,
    "Normal::rsample": own_random_numbers,
    "Normal::sample": own_random_numbers,
}


# The comparison ----------------------------------------------------------------------------------

def difference(entry, got, want, eps, normwise, in_double):
    """What is wrong with an array, or nothing: as tests/table/test_table.cpp has it."""
    if got.shape != want.shape:
        return f"has shape {got.shape}, not {want.shape}"
    if not got.size:
        return ""
    scale = np.maximum(np.abs(want), entry["smallest"])
    if normwise is not None:
        finite = np.abs(want[np.isfinite(want)])
        scale = np.maximum(scale, finite.max(initial=normwise))
    allowed = max(eps * entry["precision"], in_double)
    with np.errstate(invalid="ignore"):
        error = np.abs(got - want) / scale
    error = np.where(np.isnan(error), math.inf, error)
    error = np.where((got == want) | (np.isnan(got) & np.isnan(want)), 0, error)
    worst = np.unravel_index(np.argmax(error), error.shape)
    if error[worst] <= allowed:
        return ""
    return (f"is {got[worst]:.17g} at {tuple(int(i) for i in worst)}, not {want[worst]:.17g}: "
            f"off by {error[worst]:.2g}, allowed is {allowed:.2g}")


def results(entry, inputs, sample, numbers):
    """What PyTorch has for the value and, of each input that is no constant, the gradient."""
    title = entry["title"]
    if title in measures:
        return np.atleast_1d(np.asarray(measures[title](*inputs), dtype=float)), {}
    x = [torch.tensor(a, requires_grad=k not in entry["constants"]) for k, a in enumerate(inputs)]
    y = functions[title](*x)
    leaves = {k: t for k, t in enumerate(x) if t.requires_grad}
    gradients = ()
    if leaves:
        seed = torch.tensor(numbers(sample["seed"]))
        gradients = torch.autograd.grad(y, list(leaves.values()), seed)
    return (y.detach().numpy().astype(float),
            {k: g.numpy() for k, g in zip(leaves, gradients)})


def faults(entry, sample, numbers):
    inputs = [numbers(a) for a in sample["inputs"]]
    shapes = ", ".join(str(a.shape) for a in inputs)
    try:
        value, gradients = results(entry, inputs, sample, numbers)
    except Exception as error:  # PyTorch refuses: one fault, and the next sample
        yield f"{shapes}: {type(error).__name__}: {str(error).splitlines()[0]}"
        return
    wrong = difference(entry, numbers(sample["result"]), value, entry["eps"], entry["normwise"],
                       VALUE_IN_DOUBLE)
    if wrong:
        yield f"{shapes}: the result {wrong}"
    for k, gradient in gradients.items():
        if not sample["gradients"]:
            yield f"{shapes}: there is no gradient of input {k}"
            continue
        wrong = difference(entry, numbers(sample["gradients"][k]), gradient, entry["gradient_eps"],
                           entry["gradient_scale"], GRADIENT_IN_DOUBLE)
        if wrong:
            yield f"{shapes}: the gradient of input {k} {wrong}"


def main():
    folder = sys.argv[1]
    with open(f"{folder}/table.json", encoding="utf-8") as file:
        table = json.load(file)
    all_numbers = np.fromfile(f"{folder}/numbers")

    def numbers(array):
        return all_numbers[array["at"]:array["at"] + math.prod(array["shape"])].reshape(
            array["shape"]).copy()

    torch.set_num_threads(1)  # the arrays are small
    warnings.simplefilter("ignore")  # of means of nothing, which are NaN on both sides
    torch.manual_seed(1)
    passed = failed = 0
    skipped = []
    titles = {entry["title"] for entry in table}
    for stale in sorted((functions.keys() | measures.keys() | not_compared.keys()) - titles):
        print(f"FAILED  {stale}: is not in the table")
        failed += 1
    for entry in table:
        title = entry["title"]
        if title in not_compared:
            skipped.append(f"skipped {title}: {not_compared[title]}")
            continue
        if title not in functions and title not in measures:
            print(f"FAILED  {title}: is neither compared in {sys.argv[0]} nor listed there with a "
                  "reason")
            failed += 1
            continue
        lines = [line for sample in entry["samples"] for line in faults(entry, sample, numbers)]
        for line in lines:
            print(f"FAILED  {title}, of {line}")
        passed += not lines
        failed += bool(lines)
    for line in skipped:
        print(line)
    print(f"PyTorch {torch.__version__}, SciPy {scipy.__version__}: "
          f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
