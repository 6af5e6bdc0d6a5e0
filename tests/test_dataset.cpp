// Data sets by name and path, from files that the test writes itself; binarising, standardising.
#include <cmath>
#include <cstdlib>
#include <doctest/doctest.h>
#include <limits>
#include <set>

#include "datasets/batches.hpp"
#include "datasets/dataset.hpp"
#include "datasets/glyphs.hpp"
#include "datasets/npy.hpp"
#include "datasets/toy.hpp"
#include "datasets/transform.hpp"
#include "temporary_folder.hpp"

using namespace nabla;
using namespace nabla::datasets;

namespace {

std::string idx(const std::vector<std::uint32_t>& sizes, const std::string& data) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const std::uint32_t s : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(s >> shift & 255);
  }
  return bytes + data;
}

// n images of 2 × 3 pixels: all of image i are `first + i`, its label is i % 10.
std::string images(std::uint32_t n, int first) {
  std::string data;
  for (std::uint32_t i = 0; i < n; ++i) {
    data += std::string(6, static_cast<char>(first + static_cast<int>(i)));
  }
  return idx({n, 2, 3}, data);
}
std::string labels(std::uint32_t n) {
  std::string data;
  for (std::uint32_t i = 0; i < n; ++i) data += static_cast<char>(i % 10);
  return idx({n}, data);
}

void write_mnist(const TemporaryFolder& folder, const std::string& where, bool pack, int first) {
  const auto write = [&](const std::string& name, const std::string& bytes) {
    folder.write(where + name + (pack ? ".gz" : ""), pack ? gzip(bytes) : bytes);
  };
  write("train-images-idx3-ubyte", images(60, first));
  write("train-labels-idx1-ubyte", labels(60));
  write("t10k-images-idx3-ubyte", images(10, 200));
  write("t10k-labels-idx1-ubyte", labels(10));
}

LoadOptions in(const std::string& folder) {
  LoadOptions options;
  options.data_dir = folder;
  options.system_dir = folder + "/no-system";
  return options;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::set<Real> first_column(const Rows& rows) {
  const Array x = rows.all();
  std::set<Real> values;
  for (std::size_t i = 0; i < x.shape()[0]; ++i) values.insert(x(i, 0));
  return values;
}

}  // namespace

TEST_CASE("mnist and fashion-mnist: found, scaled, split by seed, labels beside their images") {
  const TemporaryFolder folder;
  write_mnist(folder, "mnist/", true, 0);
  write_mnist(folder, "fashion-mnist/", false, 100);
  const Dataset data = load("mnist", in(folder.path()));
  CHECK(data.name == "mnist");
  CHECK(data.origin == folder / "mnist/train-images-idx3-ubyte.gz");
  CHECK(data.train.shape() == Shape{50, 6});
  CHECK(data.valid.shape() == Shape{10, 6});
  CHECK(data.test.shape() == Shape{10, 6});
  CHECK(data.height == 2);
  CHECK(data.width == 3);
  CHECK(data.channels == 1);
  CHECK(data.low == 0);
  CHECK(data.high == Real(209) / 255);
  CHECK_FALSE(data.binary);
  std::set<Real> both = first_column(data.train);
  for (const Real v : first_column(data.valid)) both.insert(v);
  CHECK(both.size() == 60);  // no row lost, none twice
  const Array train = data.train.all();
  for (std::size_t i = 0; i < 50; ++i) {
    const int value = static_cast<int>(std::lround(train(i, 0) * 255));
    CHECK(data.train_labels(i) == value % 10);
    CHECK((i == 0 || train(i, 0) > train(i - 1, 0)));  // in the order of the file
  }
  CHECK(data.test_labels(9) == 9);
  CHECK(data.columns == 6);
  CHECK(data.classes == 10);
  for (const Rows* rows : {&data.train, &data.valid, &data.test}) CHECK(rows->are_bytes());
  LoadOptions other = in(folder.path());
  other.seed = 2;
  other.valid_size = 20;
  other.test_size = 4;
  const Dataset second = load("mnist", other);
  CHECK(second.train.shape() == Shape{40, 6});
  CHECK(second.valid.shape() == Shape{20, 6});
  CHECK(second.test.shape() == Shape{4, 6});
  CHECK(second.test_labels.size() == 4);
  // The first rows of the split that there is without the option.
  other.train_size = 7;
  const Dataset few = load("mnist", other);
  CHECK(few.train.all() == second.train.first(7));
  CHECK(few.train_labels == take_rows(second.train_labels, {0, 1, 2, 3, 4, 5, 6}));
  CHECK(few.valid.all() == second.valid.all());
  other.train_size = 41;
  CHECK(error_of([&] { load("mnist", other); }) ==
        "mnist: 41 rows are to train, but there are only 40 rows");
  other.train_size = other.valid_size = 0;
  CHECK(first_column(load("mnist", other).valid) != first_column(data.valid));
  CHECK(load("fashion-mnist", in(folder.path())).high == Real(209) / 255);
  CHECK(load("fashion-mnist", in(folder.path())).low == Real(100) / 255);
  // The folder itself may be given; but files in a folder called fashion-mnist are not MNIST's.
  CHECK(load("mnist", in(folder / "mnist")).low == 0);
  CHECK(load("mnist", in(folder / "mnist/")).low == 0);
  CHECK(contains(error_of([&] { load("mnist", in(folder / "fashion-mnist")); }), "not found"));
  CHECK(load(folder / "fashion-mnist", in("")).name == "fashion-mnist");
}

TEST_CASE("mnist: files that do not fit each other") {
  const TemporaryFolder folder;
  write_mnist(folder, "mnist/", false, 0);
  const auto error = [&] { return error_of([&] { load("mnist", in(folder.path())); }); };
  folder.write("mnist/t10k-labels-idx1-ubyte", labels(9));
  CHECK(error() == folder / "mnist/t10k-labels-idx1-ubyte" + ": 9 labels for the 10 images of " +
                       folder / "mnist/t10k-images-idx3-ubyte");
  folder.write("mnist/t10k-images-idx3-ubyte", idx({9, 2, 2}, std::string(36, 'a')));
  CHECK(contains(error(), "t10k-images-idx3-ubyte: images of 4 pixels, those of "));
  folder.write("mnist/t10k-images-idx3-ubyte", idx({0, 2, 3}, ""));
  CHECK(contains(error(), "t10k-images-idx3-ubyte: has no rows, its shape is (0, 2, 3)"));
  std::filesystem::remove(folder / "mnist/t10k-labels-idx1-ubyte");
  CHECK(error() == folder / "mnist/t10k-labels-idx1-ubyte" + "[.gz] is missing beside " +
                       folder / "mnist/train-images-idx3-ubyte");
  std::filesystem::remove(folder / "mnist/train-images-idx3-ubyte");
  std::filesystem::create_directory(folder / "mnist/train-images-idx3-ubyte");
  folder.write("mnist/t10k-labels-idx1-ubyte", labels(9));
  CHECK(error() == folder / "mnist/train-images-idx3-ubyte" + ": is a directory, not a file");
}

TEST_CASE("what is not found says where it was sought and what to do") {
  const TemporaryFolder folder;
  ::setenv("NABLA_DATA", "/first::/second", 1);
  LoadOptions options = in(folder.path());
  CHECK(search_folders(options) ==
        std::vector<std::string>{folder.path(), "/first", "/second", folder / "no-system"});
  const std::string list = folder.path() + ", /first, /second, " + folder / "no-system";
  CHECK(error_of([&] { load("fashion-mnist", options); }) ==
        "fashion-mnist: not found in " + list +
            "; apt install dataset-fashion-mnist, or put its files into one of these, or name "
            "their folder with --data-dir; --data glyphs needs no files");
  const std::string text = error_of([&] { load("fasion-mnist", options); });
  CHECK(contains(text, "fasion-mnist: no such file"));
  CHECK(contains(text, list));
  CHECK(contains(text, "no data set: fashion-mnist, mnist, binarized-mnist, glyphs, ring8, "));
  CHECK(text.find('\n') == std::string::npos);
  CHECK(contains(error_of([&] { load(folder.path(), options); }), "is a directory without train-"));
  // $NABLA_DATA works, and --data-dir comes before it.
  ::setenv("NABLA_DATA", (folder / "env").c_str(), 1);
  write_mnist(folder, "env/mnist/", false, 50);
  CHECK(load("mnist", options).low == Real(50) / 255);
  write_mnist(folder, "mnist/", false, 60);
  CHECK(load("mnist", options).low == Real(60) / 255);
  ::unsetenv("NABLA_DATA");
}

TEST_CASE("tables in three files: binarized-mnist, and a path that ends before .train.data") {
  const TemporaryFolder folder;
  folder.write("binarized-mnist/binarized_mnist_train.amat.gz", gzip("0 1\n1 1\n0 0\n"));
  folder.write("binarized-mnist/binarized_mnist_valid.amat", "0 1\n");
  folder.write("binarized-mnist/binarized_mnist_test.amat", "1 1\n1 0\n");
  const Dataset data = load("binarized-mnist", in(folder.path()));
  CHECK(data.train.shape() == Shape{3, 2});
  CHECK(data.valid.shape() == Shape{1, 2});
  CHECK(data.test.shape() == Shape{2, 2});
  CHECK(data.binary);
  CHECK(data.train.are_bytes());
  CHECK(data.train.all() == Array{{0, 1}, {1, 1}, {0, 0}});
  CHECK_FALSE(data.has_labels());
  CHECK_FALSE(data.is_image());

  folder.write("binary/dna.train.data.gz", gzip("0,1,2\n1,1,0\n"));
  folder.write("binary/dna.valid.data", "1,0,1\n");
  const std::string base = folder / "binary/dna";
  CHECK(error_of([&] { load(base, in("")); }) ==
        base + ".test.data[.gz] is missing beside " + base + ".train.data.gz");
  folder.write("binary/dna.test.data", "1,0\n");
  CHECK(error_of([&] { load(base, in("")); }) ==
        base + ".test.data: 2 columns, those of " + base + ".train.data.gz are 3");
  folder.write("binary/dna.test.data", "1,0,1\n");
  const Dataset dna = load(base, in(""));
  CHECK(dna.name == "dna");
  CHECK(dna.train.shape() == Shape{2, 3});
  CHECK_FALSE(dna.binary);
  CHECK(dna.high == 2);
  CHECK_FALSE(dna.train.are_bytes());
  CHECK(load("binary/dna", in(folder.path())).train.all() ==
        dna.train.all());  // relative to a folder
  LoadOptions too_many = in(folder.path());
  too_many.train_size = 3;
  CHECK(error_of([&] { load("binary/dna", too_many); }) ==
        "dna: 3 rows are to train, but there are only 2 rows");
}

TEST_CASE("one file: split 80 / 10 / 10 by seed, whatever the format") {
  const TemporaryFolder folder;
  std::string csv = "value,square\n";
  for (int i = 0; i < 50; ++i) csv += std::to_string(i) + "," + std::to_string(i * i) + "\n";
  const Dataset data = load(folder.write("t.csv.gz", gzip(csv)), in(""));
  CHECK(data.train.shape() == Shape{40, 2});
  CHECK(data.valid.shape() == Shape{5, 2});
  CHECK(data.test.shape() == Shape{5, 2});
  CHECK(data.name == "t.csv.gz");
  CHECK(data.column_names == std::vector<std::string>{"value", "square"});
  std::set<Real> all = first_column(data.train);
  for (const Real v : first_column(data.valid)) all.insert(v);
  for (const Real v : first_column(data.test)) all.insert(v);
  CHECK(all.size() == 50);
  CHECK(load(folder / "t.csv", in("")).train.all() == data.train.all());  // its .gz is found
  LoadOptions whole = in("");
  whole.whole_file = true;
  const Dataset rows = load(folder / "t.csv", whole);
  CHECK(rows.train.shape() == Shape{50, 2});
  CHECK(rows.train.all()(49, 1) == 49 * 49);  // in the file's order
  CHECK(rows.valid.shape() == Shape{0, 2});
  CHECK(rows.test.shape() == Shape{0, 2});
  LoadOptions sizes = in("");
  sizes.valid_size = 20;
  sizes.test_size = 29;
  CHECK(load(folder / "t.csv", sizes).train.shape() == Shape{1, 2});
  sizes.test_size = 30;
  CHECK(error_of([&] { load(folder / "t.csv", sizes); }) ==
        "t.csv.gz: 20 and 30 rows are to validate and to test, but there are only 50 rows");
  CHECK(
      contains(error_of([&] { load(folder.write("two.csv", "1\n2\n"), in("")); }), "only 2 rows"));

  const Dataset bytes = load(folder.write("some.idx", images(20, 0)), in(""));
  CHECK(bytes.train.shape() == Shape{16, 6});
  CHECK(bytes.width == 3);
  CHECK(bytes.high <= Real(19) / 255);  // an image's bytes are scaled
  CHECK(bytes.train.are_bytes());
  const Dataset plain = load(folder.write("flat.idx", idx({20, 3}, std::string(60, '\7'))), in(""));
  CHECK(plain.train.are_bytes());
  CHECK(plain.low == 7);  // others' are not
  // Bytes in Fortran order: the first axis runs fastest.
  std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (10, 2), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  std::string fortran = std::string("\x93NUMPY\x01\x00", 8);
  fortran += {static_cast<char>(header.size() + 1), '\0'};
  fortran += header + '\n';
  for (int i = 0; i < 20; ++i) fortran += static_cast<char>(i);
  LoadOptions unsplit = in("");
  unsplit.whole_file = true;
  const Dataset turned = load(folder.write("fortran.npy", fortran), unsplit);
  CHECK(turned.train.are_bytes());
  CHECK(turned.train.range(3, 2) == Array{{3, 13}, {4, 14}});
  write_npy(folder / "rgb.npy", full({10, 4, 5, 3}, Real(0.5)));
  const Dataset rgb = load(folder / "rgb.npy", in(""));
  CHECK(rgb.train.shape() == Shape{8, 60});
  CHECK(rgb.height == 4);
  CHECK(rgb.width == 5);
  CHECK(rgb.channels == 3);
  write_npy(folder / "flat.npy", full({10, 784}, 1));
  CHECK(load(folder / "flat.npy", in("")).width == 28);
  Array bad = zeros({10, 3});
  bad(4, 1) = std::nanf("");
  write_npy(folder / "bad.npy", bad);
  CHECK(contains(error_of([&] { load(folder / "bad.npy", in("")); }),
                 "bad.npy: row 5, column 2 is nan"));
  write_npy(folder / "none.npy", zeros({0, 3}));
  CHECK(contains(error_of([&] { load(folder / "none.npy", in("")); }), "has no rows"));
  CHECK(contains(error_of([&] { load(folder.write("e.csv", ""), in("")); }), "e.csv: is empty"));
}

TEST_CASE("what is drawn: sizes, seeds, and splits that do not depend on each other") {
  LoadOptions options = in("");
  options.train_size = 300;
  options.valid_size = 20;
  options.test_size = 30;
  for (const std::string& name : dataset_names()) {
    if (contains(name, "mnist")) continue;
    CAPTURE(name);
    const Dataset data = load(name, options);
    const std::size_t columns = name == "glyphs" ? 784 : 2;
    CHECK(data.train.shape() == Shape{300, columns});
    CHECK(data.valid.shape() == Shape{20, columns});
    CHECK(data.test.shape() == Shape{30, columns});
    CHECK(data.train_labels.size() == 300);
    CHECK(data.is_image() == (name == "glyphs"));
    CHECK(data.origin == "drawn from seed 1");
    LoadOptions other = options;
    other.train_size = 10;
    CHECK(load(name, other).test.all() == data.test.all());
    other.seed = 2;
    CHECK(load(name, other).test.all() != data.test.all());
    CHECK(data.low < data.high);
  }
  Rng rng(1, stream_of(Purpose::glyphs, 0, 2));
  CHECK(draw_glyphs(30, rng).images.all() == load("glyphs", options).test.all());
}

TEST_CASE("binarisation: by threshold, once, and fresh each epoch") {
  Array x = zeros({600, 100});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<Real>(i % 5) / 4;
  const Array hard = binarize(x);
  CHECK(hard(0, 2) == 0);  // ½ is not above ½
  CHECK(hard(0, 3) == 1);
  const Array once = binarize_once(x, 1);
  CHECK(once == binarize_once(x, 1));
  CHECK(once != binarize_once(x, 2));
  std::vector<double> ones(5, 0);
  for (std::size_t i = 0; i < x.size(); ++i) ones[i % 5] += static_cast<double>(once.data()[i]);
  for (int k = 0; k < 5; ++k) {
    CHECK(ones[static_cast<std::size_t>(k)] / 12000 == doctest::Approx(k / 4.).epsilon(0.03));
  }
  CHECK(ones[0] == 0);
  CHECK(ones[4] == 12000);

  // An example has the same bits in whatever batch it stands, others in another epoch.
  const std::vector<std::size_t> rows{7, 500, 3}, others{3, 9};
  const Array a = binarize_fresh(take_rows(x, rows), rows, 1, 4);
  const Array b = binarize_fresh(take_rows(x, others), others, 1, 4);
  const Array c = binarize_fresh(take_rows(x, others), others, 1, 5);
  CHECK(take_rows(a, {2}) == take_rows(b, {0}));
  CHECK(take_rows(b, {0}) != take_rows(c, {0}));
  CHECK(take_rows(once, {3}) != take_rows(b, {0}));
  std::vector<std::size_t> every(600);
  for (std::size_t i = 0; i < 600; ++i) every[i] = i;
  CHECK(take_rows(binarize_fresh(x, every, 1, 4), rows) == a);  // and for any number of threads

  Array bad = zeros({3, 4});
  bad(1, 2) = Real(1.5);
  CHECK(error_of([&] { binarize_once(bad, 1); }) ==
        "binarize_once: 1.500000 in row 1, column 2 of (3, 4) is no probability");
  bad(1, 2) = std::nanf("");
  CHECK(contains(error_of([&] { binarize_fresh(bad, {0, 1, 2}, 1, 1); }), "in row 1, column 2"));
  CHECK(error_of([&] {
          binarize_fresh(bad, {0, 1}, 1, 1);
        }) == "binarize_fresh: 2 examples for a batch of shape (3, 4)");
  CHECK(contains(error_of([&] { binarize_fresh(bad, {0, 1, 2}, 1, 1u << 24); }), "too large"));
  CHECK(binarize_once(zeros({0, 4}), 1).shape() == Shape{0, 4});
}

TEST_CASE("standardising: mean 0, deviation 1, constants to 0, and back") {
  Array x = empty({1000, 3});
  for (std::size_t r = 0; r < 1000; ++r) {
    x(r, 0) = static_cast<Real>(r % 10);                     // mean 4.5, variance 8.25
    x(r, 1) = Real(0.1);                                     // constant, not exact in binary
    x(r, 2) = Real(10000) + static_cast<Real>(r % 2) / 128;  // a wide offset, deviation 1/256
  }
  const Standardizer s = Standardizer::fit(x);
  CHECK(s.mean(0) == doctest::Approx(4.5));
  CHECK(s.std_dev(0) == doctest::Approx(std::sqrt(8.25)));
  CHECK(s.std_dev(1) == 1);
  CHECK(s.std_dev(2) == doctest::Approx(1. / 256).epsilon(1e-3));
  CHECK(s.log_scale() == doctest::Approx(std::log(std::sqrt(8.25) / 256)).epsilon(1e-4));
  const Array z = s.apply(x);
  double sum = 0, square = 0;
  for (std::size_t r = 0; r < 1000; ++r) {
    sum += static_cast<double>(z(r, 0)) / 1000;
    square += static_cast<double>(z(r, 0)) * static_cast<double>(z(r, 0)) / 1000;
    CHECK(std::abs(z(r, 1)) < Real(1e-6));
  }
  CHECK(std::abs(sum) < 1e-5);
  CHECK(square == doctest::Approx(1).epsilon(1e-5));
  const Array back = s.invert(z);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(back.data()[i] == doctest::Approx(x.data()[i]).epsilon(1e-5));
  }
  // The mean of a column is rarely a Real: what is short of it counts where the deviation is small.
  Array narrow = empty({1000, 1});
  for (std::size_t r = 0; r < 1000; ++r) {
    narrow(r, 0) = 1 + static_cast<Real>((r * 37) % 101) * std::numeric_limits<Real>::epsilon();
  }
  const Standardizer of_narrow = Standardizer::fit(narrow);
  const Array standard = of_narrow.apply(narrow);
  double mean = 0;
  for (const Real number : standard) mean += static_cast<double>(number) / 1000;
  CHECK(std::abs(mean) < 1e-6);
  CHECK(of_narrow.invert(standard) == narrow);
  CHECK(error_of([&] {
          s.apply(zeros({2, 4}));
        }) == "Standardizer::apply: expected (rows, 3), got (2, 4)");
  CHECK(contains(error_of([&] { Standardizer::fit(zeros({0, 4})); }), "with a row or more"));
}
