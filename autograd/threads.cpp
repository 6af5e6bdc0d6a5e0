#include "autograd/threads.hpp"

#include <omp.h>
#include <stdexcept>
#include <string>

#include "autograd/kernels/gemm.hpp"

namespace nabla {

void set_threads(int count) {
  if (count < 1) throw std::invalid_argument("threads: " + std::to_string(count) + " is below 1");
  omp_set_num_threads(count);
  detail::keep_openblas_alone();  // whatever the program has told it since
}

int threads() {
  return omp_get_max_threads();
}

}  // namespace nabla
