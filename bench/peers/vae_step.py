#!/usr/bin/env python3
"""One training step of the VAE 784-400-20-400-784, batch 128, Adam: nabla against PyTorch.

    pip install torch            # any PyTorch for the CPU
    ./nabla bench vae_step       # or: python3 bench/peers/vae_step.py build/bench/bench_vae_step
"""
import time

import torch
import torch.nn.functional as F
from torch import nn

import turns

B, D, H, Z = 128, 784, 400, 20


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(D, H)
        self.mean = nn.Linear(H, Z)
        self.log_var = nn.Linear(H, Z)
        self.decoder_hidden = nn.Linear(Z, H)
        self.logits = nn.Linear(H, D)

    def loss(self, x):
        h = F.relu(self.hidden(x))
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        logits = self.logits(F.relu(self.decoder_hidden(z)))
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + log_var - mean.square() - log_var.exp())
        return (reconstruction + kl) / B


class Torch:
    """PyTorch in this process; `optimizer` and `compiled` choose the formulation."""

    def __init__(self, optimizer, compiled):
        torch.manual_seed(1)
        self.model = Vae()
        self.adam = torch.optim.Adam(self.model.parameters(), lr=1e-3, **{optimizer: True})
        self.loss = torch.compile(self.model.loss) if compiled else self.model.loss
        self.x = (torch.rand(B, D) < 0.2).float()

    def milliseconds(self, steps, threads):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        for _ in range(steps):
            self.adam.zero_grad(set_to_none=True)
            loss = self.loss(self.x)
            loss.backward()
            self.adam.step()
        return (time.perf_counter() - start) / steps * 1e3


def main():
    options = turns.arguments(__doc__.splitlines()[0], "bench_vae_step", rounds=15, steps=100)
    peers = {f"PyTorch, {name} Adam": Torch(name, compiled=False) for name in ("foreach", "fused")}
    if options.compile:
        peers["PyTorch, compiled, fused Adam"] = Torch("fused", compiled=True)
    turns.compare(f"VAE {D}-{H}-{Z}, batch {B}, Adam; PyTorch {torch.__version__}",
                  turns.Nabla(options.program), peers, options)


if __name__ == "__main__":
    main()
