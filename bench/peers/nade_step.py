#!/usr/bin/env python3
"""One training step of NADE, 784 inputs, 500 hidden units, batch 100, Adam: nabla against PyTorch.

PyTorch runs in three formulations, all of the same equations:

    loop     one dimension after another, as the paper writes it
    cumsum   the hidden activations of all dimensions at once, a (B, D, H) array
    blocks   cumsum for 56 dimensions at a time, with the activation carried from block to block

    pip install torch             # any PyTorch for the CPU
    ./nabla bench nade_step       # or: python3 bench/peers/nade_step.py build/bench/bench_nade_step
"""
import time

import torch
import torch.nn.functional as F

import turns

B, D, H = 100, 784, 500


class Torch:
    """PyTorch in this process."""

    def __init__(self, formulation, compiled=False):
        torch.manual_seed(1)
        self.W = torch.nn.Parameter(torch.empty(D, H).uniform_(-1 / 28, 1 / 28))
        self.V = torch.nn.Parameter(torch.empty(D, H).uniform_(-1 / 28, 1 / 28))
        self.b = torch.nn.Parameter(torch.zeros(D))
        self.c = torch.nn.Parameter(torch.zeros(H))
        self.adam = torch.optim.Adam([self.W, self.V, self.b, self.c], lr=1e-3, fused=True)
        logits = getattr(self, formulation)
        self.logits = torch.compile(logits) if compiled else logits
        self.x = (torch.rand(B, D) < 0.13).float()  # as many ones as a digit of MNIST has

    def loop(self, x):
        a = self.c.expand(B, H)
        logits = []
        for d in range(D):
            logits.append(torch.sigmoid(a) @ self.V[d])
            a = torch.addcmul(a, x[:, d : d + 1], self.W[d])
        return torch.stack(logits, 1) + self.b

    def cumsum(self, x):
        a = (x[:, :-1, None] * self.W[:-1]).cumsum(1)  # (B, D − 1, H)
        a = self.c + F.pad(a, (0, 0, 1, 0))
        return (torch.sigmoid(a) * self.V).sum(-1) + self.b

    def blocks(self, x, size=56):
        a = self.c.expand(B, H)
        logits = []
        for d in range(0, D, size):
            xs, W, V = x[:, d : d + size], self.W[d : d + size], self.V[d : d + size]
            step = (xs[:, :, None] * W).cumsum(1)  # (B, size, H)
            before = a[:, None] + F.pad(step[:, :-1], (0, 0, 1, 0))
            logits.append(torch.einsum("bdh,dh->bd", torch.sigmoid(before), V))
            a = a + step[:, -1]
        return torch.cat(logits, 1) + self.b

    def milliseconds(self, steps, threads):
        torch.set_num_threads(threads)
        start = time.perf_counter()
        for _ in range(steps):
            self.adam.zero_grad(set_to_none=True)
            logits = self.logits(self.x)
            loss = F.binary_cross_entropy_with_logits(logits, self.x, reduction="sum") / B
            loss.backward()
            self.adam.step()
        return (time.perf_counter() - start) / steps * 1e3


def main():
    options = turns.arguments(__doc__.splitlines()[0], "bench_nade_step", rounds=7, steps=40)
    formulations = ("loop", "cumsum", "blocks")
    peers = {f"PyTorch, {name}": Torch(name) for name in formulations}
    if options.compile:
        peers["PyTorch, cumsum compiled"] = Torch("cumsum", compiled=True)
        peers["PyTorch, blocks compiled"] = Torch("blocks", compiled=True)
    with torch.no_grad():  # the formulations are one function
        results = [Torch(name).logits(peers["PyTorch, loop"].x) for name in formulations]
        assert all(torch.allclose(results[0], other, atol=1e-4) for other in results[1:])
    turns.compare(f"NADE {D} / {H}, batch {B}, Adam; PyTorch {torch.__version__}",
                  turns.Nabla(options.program), peers, options,
                  peer_steps=max(1, options.steps // 20))


if __name__ == "__main__":
    main()
