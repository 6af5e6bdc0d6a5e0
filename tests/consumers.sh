#!/bin/sh
# Installs what is built into a folder with a space in its name, and uses it as others would: the
# command, pkg-config, Meson (also as subproject), CMake; README's first program each time. In the
# end all is uninstalled. NABLA_SUBPROJECT=build builds the subproject too, which takes minutes;
# without it only its configuration is looked at.
# consumers.sh SOURCE BUILD PREFIX LIBDIR CXX...
set -eu
source=$1 build=$2 prefix=$3 libdir=$4
shift 4
CXX=$*
export CXX
language=-std=c++17  # not every compiler's default; what the flags of nabla say comes behind it
unset CXXFLAGS CPPFLAGS LDFLAGS NABLA_RUNS NABLA_DATA DESTDIR

skip() {
  echo "skipped: $*"
  exit 77
}
command -v pkg-config >/dev/null || skip 'there is no pkg-config'
grep -q '^prefix=${pcfiledir}' "$build/meson-private/nabla.pc" ||
  skip 'the build folder was configured with -Dpkgconfig.relocatable=false'
# Of several, the Meson that configured the build folder: it is refused to another.
meson=
for candidate in /usr/bin/meson "$(command -v meson)"; do
  grep -q "\"full\": \"$("$candidate" --version 2>/dev/null)\"" "$build/meson-info/meson-info.json" &&
    meson=$candidate && break
done
[ -n "$meson" ] || skip 'the Meson that configured the build folder is not on PATH'

scratch=$(mktemp -d)
log=$build/meson-logs/install-log.txt  # of an installation that is not ours to forget
[ ! -f "$log" ] || cp "$log" "$scratch/install-log.txt"
finish() {
  rm -f "$log"
  [ ! -f "$scratch/install-log.txt" ] || cp "$scratch/install-log.txt" "$log"
  rm -rf "$scratch"
}
trap finish EXIT

fail() {
  echo "FAILED  $*"
  exit 1
}
# Runs a command; what it prints is shown only if it fails.
quietly() {
  "$@" >"$scratch/log" 2>&1 || {
    cat "$scratch/log"
    fail "$*"
  }
}
promised=$(sed -n 's,.*// prints ,,p' "$source/tests/readme_example.cpp" | tr '\n' ' ')
prints_what_readme_says() {
  printed=$("$1" | tr '\n' ' ')
  [ "$printed" = "$promised" ] || fail "$1 printed '$printed', not '$promised'"
}
steps=0 skipped=0
step() {
  echo "== $*"
  steps=$((steps + 1))
}

step 'meson install'
staged="$scratch/a place"
quietly "$meson" install -C "$build" --no-rebuild --destdir "$staged"
installed=$staged$prefix
cd "$scratch"
PKG_CONFIG_PATH=$installed/$libdir/pkgconfig
export PKG_CONFIG_PATH

step 'the command'
nabla=$installed/bin/nabla
"$nabla" --version | grep '^nabla [0-9]*\.[0-9]*\.[0-9]* (.*)$' || fail 'nabla --version'
"$nabla" list | grep -q -x vae || fail 'nabla list'
mkdir work
(cd work && quietly "$nabla" train vae --data glyphs --train-size 100 --epochs 1 --hidden 10 \
  --test-samples 2 --quiet)
[ -s work/runs/vae/report.html ] || fail 'nabla train: no results in ./runs/vae'
for option in importance-samples sample-steps resume; do
  man=$installed/share/man/man1/nabla.1
  [ ! -f "$man" ] || grep -q "$(printf %s "--$option" | sed 's/-/\\\\-/g')" "$man" ||
    fail "nabla.1 does not know --$option"
done
! grep -e '^ *\\-' -e '^\[' "$man" || fail 'nabla.1 has an option outside its paragraph'
if command -v bash >/dev/null; then
  complete() {  # WORDS
    bash -c '. "$1/share/bash-completion/completions/nabla"; shift
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _nabla "$1"; echo "${COMPREPLY[*]}"' \
      bash "$installed" "$nabla" "$@"
  }
  [ "$(complete tr)" = train ] || fail "completion of tr: $(complete tr)"
  [ "$(complete train va)" = vae ] || fail "completion of train va: $(complete train va)"
  [ "$(complete train vae --imp)" = --importance-samples ] || fail 'completion of --imp'
  [ "$(complete train vae --schedule co)" = 'constant cosine' ] || fail 'completion of --schedule co'
fi

step 'pkg-config'
flags=$(pkg-config --cflags nabla)
libraries=$(pkg-config --libs nabla)
# Flags are quoted for a shell, as the folder's name needs.
eval "quietly $CXX $language -O1 -Wall -Wextra -Werror '$source/tests/readme_example.cpp' $flags $libraries -o plain"
prints_what_readme_says ./plain
case $flags in *-W*) fail "warnings are the consumer's business: $flags" ;; esac

step 'other flags than the library was built with'
echo '#include "autograd/array.hpp"
static_assert(sizeof(NABLA_VERSION) > 5 && NABLA_VERSION_MAJOR >= 0);
int main() { return static_cast<int>(nabla::zeros({0}).size()); }' >array.cpp
compiles() { eval "$CXX $language -fsyntax-only array.cpp $*" >"$scratch/log" 2>&1; }
refused() {  # REMEDY FLAGS: one error, and it names the remedy
  words=$1
  shift
  ! compiles "$@" || fail "compiled with $*"
  [ "$(grep -c 'error:' "$scratch/log")" = 1 ] && grep -q "$words" "$scratch/log" || {
    cat "$scratch/log"
    fail "$*"
  }
}
headers="'-I$installed/include/nabla' -std=c++20"
compiles "$flags" || fail 'array.cpp'
remedy='pkg-config --cflags nabla'
if [ "$(uname -m)" = x86_64 ]; then
  # What the registers of plain x86-64 and of AVX-512 have room for; one of the two is not it.
  for other in x86-64 skylake-avx512; do
    if compiles "$headers -march=$other"; then accepted=$other; else refused "$remedy" "$headers -march=$other"; fi
  done
  [ "${accepted:-}" != skylake-avx512 ] || refused "$remedy" "$headers"
fi
arrays=xtensor/xarray.hpp
echo '#include <xtensor/containers/xarray.hpp>' >moved.cpp
! eval "$CXX $language -E moved.cpp $flags" >/dev/null 2>&1 || arrays=xtensor/containers/xarray.hpp
refused "$remedy" "$flags -include $arrays"
mkdir -p other/autograd
sed 's/xtensor_minor = /xtensor_minor = 1/' "$installed/include/nabla/autograd/config.hpp" \
  >other/autograd/config.hpp
refused 'another version of xtensor' "-Iother $flags"
if pkg-config --exists nabla64; then
  flags64=$(pkg-config --cflags nabla64)
  compiles "$flags64" || fail 'array.cpp with nabla64'
  refused "$remedy" "$flags64 -DXTENSOR_USE_XSIMD"
  echo '#include "autograd/gradcheck.hpp"
#include "autograd/ops.hpp"
using namespace nabla;
int main() {
  static_assert(sizeof(Real) == 8);
  return std::abs(sum(exp(Tensor(zeros({3})))).item() - 3) < 1e-15 ? 0 : 1;
}' >double.cpp
  eval "quietly $CXX $language double.cpp $flags64 $(pkg-config --libs nabla64) -o double"
  ./double || fail 'nabla64'
  # The flags of one library and the archive of the other.
  ! eval "$CXX $language double.cpp $flags64 $libraries -o mixed" >/dev/null 2>&1 || fail 'double linked with nabla'
fi

step 'Meson, installed'
mkdir with_meson
cp "$source/tests/readme_example.cpp" with_meson/example.cpp
cat >with_meson/meson.build <<'END'
project('example', 'cpp', default_options: ['cpp_std=c++17', 'warning_level=3', 'werror=true'])
executable('example', 'example.cpp', dependencies: dependency('nabla'))
END
quietly "$meson" setup with_meson/build with_meson
quietly "$meson" compile -C with_meson/build
prints_what_readme_says with_meson/build/example

step 'Meson, as subproject'
mkdir with_meson/subprojects
ln -s "$source" with_meson/subprojects/nabla
(unset PKG_CONFIG_PATH && quietly "$meson" setup with_meson/sub with_meson --force-fallback-for nabla)
commands=with_meson/sub/compile_commands.json
grep '"command".*libnabla[a-z_]*\.a\.p' $commands >engine || fail 'no library in the subproject'
! grep -v -e '-O[13] .*-DNDEBUG\|-DNDEBUG .*-O[13] ' engine || fail 'not optimised as subproject'
! grep -e '-O0' engine || fail '-O0 as subproject'
grep -q -e '-O3 .*autograd/conv' engine || fail 'no -O3 as subproject'
! grep -q NABLA_DOUBLE $commands || fail 'the library in double as subproject'
if [ "${NABLA_SUBPROJECT:-}" = build ]; then
  quietly "$meson" compile -C with_meson/sub
  prints_what_readme_says with_meson/sub/example
fi

if command -v cmake >/dev/null && cmake --version >/dev/null 2>&1; then
  step 'CMake'
  mkdir with_cmake
  cp "$source/tests/readme_example.cpp" with_cmake/example.cpp
  cat >with_cmake/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(example CXX)
add_executable(example example.cpp)
if(BY_PACKAGE)
  find_package(nabla 0.1 REQUIRED)
  target_link_libraries(example nabla::nabla)
else()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(NABLA REQUIRED IMPORTED_TARGET nabla)
  target_link_libraries(example PkgConfig::NABLA)
  target_compile_features(example PRIVATE cxx_std_17)
endif()
END
  quietly cmake -S with_cmake -B by_pkg_config
  quietly cmake --build by_pkg_config
  prints_what_readme_says by_pkg_config/example
  (unset PKG_CONFIG_PATH
    quietly cmake -S with_cmake -B by_package -DBY_PACKAGE=ON "-DCMAKE_PREFIX_PATH=$installed")
  quietly cmake --build by_package
  prints_what_readme_says by_package/example
  sed -i 's/nabla 0.1/nabla 7/' with_cmake/CMakeLists.txt
  ! cmake -S with_cmake -B too_old -DBY_PACKAGE=ON "-DCMAKE_PREFIX_PATH=$installed" >/dev/null 2>&1 ||
    fail 'version 7 was found'
else
  skipped=1
fi

step 'uninstall'
(cd "$build" && quietly "$meson" --internal uninstall)
left=$([ ! -e "$staged" ] || find "$staged" -mindepth 1)
[ -z "$left" ] || fail "left behind: $left"
echo "$steps passed, 0 failed, $skipped skipped"
