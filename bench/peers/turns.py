"""Timing two sides in turn, in the same run: what the comparisons in this folder share.

Absolute times drift on a shared machine. So the sides take turns, block by block, and what is
printed is the median time of a step on each side and the ratio of the medians.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time


class Nabla:
    """The C++ program: reads "steps threads" lines and answers each with milliseconds a step."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def milliseconds(self, steps, threads):
        self.process.stdin.write(f"{steps} {threads}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def milliseconds(step, steps, threads):
    """Of one call of PyTorch's step(), the mean of `steps`."""
    import torch
    torch.set_num_threads(threads)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e3


def arguments(description, program, rounds, steps):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("program", nargs="?", default=f"build/bench/{program}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--steps", type=int, default=steps, help="nabla's steps in one block")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--compile", action="store_true", help="PyTorch with torch.compile too")
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # for compare_with_memory() itself
    return parser.parse_args()


def compare(title, nabla, peers, options, peer_steps=None):
    """`peers` maps names to objects with milliseconds(steps, threads); each side is timed on each
    number of threads. `peer_steps` is the length of a peer's block, where its steps are slow."""
    sides = {"nabla": nabla, **peers}

    def block(side, threads, steps):
        return sides[side].milliseconds(steps if side == "nabla" else peer_steps or steps, threads)

    times = {(side, t): [] for side in sides for t in options.threads}
    for side, threads in times:
        block(side, threads, max(1, options.steps // 5))  # warm-up
    for _ in range(options.rounds):
        for side, threads in times:
            times[side, threads].append(block(side, threads, options.steps))

    print(f"{title}; {options.rounds} rounds in turn")
    for (side, threads), samples in times.items():
        print(f"  {side:32s} {threads} thread{'s' if threads > 1 else ' '}  "
              f"{statistics.median(samples):7.2f} ms a step  "
              f"(fastest {min(samples):.2f}, slowest {max(samples):.2f})")
    medians = {key: statistics.median(samples) for key, samples in times.items()}
    peer = min((key for key in medians if key[0] != "nabla"), key=medians.get)
    ours = min((key for key in medians if key[0] == "nabla"), key=medians.get)
    for key in sorted({("nabla", 1), ours} & set(medians)):
        rounds = [p / n for p, n in zip(times[peer], times[key])]
        print(f"nabla on {key[1]} thread{'s' if key[1] > 1 else ''} is "
              f"{medians[peer] / medians[key]:.2f} times as fast as {peer[0]} on {peer[1]}, its best "
              f"(round by round {min(rounds):.2f} to {max(rounds):.2f})")


def peak_memory(process="self"):
    """Megabytes that a process had resident at most since it began, or this one."""
    with open(f"/proc/{process}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def compare_with_memory(title, options, peers):
    """compare() for peers that are given as functions that build them, and each side's memory."""
    if options.alone is not None:
        if options.alone:
            peers[options.alone]().milliseconds(10, 2)
        print(peak_memory())
        return

    def alone(name):
        command = [sys.executable, os.path.abspath(sys.argv[0]), options.program, "--alone", name]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)

    nabla = Nabla(options.program)
    nabla.milliseconds(10, 2)
    print(f"most memory at a time: nabla {peak_memory(nabla.process.pid):.0f} MB; "
          f"PyTorch without any network {alone(''):.0f} MB")
    for name in peers:
        print(f"  {name}: {alone(name):.0f} MB")
    compare(title, nabla, {name: make() for name, make in peers.items()}, options)
