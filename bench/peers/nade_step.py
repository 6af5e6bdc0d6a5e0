#!/usr/bin/env python3
"""One training step of NADE, 784 inputs, 500 hidden units, batch 100, Adam: nabla against PyTorch.

PyTorch runs in three formulations, all of the same equations:

    loop     one dimension after another, as the paper writes it
    cumsum   the hidden activations of all dimensions at once, a (B, D, H) array
    blocks   cumsum for 56 dimensions at a time, with the activation carried from block to block

Both sides run in turn in the same run, block by block, because absolute times drift on a shared
machine; what is printed is the median time of a step and the ratio of the medians: nabla on one
thread against PyTorch's best formulation at its best number of threads.

    pip install torch             # any PyTorch for the CPU
    ./nabla bench nade_step       # or: python3 bench/peers/nade_step.py build/bench/bench_nade_step
"""
import argparse
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F

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
    parser.add_argument("program", nargs="?", default="build/bench/bench_nade_step")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40, help="steps of nabla in one round")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--compile", action="store_true", help="also torch.compile the cumsum")
    arguments = parser.parse_args()

    nabla = Nabla(arguments.program)
    sides = {f"PyTorch, {name}": Torch(name) for name in ("loop", "cumsum", "blocks")}
    if arguments.compile:
        sides["PyTorch, cumsum compiled"] = Torch("cumsum", compiled=True)
        sides["PyTorch, blocks compiled"] = Torch("blocks", compiled=True)
    x = sides["PyTorch, loop"].x
    with torch.no_grad():  # the formulations are one function
        expected = Torch("loop").logits(x)
        for name in ("cumsum", "blocks"):
            assert torch.allclose(Torch(name).logits(x), expected, atol=1e-4), name

    times = {("nabla", t): [] for t in arguments.threads}
    times.update({(side, t): [] for side in sides for t in arguments.threads})

    def block(side, threads):
        if side == "nabla":
            return nabla.milliseconds(arguments.steps, threads)
        return sides[side].milliseconds(max(1, arguments.steps // 20), threads)

    for key in times:  # warm-up
        block(*key)
    for _ in range(arguments.rounds):
        for key in times:
            times[key].append(block(*key))

    print(f"NADE {D} / {H}, batch {B}, Adam; PyTorch {torch.__version__}; "
          f"{arguments.rounds} rounds in turn")
    medians = {}
    for (side, threads), samples in times.items():
        medians[side, threads] = statistics.median(samples)
        print(f"  {side:26s} {threads} thread{'s' if threads > 1 else ' '}  "
              f"{medians[side, threads]:8.2f} ms a step  "
              f"(fastest {min(samples):.2f}, slowest {max(samples):.2f})")
    best = min((key for key in medians if key[0] != "nabla"), key=medians.get)
    for threads in arguments.threads:
        print(f"nabla on {threads} thread{'s' if threads > 1 else ''} is "
              f"{medians[best] / medians['nabla', threads]:.1f} times as fast as {best[0]} on "
              f"{best[1]}")


if __name__ == "__main__":
    main()
