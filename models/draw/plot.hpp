// Plots as images: points in the plane and densities over it. Line charts are in chart.hpp.
#pragma once

#include <cstddef>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::models {

/// A rectangle of the plane; y grows upwards.
struct Window {
  double x_low, x_high, y_low, y_high;
};

/// The smallest square around points (N, 2), with a margin of 5 % on each side.
Window window_around(const Array& points);

/// Points (N, 2) as dots on white, coloured by class (−1: grey); an RGB image (size, size, 3) for
/// square windows, as high as the window's shape demands otherwise. `classes` is empty or (N,).
/// Points outside the window, and those that are not finite, are left out. Where dots lie on one
/// another the colour is fuller.
Array scatter(const Array& points, const std::vector<int>& classes, const Window& window,
              std::size_t width = 480);
Array scatter(const Array& points, const Window& window, std::size_t width = 480);

/// Values (rows, columns), of which row 0 is drawn at the bottom, from `low` (dark) to `high`
/// (bright); without the two, from the least to the greatest. An RGB image (rows, columns, 3).
/// Values that are not finite are drawn as the lowest. Throws std::invalid_argument unless values
/// has two axes, and low and high are finite and in this order.
Array heat_map(const Array& values, double low, double high);
Array heat_map(const Array& values);

/// The points (rows · columns, 2) at the centres of a window's cells, in heat_map's order: a
/// density evaluated there and reshaped to (rows, columns) can be drawn.
Array cell_centres(const Window& window, std::size_t rows, std::size_t columns);

}  // namespace nabla::models
