"""The U-Net of models/ddpm/unet.cpp in PyTorch, for ddpm_step.py and ddpm_sample.py."""
import math

import torch
import torch.nn.functional as F
from torch import nn

GROUPS = 8
PARAMETERS = 498209  # as many as nabla's, or the two are not the same network


def embedding(t, size):
    frequencies = torch.exp(-math.log(10000) * torch.arange(size // 2) / (size // 2 - 1))
    angles = t[:, None] * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, times):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(GROUPS, inputs), nn.GroupNorm(GROUPS, outputs)
        self.time = nn.Linear(times, outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        return self.conv2(F.silu(self.norm2(h))) + self.skip(x)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, dim=2)
        y = self.out(F.scaled_dot_product_attention(q, k, v))
        return x + y.transpose(1, 2).reshape(b, c, h, w)


class UNet(nn.Module):
    def __init__(self, base=32):
        super().__init__()
        self.base, times = base, 4 * base
        self.time = nn.Sequential(nn.Linear(base, times), nn.SiLU(), nn.Linear(times, times))
        self.enter = nn.Conv2d(1, base, 3, padding=1)
        self.full_size = Block(base, base, times)
        self.to_half = nn.Conv2d(base, 2 * base, 3, stride=2, padding=1)
        self.half_size = Block(2 * base, 2 * base, times)
        self.to_quarter = nn.Conv2d(2 * base, 2 * base, 3, stride=2, padding=1)
        self.quarter_size = Block(2 * base, 2 * base, times)
        self.attention = Attention(2 * base)
        self.back_to_half = nn.Conv2d(2 * base, 2 * base, 3, padding=1)
        self.joined_half = Block(4 * base, 2 * base, times)
        self.back_to_full = nn.Conv2d(2 * base, base, 3, padding=1)
        self.joined_full = Block(2 * base, base, times)
        self.norm = nn.GroupNorm(GROUPS, base)
        self.leave = nn.Conv2d(base, 1, 3, padding=1)

    def forward(self, x, t):
        time = F.silu(self.time(embedding(t, self.base)))
        full = self.full_size(self.enter(x), time)
        half = self.half_size(self.to_half(full), time)
        y = self.attention(self.quarter_size(self.to_quarter(half), time))
        y = self.back_to_half(F.interpolate(y, scale_factor=2))
        y = self.joined_half(torch.cat((y, half), 1), time)
        y = self.back_to_full(F.interpolate(y, scale_factor=2))
        y = self.joined_full(torch.cat((y, full), 1), time)
        return self.leave(F.silu(self.norm(y)))


def network(layout):
    torch.manual_seed(1)
    unet = UNet().to(memory_format=layout)
    count = sum(p.numel() for p in unet.parameters())
    assert count == PARAMETERS, f"{count} parameters, {PARAMETERS} expected"
    return unet


LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
