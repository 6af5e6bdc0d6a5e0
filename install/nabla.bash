# Completion for bash: commands, models, and the options and words that a program's --help lists.

_nabla() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local nabla home program help='' words=''
  nabla=$(type -P -- "$1") || return
  home=$(dirname -- "$(readlink -f -- "$nabla")")
  case $COMP_CWORD:${COMP_WORDS[1]} in
    1:*) words="$("$nabla" help | sed -n 's|^  \(\./\)\{0,1\}nabla \([a-z-]*\).*|\2|p')" ;;
    2:train) words=$("$nabla" list) ;;
    2:bench)
      for program in "$home"/bench_* "$home"/bench/*.cpp; do  # installed, or the sources
        [ ! -f "$program" ] || words+=" $(basename "${program##*/bench_}" .cpp)"
      done
      ;;
    *:train | *:compare)
      for program in "$home" "$home/build/models"; do
        [[ ${COMP_WORDS[1]} == train ]] && program+=/train_${COMP_WORDS[2]} || program+=/nabla_compare
        [ ! -x "$program" ] || help=$("$program" --help)
      done
      case $word in
        -*) words=$(grep -o -- '^  .*--[a-z-]*' <<<"$help" | grep -o -- '--[a-z-]*') ;;
        *)  # "--activation relu|tanh=relu"
          words=$(sed -n "s/^ *$before \([a-z0-9]*|[^= ]*\).*/\1/p" <<<"$help" | tr '|' ' ') ;;
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _nabla nabla
