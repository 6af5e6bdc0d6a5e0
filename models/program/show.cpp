// What a person wants to see of a model, by what it can do.
#include <algorithm>
#include <vector>

#include "models/draw/plot.hpp"
#include "models/draw/rows.hpp"
#include "models/program/state.hpp"

namespace nabla::models {
namespace {

Array samples_of(const Trained& trained, const Data& data, Rng& rng) {
  if (data.is_image()) {
    return stacked(data.height, data.width, {trained.sample(100, rng)}, 10);
  }
  if (data.is_binary()) {
    const std::size_t n = std::min<std::size_t>(data.columns, 200);
    return enlarge(trained.sample(n, rng), std::max<std::size_t>(3, 600 / data.columns));
  }
  return beside_data(data.test.all(), trained.sample(data.test.size(), rng));
}

}  // namespace

void Run::snapshot(const Data& data) {
  const Trained& trained = state_->trained;
  if (!trained.sample || !snapshot_due()) return;
  Rng same_each_time = rng(Stream::snapshot);
  if (data.is_image()) {
    add_snapshot(grid(trained.sample(36, same_each_time), data.height, data.width, 12));
  } else if (!data.is_binary()) {
    const Array test = first_two(data.test.all());
    add_snapshot(
        scatter(first_two(trained.sample(2000, same_each_time)), window_around(test), 300));
  }
}

void Run::show(const Data& data) {
  const Trained& trained = state_->trained;
  Rng numbers = rng(Stream::pictures);
  if (trained.sample) {
    image("samples.png", samples_of(trained, data, numbers),
          data.is_image()    ? "100 samples"
          : data.is_binary() ? "Samples, one a row"
                             : "Test points, and as many samples of the model");
  }
  if (data.is_image() && trained.reconstruct) {
    const std::size_t columns = std::min<std::size_t>(10, data.test.size());
    const Array x = data.test.first(data.test.size() < 20 ? columns : 20);  // whole rows
    image("reconstructions.png",
          stacked(data.height, data.width,
                  {one_below_the_other({x, trained.reconstruct(x)}, columns)}, columns),
          "Test images, and below each its reconstruction");
  }
  if (data.is_image() && trained.complete) {
    const auto complete = [&](const Array& x) {
      return trained.complete(x, trained.completes, numbers);
    };
    image("completions.png",
          stacked(data.height, data.width,
                  {completions(data.test.first(10), trained.completes, complete)}, 10),
          "Test images, what is given of each, and eight draws of the rest");
  }
  if (data.is_image() && trained.encode && trained.decode && data.test.size() >= 12) {
    const Array from = data.test.range(0, 6), to = data.test.range(6, 6);
    image("interpolations.png",
          stacked(data.height, data.width,
                  {interpolations(from, trained.encode(from), to, trained.encode(to),
                                  trained.decode, 12)},
                  12),
          "Between two test images: decoded points on the line between their codes");
  }
  if (trained.encode && trained.latent == 2) {
    if (data.is_image()) {
      const Array plane = cell_centres({-3, 3, -3, 3}, 20, 20);  // row 0 is at the bottom
      Array from_the_top = empty(plane.shape());
      for (std::size_t i = 0; i < 400; ++i) {
        for (std::size_t d = 0; d < 2; ++d)
          from_the_top((19 - i / 20) * 20 + i % 20, d) = plane(i, d);
      }
      image("latent-plane.png", grid(trained.decode(from_the_top), data.height, data.width, 20, 0),
            "Decoded z over the square from −3 to 3");
    }
    const Array codes = trained.encode(data.test.all());
    const std::vector<int> classes(data.test_labels.begin(), data.test_labels.end());
    image("codes.png", scatter(codes, classes, window_around(codes)),
          "Codes of the test examples, coloured by class");
  }
}

}  // namespace nabla::models
