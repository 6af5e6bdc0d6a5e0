// Pictures and figures of autoencoders, for the programs that train them.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "datasets/dataset.hpp"
#include "models/autoencoder/autoencoder.hpp"
#include "models/draw/images.hpp"
#include "models/program/run.hpp"

namespace nabla::models {

/// Groups of images (n, D), each a grid of `columns`, one below the other with a bar between them;
/// twice as large as they are. Throws std::invalid_argument unless D is that of the data.
Array stacked(const datasets::Dataset& data, const std::vector<Array>& groups, std::size_t columns);

/// The first `count` rows of x, from the beginning again where there are fewer.
Array first_rows_of(const Array& x, std::size_t count);
Array first_rows_of(const datasets::Rows& x, std::size_t count);

/// For stacked(): `columns` images in a row, and below them in a row each what others make of them.
/// All lists are of equal shape (n, D), n a multiple of columns; (lists · n, D).
Array one_below_the_other(const std::vector<Array>& lists, std::size_t columns);

/// Rows of `columns` images between pairs of images: the first of `from`, what `decode` makes of
/// codes on the straight line from its code to that of the first of `to`, and that image; and so
/// on. Images (n, D), their codes (n, Z); decode (m, Z) → (m, D). (n · columns, D)
Array interpolations(const Array& from, const Array& from_codes, const Array& to,
                     const Array& to_codes, const std::function<Array(const Array&)>& decode,
                     std::size_t columns);

/// What a person wants to see of a trained autoencoder with prior N(0, I): samples.png,
/// reconstructions.png, interpolations.png, and for codes of two numbers codes.png.
void draw_pictures(Run& run, const Autoencoder& model, const datasets::Dataset& data);

/// Distances of samples from test images, and those of validation images as their scale, with the
/// note that belongs to them. `compare`: how many, at most. Trains the classifier.
void add_sample_figures(Run& run, const Autoencoder& model, const datasets::Dataset& data,
                        std::size_t compare, Figures& figures);

}  // namespace nabla::models
