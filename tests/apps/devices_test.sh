#!/usr/bin/env bash
# Two devices of one person: both ring, one answers, the other stops. The broker is a directory. usage: devices_test.sh SOTTO
set -u
sotto=$1
fail() { printf 'FAILED: %s\n' "$*"; exit 1; }
source "$(dirname "${BASH_SOURCE[0]}")/people.sh"
mkdir "$work/post"
broker=(--broker "dir:$work/post")
# joins STATE: asks to be a device of Bob's; what it is told comes by its pipe, and what it says is in $work/STATE.join.
joins() {
    mkfifo "$work/$1.pipe"
    "$sotto" register bob "${broker[@]}" --join --state "$work/$1" <"$work/$1.pipe" >"$work/$1.join" 2>&1 &
    joining=$!
    exec {pipe}>"$work/$1.pipe"
    until_says "$work/$1.join" 'sotto device add [0-9a-f]'
    key=$(grep -o 'add [0-9a-f]*' "$work/$1.join" | cut -c5-)
}

for who in alice bob; do
    as $who register $who "${broker[@]}" >"$work/out" 2>&1 || fail "$who does not register: $(cat "$work/out")"
done
identity=$(grep '^Identity' "$work/out")

# By a certificate of another device's, or none, nobody joins, and nothing is kept.
joins thief
as bob device add "$(printf '5%.0s' $(seq 64))" >"$work/out" 2>&1 && fail "a key that is none is certified"
echo 00 >&$pipe; exec {pipe}>&-
wait $joining && fail "a device joins without a certificate"
joins nobody
exec {pipe}>&-
wait $joining && fail "a device joins by no word at all"
grep -q 'that is no certificate' "$work/nobody.join" || fail "an empty line is not told: $(cat "$work/nobody.join")"
[ -e "$work/thief" ] || [ -e "$work/nobody" ] && fail "a device that did not join keeps something"

joins second
certificate=$(as bob device add "$key" 2>"$work/out") || fail "bob certifies nothing: $(cat "$work/out")"
echo "$certificate" >&$pipe; exec {pipe}>&-
wait $joining || fail "bob's second device does not join: $(cat "$work/second.join")"
[ "$(grep '^Identity' "$work/second.join")" = "$identity" ] || fail "the second device is somebody else's"
as second device add "$key" >"$work/out" 2>&1 && fail "a device that joined lets others in"
grep -q 'only the one that bob registered first' "$work/out" || fail "it does not say who may: $(cat "$work/out")"
as second register bob "${broker[@]}" --join >"$work/out" 2>&1 && fail "a device joins twice"

# Each of Bob's devices lets Alice ring; she knows one Bob.
for who in bob second; do as $who contacts add alice >"$work/out" 2>&1 || fail "$who does not find alice"; done
as alice contacts add bob >"$work/out" 2>&1 || fail "alice does not find bob: $(cat "$work/out")"
grep -q 'several people' "$work/out" && fail "two devices are two people: $(cat "$work/out")"
for who in bob second; do as $who contacts direct alice on >/dev/null || fail "$who chooses no direct path"; done
as alice contacts direct bob on >/dev/null || fail "alice chooses no direct path"

media=(--bind 127.0.0.1 --video none --audio test --json)
for who in bob second; do
    mkfifo "$work/$who.says"
    "$sotto" answer "${media[@]}" --seconds 2 --state "$work/$who" <"$work/$who.says" >"$work/$who.events" 2>"$work/$who.err" &
    eval "$who=\$!"
    exec {says}>"$work/$who.says"
    eval "tell_$who=\$says"
    until_says "$work/$who.events" '"event":"waiting"'
done
"$sotto" call bob "${media[@]}" --seconds 2 --state "$work/alice" </dev/null >"$work/alice.events" 2>"$work/alice.err" &
calling=$!
for who in bob second; do until_says "$work/$who.events" '"event":"ringing"'; done
echo y >&$tell_second
wait $calling || fail "the call does not end well: $(cat "$work/alice.err" "$work/second.err")"
wait $second || fail "the device that answered does not end well: $(cat "$work/second.err")"
for who in alice second; do grep -q '"event":"heard"' "$work/$who.events" || fail "$who heard nothing"; done
kill -INT $bob; wait $bob
grep -q '"event":"active"' "$work/bob.events" && fail "both devices have the call"
grep -q 'another device' "$work/bob.events" "$work/bob.err" || fail "the other device is not told: $(cat "$work/bob.events" "$work/bob.err")"
echo "both devices rang, and one answered"
