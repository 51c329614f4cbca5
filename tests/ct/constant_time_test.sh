#!/usr/bin/env bash
# No branch and no address of ours depends on a secret; and valgrind reports each deliberate leak, so it would tell.
# usage: constant_time_test.sh VALGRIND PROGRAM
set -u
valgrind=$1 program=$2
reported=99
watch() { "$valgrind" --quiet --error-exitcode=$reported --leak-check=no --num-callers=20 "$program" "$@" 2>&1; }

failed=0
for leak in branch address comparison derived-key; do
    output=$(watch "$leak")
    status=$?
    if [ $status != $reported ] || ! grep -qE 'depends on uninitialised|Use of uninitialised' <<<"$output"; then
        printf 'the deliberate leak "%s" went unnoticed (exit status %s):\n%s\n' "$leak" $status "$output"
        failed=1
    fi
done
watch || { printf 'exit status %s\n' $?; failed=1; }
exit $failed
