#!/usr/bin/env python3
"""One training step of DDPM's U-Net, 28 × 28, batch 64, Adam: nabla against PyTorch.

    pip install torch            # any PyTorch for the CPU
    ./nabla bench ddpm_step      # or: python3 bench/peers/ddpm_step.py build/bench/bench_ddpm_step
"""
import torch
import torch.nn.functional as F

import turns
import unet

B = 64


class Torch:
    """PyTorch in this process, its images with channels first or last in memory."""

    def __init__(self, layout, compiled=False):
        network = unet.network(unet.LAYOUTS[layout])
        self.adam = torch.optim.Adam(network.parameters(), lr=2e-4, fused=True)
        self.x0 = (torch.rand(B, 1, 28, 28) * 2 - 1).to(memory_format=unet.LAYOUTS[layout])
        self.network = torch.compile(network) if compiled else network

    def step(self):
        noise = torch.randn_like(self.x0)
        x = 0.8 * self.x0 + 0.6 * noise
        loss = F.mse_loss(self.network(x, torch.ceil(torch.rand(B) * 1000)), noise)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        self.adam.step()

    def milliseconds(self, steps, threads):
        return turns.milliseconds(self.step, steps, threads)


def main():
    options = turns.arguments(__doc__.splitlines()[0], "bench_ddpm_step", rounds=5, steps=10)
    peers = {f"PyTorch, {layout}": lambda layout=layout: Torch(layout) for layout in unet.LAYOUTS}
    if options.compile:
        peers["PyTorch, compiled, channels last"] = lambda: Torch("channels last", compiled=True)
    turns.compare_with_memory(f"training step of the U-Net, batch {B}, Adam; PyTorch "
                              f"{torch.__version__}", options, peers)


if __name__ == "__main__":
    main()
