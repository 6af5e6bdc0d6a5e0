#include "models/ddpm/unet.hpp"

#include <stdexcept>
#include <string>

#include "autograd/ops.hpp"
#include "nn/time_embedding.hpp"

namespace nabla::models {
namespace {

constexpr std::size_t groups = 8;  // of every normalisation
constexpr ConvOptions same{1, 1}, halving{2, 1};

const UNetOptions& checked(const UNetOptions& options) {
  const auto refuse = [](const std::string& what, const std::string& got) {
    throw std::invalid_argument("UNet: " + what + ", got " + got);
  };
  if (options.height == 0 || options.width == 0 || options.height % 4 != 0 ||
      options.width % 4 != 0) {
    refuse("height and width must be multiples of 4",
           std::to_string(options.height) + " and " + std::to_string(options.width));
  }
  if (options.channels == 0) refuse("an image has at least one channel", "0");
  if (options.base == 0 || options.base % groups != 0) {
    refuse("the base channels must be a multiple of " + std::to_string(groups),
           std::to_string(options.base));
  }
  return options;
}

nn::Conv2dOptions conv(ConvOptions options, bool from_zero = false) {
  nn::Conv2dOptions result;
  result.stride = options.stride;
  result.padding = options.padding;
  if (from_zero) result.init = nn::init::zeros();
  return result;
}

}  // namespace

ResidualBlock::ResidualBlock(std::size_t in, std::size_t out, std::size_t times, Rng& rng)
    : norm1_(groups, in),
      norm2_(groups, out),
      time_(times, out, rng),
      conv1_(in, out, 3, rng, conv(same)),
      conv2_(out, out, 3, rng, conv(same, true)) {
  children({{"norm1", norm1_},
            {"conv1", conv1_},
            {"time", time_},
            {"norm2", norm2_},
            {"conv2", conv2_}});
  if (in == out) return;
  skip_.emplace_back(in, out, 1, rng);
  children({{"skip", skip_.front()}});
}

Tensor ResidualBlock::operator()(const Tensor& x, const Tensor& time) const {
  const Tensor h = conv1_(norm1_.silu(x), time_(time));  // (B, h, w, out)
  return conv2_.add(norm2_.silu(h), skip_.empty() ? x : skip_.front()(x));
}

UNet::UNet(const UNetOptions& options, Rng& rng)
    : options_(checked(options)),
      time_({options.base, 4 * options.base, 4 * options.base}, rng, "silu"),
      in_(options.channels, options.base, 3, rng, conv(same)),
      full_(options.base, options.base, 4 * options.base, rng),
      to_half_(options.base, 2 * options.base, 3, rng, conv(halving)),
      half_(2 * options.base, 2 * options.base, 4 * options.base, rng),
      to_quarter_(2 * options.base, 2 * options.base, 3, rng, conv(halving)),
      quarter_(2 * options.base, 2 * options.base, 4 * options.base, rng),
      attention_(2 * options.base, 1, groups, rng),
      back_to_half_(2 * options.base, 2 * options.base, 3, rng, conv(same)),
      joined_half_(4 * options.base, 2 * options.base, 4 * options.base, rng),
      back_to_full_(2 * options.base, options.base, 3, rng, conv(same)),
      joined_full_(2 * options.base, options.base, 4 * options.base, rng),
      norm_(groups, options.base),
      out_(options.base, options.channels, 3, rng, conv(same, true)) {
  children({{"time", time_},
            {"in", in_},
            {"full", full_},
            {"to_half", to_half_},
            {"half", half_},
            {"to_quarter", to_quarter_},
            {"quarter", quarter_},
            {"attention", attention_},
            {"back_to_half", back_to_half_},
            {"joined_half", joined_half_},
            {"back_to_full", back_to_full_},
            {"joined_full", joined_full_},
            {"norm", norm_},
            {"out", out_}});
  if (options.classes == 0) return;
  class_.emplace_back(options.classes + 1, 4 * options.base, rng);
  children({{"class", class_.front()}});
}

Tensor UNet::time_and_class(const Array& t, const IndexArray& classes) const {
  const Tensor time = time_(Tensor(nn::sinusoidal_embedding(t, options_.base)));
  if (class_.empty()) return silu(time);
  if (classes.dimension() != 1 || classes.size() != t.size()) {
    throw std::invalid_argument("UNet: one class for each of " + std::to_string(t.size()) +
                                " images is wanted, got " + std::to_string(classes.size()));
  }
  IndexArray rows = classes;
  const std::int64_t count = static_cast<std::int64_t>(options_.classes);
  for (std::int64_t& row : rows) {
    if (row < -1 || row >= count) {
      throw std::invalid_argument("UNet: the class must be from 0 to " + std::to_string(count - 1) +
                                  ", or -1 for not told, got " + std::to_string(row));
    }
    if (row == -1) row = count;  // the table's last row
  }
  return silu(time + class_.front()(rows));
}

Tensor UNet::operator()(const Tensor& flat, const Array& t, const IndexArray& classes) const {
  const std::size_t h = options_.height, w = options_.width, channels = options_.channels;
  if (flat.ndim() != 2 || flat.size(1) != h * w * channels || t.dimension() != 1 ||
      t.size() != flat.size(0)) {
    throw std::invalid_argument("UNet: images are (B, " + std::to_string(h * w * channels) +
                                ") and times (B,), got " + to_string(flat.shape()) + " and " +
                                to_string(Shape(t.shape().begin(), t.shape().end())));
  }
  const auto side = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
  const Tensor x = reshape(flat, {side(flat.size(0)), side(h), side(w), side(channels)});
  const Tensor time = time_and_class(t, classes);

  const Tensor full = full_(in_(x), time);          // (B, h, w, C)
  const Tensor half = half_(to_half_(full), time);  // (B, h/2, w/2, 2C)
  Tensor y = quarter_(to_quarter_(half), time);     // (B, h/4, w/4, 2C)
  y = back_to_half_(upsample_nearest2d(attention_(y), 2));
  y = joined_half_(concat({y, half}, 3), time);  // from 4C channels to 2C
  y = back_to_full_(upsample_nearest2d(y, 2));
  y = joined_full_(concat({y, full}, 3), time);  // from 2C channels to C
  return reshape(out_(norm_.silu(y)), {side(flat.size(0)), side(h * w * channels)});
}

}  // namespace nabla::models
