#!/usr/bin/env python3
"""One training step of the VAE 784-400-20-400-784, batch 128, Adam: nabla against PyTorch.

Both sides run in turn in the same run, block by block, because absolute times drift on a shared
machine; what is printed is the median time of a step and the ratio of the medians, at each side's
best number of threads.

    pip install torch            # any PyTorch for the CPU
    ./nabla bench vae_step       # or: python3 bench/peers/vae_step.py build/bench/bench_vae_step
"""
import argparse
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F
from torch import nn

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


class Nabla:
    """The C++ program: reads "steps threads" lines and answers each with milliseconds a step."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def milliseconds(self, steps, threads):
        self.process.stdin.write(f"{steps} {threads}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", default="build/bench/bench_vae_step")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100, help="steps in one block")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--compile", action="store_true", help="also torch.compile the loss")
    arguments = parser.parse_args()

    sides = {"nabla": Nabla(arguments.program)}
    for optimizer in ("foreach", "fused"):
        sides[f"PyTorch, {optimizer} Adam"] = Torch(optimizer, compiled=False)
    if arguments.compile:
        sides["PyTorch, compiled, fused Adam"] = Torch("fused", compiled=True)

    times = {(side, t): [] for side in sides for t in arguments.threads}
    for key in times:  # warm-up
        sides[key[0]].milliseconds(20, key[1])
    for _ in range(arguments.rounds):
        for key in times:
            times[key].append(sides[key[0]].milliseconds(arguments.steps, key[1]))

    print(f"VAE {D}-{H}-{Z}, batch {B}, Adam; PyTorch {torch.__version__}; "
          f"{arguments.rounds} rounds of {arguments.steps} steps in turn")
    best = {}
    for (side, threads), samples in times.items():
        median = statistics.median(samples)
        print(f"  {side:32s} {threads} thread{'s' if threads > 1 else ' '}  "
              f"{median:6.2f} ms a step  (fastest {min(samples):.2f}, slowest {max(samples):.2f})")
        name = "nabla" if side == "nabla" else "PyTorch"
        if name not in best or median < statistics.median(best[name]):
            best[name] = samples
    ratios = [p / n for p, n in zip(best["PyTorch"], best["nabla"])]
    print(f"nabla is {statistics.median(best['PyTorch']) / statistics.median(best['nabla']):.2f} "
          f"times as fast, each at its best (round by round {min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
