// The U-Net: its size, what it depends on, its gradients.
#include <cmath>

#include "models/ddpm/unet.hpp"
#include "tests/models.hpp"

using namespace nabla;
using namespace nabla::testing;
using models::UNet;
using models::UNetOptions;

namespace {

const UNetOptions small{8, 4, 2, 8, 3};  // 8 × 4 pixels of 2 channels, C = 8, 3 classes

IndexArray classes(const std::vector<std::int64_t>& list) {
  IndexArray result(IndexArray::shape_type{list.size()});
  std::copy(list.begin(), list.end(), result.begin());
  return result;
}

// Weights that start at 0 hide what lies behind them.
void stir(const UNet& unet) {
  Rng rng(7);
  for (Tensor& p : unet.parameters()) {
    Array& w = p.mutable_value();
    w = compute(w + Real(0.1) * rng.normal(w.shape()));
  }
}

Tensor loss_of(const UNet& unet) {
  const Tensor x(points({2, 64}, -1, 1));
  const Tensor y = unet(x, Array{3, 700}, classes({2, -1}));
  return mean(y * Tensor(points({2, 64}, -1, 1)));
}

}  // namespace

TEST_CASE("the default network has 498209 parameters, as the one in bench/peers/unet.py") {
  Rng rng(1);
  CHECK(UNet({}, rng).parameter_count() == 498209);
  CHECK(UNet({28, 28, 1, 32, 10}, rng).parameter_count() == 498209 + 11 * 128);
}

TEST_CASE("at first it says 0 for everything, as its last convolution starts there") {
  Rng rng(1);
  const UNet unet(small, rng);
  const Tensor y = unet(Tensor(points({3, 64}, -1, 1)), Array{1, 2, 3}, classes({0, 1, 2}));
  CHECK(y.shape() == Shape{3, 64});
  CHECK(sum(abs(y)).item() == 0);
}

TEST_CASE("every parameter has a gradient") {
  Rng rng(1);
  const UNet unet(small, rng);
  stir(unet);
  loss_of(unet).backward();
  check_gradient_reaches(unet);
}

TEST_CASE("the gradient along a direction in all parameters is that of differences") {
  if (!is_double) return;
  Rng rng(1);
  const UNet unet(small, rng);
  stir(unet);
  loss_of(unet).backward();
  std::vector<Tensor> parameters = unet.parameters();
  const NoGrad no_grad;
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::vector<Array> direction;
    double slope = 0;
    for (const Tensor& p : parameters) {
      direction.push_back(rng.normal(p.shape()));
      slope += sum(Tensor(direction.back()) * Tensor(p.grad())).item();
    }
    const auto at = [&](double h) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        Array& w = parameters[i].mutable_value();
        w = compute(w + static_cast<Real>(h) * direction[i]);
      }
      return static_cast<double>(loss_of(unet).item());
    };
    const double h = 1e-6, above = at(h), below = at(-2 * h);
    at(h);
    CHECK(slope == doctest::Approx((above - below) / (2 * h)).epsilon(1e-6));
  }
}

TEST_CASE("each image is seen by itself, with its time and its class") {
  Rng rng(1);
  const UNet unet(small, rng);
  stir(unet);
  const NoGrad no_grad;
  const Array x = points({1, 64}, -1, 1);
  Array both = points({2, 64}, -3, 3);
  std::copy(x.begin(), x.end(), both.begin());
  const Array alone = unet(Tensor(x), Array{5}, classes({1})).value();
  const Array together = unet(Tensor(both), Array{5, 900}, classes({1, -1})).value();
  const Array later = unet(Tensor(x), Array{6}, classes({1})).value();
  const Array other = unet(Tensor(x), Array{5}, classes({0})).value();
  const Array untold = unet(Tensor(x), Array{5}, classes({-1})).value();
  double difference = 0, of_time = 0, of_class = 0, of_telling = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    difference = std::max<double>(difference, std::abs(alone(0, i) - together(0, i)));
    of_time = std::max<double>(of_time, std::abs(alone(0, i) - later(0, i)));
    of_class = std::max<double>(of_class, std::abs(alone(0, i) - other(0, i)));
    of_telling = std::max<double>(of_telling, std::abs(alone(0, i) - untold(0, i)));
  }
  CHECK(difference < (is_double ? 1e-13 : 1e-5));
  CHECK(of_time > 1e-3);
  CHECK(of_class > 1e-3);
  CHECK(of_telling > 1e-3);
}

TEST_CASE("each pixel of the result can depend on each pixel of the image") {
  Rng rng(1);
  const UNet unet({8, 8, 1, 8, 0}, rng);
  stir(unet);
  const Tensor x = parameter(points({1, 64}, -1, 1));
  const Tensor y = unet(x, Array{5}, classes({}));
  Array seed = zeros({1, 64});
  seed(0, 0) = 1;  // the upper left
  y.backward(seed);
  CHECK(std::abs(x.grad()(0, 63)) > 1e-8);
}

TEST_CASE("no images, and messages") {
  Rng rng(1);
  const UNet unet(small, rng);
  CHECK(unet(Tensor(empty({0, 64})), empty({0}), classes({})).shape() == Shape{0, 64});
  const Tensor x(points({2, 64}, -1, 1));
  CHECK(message_of([&] {
          unet(Tensor(zeros({2, 63})), Array{1, 2}, classes({0, 0}));
        }) == "UNet: images are (B, 64) and times (B,), got (2, 63) and (2,)");
  CHECK(message_of([&] {
          unet(x, Array{1}, classes({0, 0}));
        }) == "UNet: images are (B, 64) and times (B,), got (2, 64) and (1,)");
  CHECK(message_of([&] {
          unet(x, Array{1, 2}, classes({0}));
        }) == "UNet: one class for each of 2 images is wanted, got 1");
  CHECK(message_of([&] {
          unet(x, Array{1, 2}, classes({0, 3}));
        }) == "UNet: the class must be from 0 to 2, or -1 for not told, got 3");
  CHECK(message_of([&] {
          UNet({10, 8, 1, 8, 0}, rng);
        }) == "UNet: height and width must be multiples of 4, got 10 and 8");
  CHECK(message_of([&] {
          UNet({8, 8, 0, 8, 0}, rng);
        }) == "UNet: an image has at least one channel, got 0");
  CHECK(message_of([&] {
          UNet({8, 8, 1, 12, 0}, rng);
        }) == "UNet: the base channels must be a multiple of 8, got 12");
}
