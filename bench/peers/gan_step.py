#!/usr/bin/env python3
"""One step of both players of the GAN 64-256-512-784 / 784-512-256-1, batch 128: nabla against PyTorch.

    pip install torch            # any PyTorch for the CPU
    ./nabla bench gan_step       # or: python3 bench/peers/gan_step.py build/bench/bench_gan_step
"""
import time

import torch
import torch.nn.functional as F
from torch import nn

import turns

B, Z, D = 128, 64, 784


def mlp(sizes, activation, last):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers[:-1], *last)


class Torch:
    """PyTorch in this process. `frozen`: the generator's step computes no gradients of D's weights,
    as nabla's; else it computes and discards them, as most code does. `joint`: D's step takes real and
    fake images as one batch."""

    def __init__(self, optimizer, frozen, joint=False, compiled=False):
        torch.manual_seed(1)
        self.generator = mlp((Z, 256, 512, D), nn.ReLU, [nn.Sigmoid()])
        self.discriminator = mlp((D, 512, 256, 1), lambda: nn.LeakyReLU(0.2), [])
        adam = {"lr": 2e-4, "betas": (0.5, 0.999), optimizer: True}
        self.g_adam = torch.optim.Adam(self.generator.parameters(), **adam)
        self.d_adam = torch.optim.Adam(self.discriminator.parameters(), **adam)
        self.frozen = frozen
        self.joint = joint
        self.x = (torch.rand(B, D) < 0.2).float()
        wrap = torch.compile if compiled else lambda f: f
        self.generate = wrap(lambda z: self.generator(z))
        self.d_loss = wrap(self.discriminator_loss)
        self.g_loss = wrap(lambda fake: -F.logsigmoid(self.discriminator(fake)).mean())

    def discriminator_loss(self, x, fake):
        if self.joint:
            real, made = self.discriminator(torch.cat((x, fake))).split(B)
        else:
            real, made = self.discriminator(x), self.discriminator(fake)
        return -F.logsigmoid(real).mean() - F.logsigmoid(-made).mean()

    def step(self):
        fake = self.generate(torch.randn(B, Z))
        self.d_adam.zero_grad(set_to_none=True)
        self.d_loss(self.x, fake.detach()).backward()
        self.d_adam.step()
        if self.frozen:
            self.discriminator.requires_grad_(False)
        self.g_adam.zero_grad(set_to_none=True)
        self.g_loss(fake).backward()
        self.g_adam.step()
        if self.frozen:
            self.discriminator.requires_grad_(True)

    def milliseconds(self, steps, threads):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return (time.perf_counter() - start) / steps * 1e3


def main():
    options = turns.arguments(__doc__.splitlines()[0], "bench_gan_step", rounds=10, steps=50)
    peers = {
        "PyTorch, foreach Adam": Torch("foreach", frozen=False),
        "PyTorch, fused Adam": Torch("fused", frozen=False),
        "PyTorch, D frozen, fused Adam": Torch("fused", frozen=True),
        "PyTorch, joint batch, D frozen, fused": Torch("fused", frozen=True, joint=True),
    }
    if options.compile:
        peers["PyTorch, compiled, D frozen, fused"] = Torch("fused", frozen=True, compiled=True)
        peers["PyTorch, compiled, joint, frozen"] = Torch("fused", True, True, compiled=True)
    turns.compare(f"GAN {Z}-256-512-{D} / {D}-512-256-1, batch {B}, both players, Adam; "
                  f"PyTorch {torch.__version__}", turns.Nabla(options.program), peers, options)


if __name__ == "__main__":
    main()
