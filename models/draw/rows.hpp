// Many images, or clouds of points, as one picture.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "autograd/array.hpp"

namespace nabla::models {

/// Grids of images (n, height · width · channels), `columns` side by side, one grid below the other
/// with a white bar between; each pixel twice as large.
Array stacked(std::size_t height, std::size_t width, const std::vector<Array>& groups,
              std::size_t columns);

/// For stacked(): `columns` images in a row, and below them in a row each what others make of them.
/// All lists are of equal shape (n, D), n a multiple of columns; (lists · n, D).
Array one_below_the_other(const std::vector<Array>& lists, std::size_t columns);

/// Rows of `columns` images between pairs of images: the first of `from`, what `decode` makes of
/// codes on the straight line from its code to that of the first of `to`, and that image; and so
/// on. Images (n, D), their codes (n, Z); decode (m, Z) → (m, D). (n · columns, D)
Array interpolations(const Array& from, const Array& from_codes, const Array& to,
                     const Array& to_codes, const std::function<Array(const Array&)>& decode,
                     std::size_t columns);

/// Rows of ten images for each of x (n, D): the image, what is known of it on grey, and eight draws
/// of the rest by `complete`, (8, D) → (8, D). (10 n, D)
Array completions(const Array& x, const std::vector<bool>& known,
                  const std::function<Array(const Array&)>& complete);

/// RGB pictures of equal size, `columns` in a row.
Array side_by_side(const std::vector<Array>& pictures, std::size_t columns);

/// The first two columns of points (n, D); of one column the numbers at heights that mean nothing.
Array first_two(const Array& points);

/// Data and samples (n, D) in equal windows: side by side for D = 2, else pairs of neighbouring
/// columns, at most four, data above and samples below. `size`: pixels of each.
Array beside_data(const Array& data, const Array& samples, std::size_t size = 300);

}  // namespace nabla::models
