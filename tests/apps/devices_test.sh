#!/usr/bin/env bash
# Two devices of one person: both ring, one answers, the other stops; one is given up and rings no more. The broker is a directory. usage: devices_test.sh SOTTO
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
joins stray
certificate=$(as alice device add "$key" 2>/dev/null) || fail "alice certifies nothing"
echo "$certificate" >&$pipe; exec {pipe}>&-
wait $joining && fail "a device becomes alice's by the name of bob"
grep -q 'somebody else than the broker knows as bob' "$work/stray.join" || fail "it does not say why: $(cat "$work/stray.join")"
[ -e "$work/stray" ] || [ -e "$work/thief" ] || [ -e "$work/nobody" ] && fail "a device that did not join keeps something"

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

# The second is given up; a third that joins afterwards is in the list that says so.
gone=$(as bob device list | grep -v 'this one')
first=$(as bob device list | grep -o '^[0-9a-f]* this one' | cut -d' ' -f1)
[ ${#first}${#gone} = 6464 ] || fail "bob's devices are not told: $(as bob device list)"
as second device list >"$work/out" 2>&1 && fail "a device that joined claims to know all"
as second device remove "$first" >"$work/out" 2>&1 && fail "a device that joined gives the first one up"
as bob device remove "$first" >"$work/out" 2>&1 && fail "a device gives itself up"
as bob device remove "$(printf '5%.0s' $(seq 64))" >"$work/out" 2>&1 && fail "a device that is none is given up"
"$sotto" answer "${media[@]}" --yes --seconds 1 --state "$work/second" </dev/null >"$work/second.events" 2>"$work/second.err" &
second=$!  # before it is given up
until_says "$work/second.events" '"event":"waiting"'
as bob device remove "$gone" >"$work/out" 2>&1 || fail "bob cannot give his second device up: $(cat "$work/out")"
grep -q 'does not ring it' "$work/out" && grep -q 'sotto broker add bob --anew' "$work/out" ||
    fail "it does not say what that means: $(cat "$work/out")"
as bob device remove "$gone" >"$work/out" 2>&1 && fail "a device is given up twice"
joins third
certificate=$(as bob device add "$key" 2>"$work/out") || fail "bob certifies no third device: $(cat "$work/out")"
echo "$certificate" >&$pipe; exec {pipe}>&-
wait $joining || fail "bob's third device does not join: $(cat "$work/third.join")"
as third contacts add alice >"$work/out" 2>&1 && as third contacts direct alice on >/dev/null ||
    fail "the third device does not find alice: $(cat "$work/out")"
for who in bob third; do
    "$sotto" answer "${media[@]}" --yes --seconds 1 --state "$work/$who" </dev/null >"$work/$who.events" 2>"$work/$who.err" &
    eval "$who=\$!"
    until_says "$work/$who.events" '"event":"waiting"'
done
"$sotto" call bob "${media[@]}" --seconds 1 --state "$work/alice" </dev/null >"$work/alice.events" 2>"$work/alice.err" ||
    fail "the call does not end well: $(cat "$work/alice.err")"
for who in bob third; do until_says "$work/$who.events" '"event":"ringing"'; done
kill -INT $bob $second $third 2>/dev/null; wait $bob $second $third
grep -q '"event":"ringing"' "$work/second.events" && fail "a device that was given up rings"
grep '"event":"device_removed"' "$work/alice.events" | grep -q "$gone" || fail "alice is not told: $(cat "$work/alice.events")"

# What was given up says so when it starts again, by every command that needs the broker, and keeps what it has.
is_given_up() {
    as second "$@" >"$work/out" 2>"$work/err"
    local code=$?
    [ $code = 3 ] && grep -q 'neither rings nor calls' "$work/err" && grep -q "sotto device add $gone on" "$work/err" ||
        fail "given up, '$*' ends with $code and says: $(cat "$work/out" "$work/err")"
}
is_given_up answer --direct --audio none --video none
is_given_up call alice --direct --audio none --video none
is_given_up contacts add alice
is_given_up register bob "${broker[@]}"
as second answer "${media[@]}" >"$work/out" 2>&1 && fail "given up, it answers"
grep -q '"event":"given_up"' "$work/out" || fail "a program is not told: $(cat "$work/out")"
grep -q '"event":"waiting"' "$work/out" && fail "given up, it waits for calls"
as second contacts | grep -q alice || fail "a device that was given up has lost its contacts"
mv "$work/post/bundle/bob/$first" "$work/kept"  # a broker that keeps the list back from now on
is_given_up contacts add alice
mv "$work/kept" "$work/post/bundle/bob/$first"

# A list that leaves a device out and that bob did not sign gives nobody up.
published="$work/post/bundle/bob/$first"
at=$((1485 + 38))
[ "$(tail -c +$((at + 1)) "$published" | head -c 32 | od -An -v -tx1 | tr -d ' \n')" = "$first" ] || at=$((at + 96))
cp "$published" "$work/kept"
{ head -c $((1485 + 33)) "$work/kept"; printf '\0\0\0\143\1'; tail -c +$((at + 1)) "$work/kept" | head -c 96
  tail -c 64 "$work/kept"; } >"$published"
[ "$(wc -c <"$published")" = $((1485 + 38 + 96 + 64)) ] || fail "the list is not the one that is meant"
as third contacts add alice >"$work/out" 2>&1 || fail "a broker gives a device up: $(cat "$work/out")"
cp "$work/kept" "$published"

as bob device add "$gone" >"$work/out" 2>&1 || fail "bob does not take his second device back: $(cat "$work/out")"
as second contacts add alice >"$work/out" 2>&1 || fail "taken back, it is not told: $(cat "$work/out")"

# One that is given up while it waits learns it when its prekeys are a day old, and publishes none.
due_in 5 second
"$sotto" answer "${media[@]}" --state "$work/second" </dev/null >"$work/second.events" 2>"$work/second.err" &
second=$!
until_says "$work/second.events" '"event":"waiting"'
kill -STOP $second
rm "$work/post/bundle/bob/$gone"
as bob device remove "$gone" >"$work/out" 2>&1 || fail "bob cannot give his second device up again: $(cat "$work/out")"
kill -CONT $second
until_says "$work/second.events" '"event":"given_up"'
wait $second
[ $? = 3 ] || fail "given up while it waits, it ends otherwise: $(cat "$work/second.err")"
[ -e "$work/post/bundle/bob/$gone" ] && fail "given up, it publishes prekeys"
echo "both devices rang, and one answered; one that was given up rang no more, and says so"
