#!/bin/sh
# What ./nabla says and does in odd circumstances, with every other command played by a stub:
# front_door.sh NABLA. Nothing is installed or built.
set -u
script=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0 failures=0
shell=$(command -v sh)

# A tree with two models, on a system of which each case says what it has.
begin() {  # CASE
  what=$1 spotless=yes cases=$((cases + 1))
  rm -rf "$scratch/tree" "$scratch/bin" "$scratch/os-release" "$scratch/calls"
  mkdir -p "$scratch/tree/models/vae" "$scratch/tree/models/rnade" "$scratch/bin" "$scratch/here"
  sed "s,/etc/os-release,$scratch/os-release,; s,/usr/bin/\([a-z$]\),$scratch/absent/\1,g" "$script" \
    >"$scratch/tree/nabla"
  printf "project('nabla', 'cpp',\n  version: '1.2.3',\n)\n" >"$scratch/tree/meson.build"
  : >"$scratch/tree/models/vae/train.cpp"
  echo '.with_data("moons")' >"$scratch/tree/models/rnade/train.cpp"
  for tool in awk basename cat date dirname env git grep mkdir printf readlink rm sed tr; do
    ln -s "$(command -v "$tool")" "$scratch/bin/$tool"
  done
  : >"$scratch/calls"
  stub id 'echo 0'
  for tool in c++ meson ninja pkg-config; do stub "$tool" ''; done
  unset CXX CONDA_PREFIX NABLA_BUILD NABLA_MESON_ARGS NABLA_SETUP NABLA_RUNS PKG_CONFIG
}

stub() {  # NAME COMMANDS
  rm -f "$scratch/bin/$1"
  printf '#!%s\necho "%s $*" >>"%s/calls"\n%s\n' "$shell" "$1" "$scratch" "$2" \
    >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}

# A Meson that misses some libraries, and says so as meson.build does.
missing() {
  stub meson "[ \"\$1\" != setup ] || { echo '../meson.build:9:2: ERROR: Problem encountered: missing libraries: $*. On Debian: apt install x   or: ./nabla setup'; exit 1; }"
}

# An apt that knows every package, and of which nothing is installed.
apt() {
  stub dpkg-query ''
  stub apt-cache ''
  stub apt-get "$1"
}

run() {
  (cd "$scratch/here" && PATH=$scratch/bin "$shell" "$scratch/tree/nabla" "$@") \
    >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
  status=$?
}

wrong() {
  echo "FAILED  $what: $*"
  sed 's/^/        /' "$scratch/stdout" "$scratch/stderr"
  [ -z "$spotless" ] || failures=$((failures + 1))
  spotless=
}

# The exit status, and standard error as one line (behind "installing …").
says() {  # STATUS TEXT
  [ "$status" = "$1" ] || wrong "exit status $status, not $1"
  text=$(grep -v '^installing ' "$scratch/stderr")
  [ "$text" = "$2" ] || wrong "expected '$2'"
}
prints() { [ "$(cat "$scratch/stdout")" = "$1" ] || wrong "expected '$1'"; }
called() { grep -q -e "$1" "$scratch/calls" || { wrong "did not call '$1'"; cat "$scratch/calls"; }; }
not_called() { ! grep -q -e "$1" "$scratch/calls" || wrong "called '$1'"; }

begin 'Fedora: only what is missing is named'
echo 'ID=fedora' >"$scratch/os-release"
missing xtensor xtensor-blas CLI11
run train vae --data glyphs
says 1 'nabla: missing: xtensor xtensor-blas CLI11. On Fedora, not tried: dnf install xtensor-devel cli11-devel. No package of Fedora is known for xtensor-blas.'

begin 'a relative of Fedora, quoted'
printf 'ID="rocky"\nID_LIKE="rhel centos fedora"\n' >"$scratch/os-release"
missing openblas
run build
says 1 'nabla: missing: openblas. On Fedora, not tried: dnf install openblas-devel openblas-openmp.'

begin 'Arch'
echo 'ID=arch' >"$scratch/os-release"
missing xtensor nlohmann_json
run train vae
says 1 'nabla: missing: xtensor nlohmann_json. On Arch, not tried: pacman -S nlohmann-json. From the AUR, not tried: xtensor.'

begin 'conda, whatever the system'
echo 'ID=fedora' >"$scratch/os-release"
missing openblas doctest
CONDA_PREFIX=/opt/conda
export CONDA_PREFIX
run train vae
says 1 "nabla: missing: openblas doctest. On conda-forge, not tried: conda install -c conda-forge openblas 'libopenblas=*=openmp*' doctest."

begin 'Debian without installing'
printf 'ID=debian\n' >"$scratch/os-release"
missing xsimd
apt 'exit 1'
NABLA_SETUP=skip
export NABLA_SETUP
run train vae
says 1 'nabla: missing: xsimd. On Debian: apt-get install libxsimd-dev.'
not_called apt-get

begin 'a system unknown, and one without /etc/os-release'
echo 'ID=plan9' >"$scratch/os-release"
missing zlib
run train vae
says 1 'nabla: missing: zlib; no packages are known for this system'
rm "$scratch/os-release"
run train vae
says 1 'nabla: missing: zlib; no packages are known for this system'

begin 'the build is tried where there is no apt, and says what else is wrong'
stub meson "[ \"\$1\" != setup ] || { echo 'ERROR: another'; exit 1; }"
run train vae
says 1 'ERROR: another
nabla: could not configure the build'

begin 'tests end with their line'
missing doctest
echo 'ID=fedora' >"$scratch/os-release"
run test
says 1 'nabla: missing: doctest. On Fedora, not tried: dnf install doctest-devel.'
prints '0 passed, 1 failed, 0 skipped'

for tool in meson ninja pkg-config; do
  begin "no $tool"
  echo 'ID=debian' >"$scratch/os-release"
  rm "$scratch/bin/$tool"
  run train vae
  package=$tool
  [ "$tool" != ninja ] || package=ninja-build
  says 1 "nabla: missing: $tool. On Debian: apt-get install $package."
done
begin 'no compiler'
echo 'ID=fedora' >"$scratch/os-release"
rm "$scratch/bin/c++"
run train vae
says 1 'nabla: missing: g++. On Fedora, not tried: dnf install gcc-c++.'

# A Meson whose configuration works, and a Ninja whose build is a program that says where it is.
working() {
  stub meson "[ \"\$1\" = setup ] || exit 0
    for folder; do build=\$source source=\$folder; done
    echo 'build tests/x: y' >\"\$build/build.ninja\"; mkdir -p \"\$build/models\"
    printf '#!%s\necho trained \"\$@\" in \"\${NABLA_RUNS:-runs}\"\n' '$shell' >\"\$build/models/train_vae\"
    chmod +x \"\$build/models/train_vae\"; cp \"\$build/models/train_vae\" \"\$build/models/train_rnade\""
  ln -sf "$(command -v cp)" "$scratch/bin/cp"
  ln -sf "$(command -v chmod)" "$scratch/bin/chmod"
}

begin 'a folder that cannot be written'
: >"$scratch/here/file"
NABLA_BUILD=file/build
export NABLA_BUILD
run train vae
says 1 "nabla: cannot write to $scratch/here/file/build: choose another folder with NABLA_BUILD=DIR"

begin 'NABLA_BUILD is relative to the folder one is in'
working
NABLA_BUILD='a build'
export NABLA_BUILD
run train vae --epochs 1
says 0 ''
prints "trained --epochs 1 in $scratch/tree/runs"
[ -f "$scratch/here/a build/build.ninja" ] || wrong 'built elsewhere'

begin 'runs are compared, after what is needed is built'
working
run compare runs/vae
called 'models/nabla_compare'
not_called dataset-fashion-mnist

begin 'the tree of another user'
working
stub git "echo \"fatal: detected dubious ownership in repository at 'x'
  git config --global --add safe.directory x\" >&2; exit 128"
run train vae
says 0 "nabla: $scratch/tree belongs to another user, so results will not name the commit: git config --global --add safe.directory $scratch/tree"

begin 'training asks for what it needs'
working
apt ''
run train vae
called 'apt-get .*install .*libxtensor-dev.* dataset-fashion-mnist$'
not_called 'doctest\|random123\|benchmark'
for arguments in 'vae --data glyphs' 'vae --data=glyphs' 'vae --resume x' 'vae --help' 'rnade'; do
  : >"$scratch/calls"
  # shellcheck disable=SC2086
  run train $arguments
  called 'apt-get .*install .*libpng-dev$'
  not_called dataset-fashion-mnist
done
: >"$scratch/calls"
run train rnade --data fashion-mnist
called dataset-fashion-mnist

begin 'tests ask for doctest too'
apt 'exit 100'
run test
called 'apt-get .*install .*doctest-dev'
prints '0 passed, 1 failed, 0 skipped'

# What is named where nothing can be installed: what the program needs and nobody has.
some="g++ meson ninja-build pkg-config libxtensor-dev libxtensor-blas-dev libxsimd-dev libopenblas-openmp-dev nlohmann-json3-dev libcli11-dev zlib1g-dev"
almost() {
  apt "$1"
  stub dpkg-query "for package in $some; do printf '%s:installed ' \$package; done"
}
named='as root, apt-get install libpng-dev (NABLA_SETUP=skip goes on without)'

begin 'packages missing, and no sudo'
almost ''
stub id 'echo 1000'
run train vae --data glyphs
says 1 "nabla: packages are missing, and there is no sudo: $named"

begin 'sudo refuses'
almost ''
stub id 'echo 1000'
stub sudo 'echo "sudo: a password is required" >&2; exit 1'
run train vae --data glyphs
says 1 "nabla: packages are missing, and sudo refuses: $named"
not_called '^apt-get'

begin 'no network'
almost 'case "$*" in
  *update*) echo "W: Failed to fetch http://deb/InRelease  Temporary failure resolving"; exit 0 ;;
  *) echo "E: Unable to locate package libpng-dev"; exit 100 ;;
esac'
run train vae --data glyphs
says 1 "nabla: apt could not install all, whose lists of packages it could not update (no network?): Unable to locate package libpng-dev: $named"

begin 'the words of the command itself'
run --version
prints 'nabla 1.2.3 (unknown)'
run list
prints 'rnade
vae'
run train
says 2 'nabla: train what? Models: rnade vae (see ./nabla help)'
run train ../x
says 2 'nabla: train: the model comes first. Models: rnade vae (see ./nabla help)'
run train .
says 2 "nabla: there is no model '.'. Models: rnade vae (see ./nabla help)"
run fly
says 2 "nabla: there is no command 'fly' (see ./nabla help)"

begin 'installed'
mv "$scratch/tree/nabla" "$scratch/installed"
rm -rf "$scratch/tree"
mkdir "$scratch/tree"
mv "$scratch/installed" "$scratch/tree/nabla"
for model in rnade vae; do
  printf '#!%s\necho "train_%s" "$@"\n' "$shell" "$model" >"$scratch/tree/train_$model"
  chmod +x "$scratch/tree/train_$model"
done
run train vae --data 'a b'
prints 'train_vae --data a b'
run list
prints 'rnade
vae'
printf '#!%s\necho compared "$@"\n' "$shell" >"$scratch/tree/nabla_compare"
chmod +x "$scratch/tree/nabla_compare"
run compare 'a run' b --samples 100
prints 'compared a run b --samples 100'
run --version
prints 'nabla --version'
run test
says 2 'nabla: test works in the source tree: ./nabla test (see nabla help)'
run bench
says 1 'nabla: no benchmarks in this build: configure it without -Dbench=disabled'

echo "$((cases - failures)) passed, $failures failed, 0 skipped"
[ "$failures" = 0 ]
