#!/bin/sh
# The table's entries against PyTorch and SciPy. Skips, with its reason, where these are missing.
# peer.sh WRITE_TABLE TORCH_TABLE.py
set -eu
write_table=$1 torch_table=$2

missing='there is no python3'
python=
for candidate in python3 /usr/bin/python3; do
  command -v "$candidate" >/dev/null || continue
  if missing=$("$candidate" -c '
for name in "numpy", "torch", "scipy":
    try:
        __import__(name)
    except ImportError:
        print(f"{name} is not installed for python3")
        raise SystemExit(1)' 2>/dev/null); then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || {
  echo "skipped: ${missing:-python3 cannot import numpy, torch and scipy}"
  exit 77
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$write_table" "$scratch"
"$python" -B "$torch_table" "$scratch"  # -B: nothing is written beside it
