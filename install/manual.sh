#!/bin/sh
# nabla.1, made of what the command and its programs say of themselves: manual.sh NABLA PROGRAM...
set -eu
LC_ALL=C
export LC_ALL
nabla=$1
shift

# Alone in a folder it speaks as it does where it is installed.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$nabla" "$folder/nabla"

plain() { sed "s/\\\\/\\\\e/g; s/-/\\\\-/g; s/^[.']/\\\\\&&/"; }
# A text of --help begins in column 35, on the next line where its flag is too long.
section() {
  "$1" --help | awk -v name="${1##*/train_}" '
    function plain(text) {
      gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text)
      return text ~ /^[.\047]/ ? "\\&" text : text
    }
    NR == 1 { print ".SH nabla train " name; print plain($0); next }
    /^ *$/ || /^Usage:/ { next }
    /^[^ ].*:$/ { print ".SS " plain($0); next }
    /^  -/ {
      beside = length($0) > 34 && substr($0, 34, 1) == " "
      flag = beside ? substr($0, 3, 31) : substr($0, 3)
      sub(/ *$/, "", flag)
      print ".TP"; print "\\fB" plain(flag) "\\fR"
      if (beside) print plain(substr($0, 35))
      next
    }
    /^   / { sub(/^ +/, ""); print plain($0) }'
}

echo '.TH NABLA 1'
echo '.SH NAME'
echo 'nabla \- train generative models, on a small automatic differentiation engine'
echo '.SH SYNOPSIS'
echo '.nf'
sh "$folder/nabla" help | sed '1,/^$/d' | plain
echo '.fi'
for program; do section "$program"; done
echo '.SH RESULTS'
echo '.nf'
"$1" --help | sed '1,/^Options of this model:/d; 1,/^$/d' | plain
echo '.fi'
