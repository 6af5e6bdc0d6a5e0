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
# train_vae is called as "train vae", nabla_compare as "compare".
spoken() {
  case $1 in
    train_*) echo "train ${1#train_}" ;;
    *) echo "${1#nabla_}" ;;
  esac
}
# A text of --help begins in column 35, on the next line where its flag is too long. What stands
# before differs by the version of CLI11.
section() {
  "$1" --help | awk -v name="$(spoken "${1##*/}")" '
    function plain(text) {
      gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text)
      return text ~ /^[.\047]/ ? "\\&" text : text
    }
    NR == 1 { print ".SH nabla " name; print plain($0); next }
    /^ *$/ || /\[OPTIONS\]$/ { next }
    /^[^ ].*:$/ { print ".SS " plain($0); next }
    /^ +-/ && match($0, /-/) && RSTART < 34 {
      beside = !/  $/ && length($0) > 34 && substr($0, 34, 1) == " "
      flag = beside ? substr($0, 1, 33) : $0
      gsub(/^ +| +$/, "", flag); gsub(/, +/, ", ", flag)
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
"$1" --help | awk -v RS= '{ last = $0 } END { print last }' | plain
echo '.fi'
