#!/usr/bin/env bash
# slurm/words.sh - reads options of isogloss as isogloss does: from words, and from the file that
# --config names.

# option NAME [words]: its value, or nothing.
option() {
    local name=$1 value='' config=''
    shift
    while [[ $# -gt 0 ]]; do
        case $1 in
            "--$name="*) value=${1#*=} ;;
            "--$name") value=${2:-} ;;
            --config=*) config=${1#*=} ;;
            --config) config=${2:-} ;;
        esac
        shift
    done
    if [[ -z $value && -f $config ]]; then
        value=$(sed -n "s/^ *$name *= *\([^#]*\).*/\1/p" "$config" | sed 's/ *$//' | head -n 1)
    fi
    echo "$value"
}

# languages_of_probe [words]: what `group probe` with these words would probe, with commas between.
languages_of_probe() {
    local languages corpus
    languages=$(option languages "$@")
    corpus=$(option corpus "$@")
    if [[ -z $languages && -f $corpus/corpus.json ]]; then
        languages=$(sed -n 's/^ *"tag": "\([^"]*\)".*/\1/p' "$corpus/corpus.json" | paste -sd,)
    fi
    echo "$languages"
}
