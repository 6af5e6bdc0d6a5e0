#!/usr/bin/env python3
"""One step of ancestral sampling from DDPM's U-Net, 64 images of 28 × 28: nabla against PyTorch.

    pip install torch            # any PyTorch for the CPU
    ./nabla bench ddpm_sample    # or: python3 bench/peers/ddpm_sample.py build/bench/bench_ddpm_sample
"""
import torch

import turns
import unet

B = 64


class Torch:
    """PyTorch in this process, its images with channels first or last in memory."""

    def __init__(self, layout, compiled=False):
        network = unet.network(unet.LAYOUTS[layout]).eval()
        self.x = torch.randn(B, 1, 28, 28).to(memory_format=unet.LAYOUTS[layout])
        self.network = torch.compile(network) if compiled else network

    @torch.inference_mode()
    def step(self):
        predicted = self.network(self.x, torch.full((B,), 500.0))
        self.x = 0.999 * (self.x - 0.01 * predicted) + 0.01 * torch.randn_like(self.x)

    def milliseconds(self, steps, threads):
        return turns.milliseconds(self.step, steps, threads)


def main():
    options = turns.arguments(__doc__.splitlines()[0], "bench_ddpm_sample", rounds=5, steps=20)
    peers = {f"PyTorch, {layout}": lambda layout=layout: Torch(layout) for layout in unet.LAYOUTS}
    if options.compile:
        peers["PyTorch, compiled, channels last"] = lambda: Torch("channels last", compiled=True)
    turns.compare_with_memory(f"sampling step of the U-Net, batch {B}; PyTorch {torch.__version__}",
                              options, peers)


if __name__ == "__main__":
    main()
