#include "models/gan/pictures.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "autograd/ops.hpp"
#include "models/draw/plot.hpp"
#include "models/draw/rows.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t film_images = 12, film_points = 1000;  // of a frame

}  // namespace

Array Film::add(const Run& run) {
  Rng same_each_time = run.rng(Stream::snapshot);
  std::ostringstream name;
  name << "epoch-" << std::setw(6) << std::setfill('0') << run.epoch();
  frames_[name.str()] = can_.sample(data_.is_image() ? film_images : film_points, same_each_time);
  return picture();
}

Array Film::picture() const {
  if (data_.is_image()) {
    std::vector<Tensor> rows;
    for (const auto& [name, samples] : frames_) rows.emplace_back(samples);
    return stacked(data_.height, data_.width, {concat(rows, 0).value()}, film_images);
  }
  std::vector<Array> plots;
  const Array test = first_two(data_.test.all());
  const Window window = window_around(test);
  for (const auto& [name, samples] : frames_) {  // over the test points, in grey
    const Array both = concat({Tensor(test), Tensor(first_two(samples))}, 0).value();
    std::vector<int> colours(test.shape()[0], -1);
    colours.resize(both.shape()[0], 0);
    plots.push_back(scatter(both, colours, window, 160));
  }
  return side_by_side(plots, std::min<std::size_t>(plots.size(), 6));
}

void Film::show(Run& run) const {
  if (frames_.empty()) return;
  std::string caption = data_.is_image()
                            ? "G at the same z after each of the epochs "
                            : "Samples, over test points in grey, after each of the epochs ";
  for (const auto& [name, samples] : frames_) {
    if (name != frames_.begin()->first) caption += ", ";
    caption += std::to_string(std::stoi(name.substr(6)));
  }
  run.image("over-time.png", picture(), caption);
}

void show_samples(Run& run, const Gan& gan, const Trained& can, const Data& data) {
  if (data.is_image()) return run.show(data);
  constexpr std::size_t size = 300;
  Rng rng = run.rng(Stream::pictures);
  const Array test = first_two(data.test.all()), samples = can.sample(data.test.size(), rng);
  const Window window = window_around(test);
  std::vector<Array> plots{scatter(test, window, size), scatter(first_two(samples), window, size)};
  const bool plane = data.columns == 2 && gan.options().packing == 1;
  if (plane) {
    const NoGrad no_grad;
    const Tensor points(data.inputs(cell_centres(window, size, size)));
    Array D = sigmoid(gan.discriminate(points)).value();
    D.reshape(Shape{size, size});
    plots.push_back(heat_map(D, 0, 1));
  }
  run.image("samples.png", side_by_side(plots, plots.size()),
            std::string("Test points, as many samples of G") +
                (plane ? ", and D(x) from 0 (dark) to 1 (bright)" : ""));
}

}  // namespace nabla::models
