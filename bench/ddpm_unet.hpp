// What ddpm_step.cpp and ddpm_sample.cpp time: the U-Net on 64 images of 28 × 28.
#pragma once

#include "autograd/ops.hpp"
#include "bench/step.hpp"
#include "models/ddpm/unet.hpp"

namespace nabla::bench {

constexpr std::size_t images = 64, pixels = 784;

inline Array random_times(Rng& rng) {
  return compute(xt::ceil(rng.uniform({images}, 0, 1000)));
}

inline IndexArray no_classes() {
  return IndexArray(IndexArray::shape_type{images}, -1);
}

}  // namespace nabla::bench
