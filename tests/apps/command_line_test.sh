#!/usr/bin/env bash
# The command line as its users meet it: errors in one line with exit code 2, consent, hanging up, JSON.
# usage: command_line_test.sh SOTTO
set -u
sotto=$1
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
failures=0
fail() { printf 'FAILED: %s\n' "$*"; failures=$((failures + 1)); }

# What the user of this machine has registered is no part of this.
export XDG_DATA_HOME=$work/data

# unusable WHAT_IT_SAYS ARGUMENTS...: exit code 2 and one line on standard error that says it.
unusable() {
    local expected=$1 said code; shift
    said=$("$sotto" "$@" 2>&1 >/dev/null </dev/null); code=$?
    [ $code = 2 ] || fail "sotto $*: exit code $code, not 2"
    [ "$(wc -l <<<"$said")" = 1 ] || fail "sotto $*: not one line: $said"
    grep -qF -- "$expected" <<<"$said" || fail "sotto $*: '$said' does not say '$expected'"
}
printf 'no media in here\n' >"$work/text"
unusable 'no-such-file.mp4' call --direct --video "$work/no-such-file.mp4"
unusable 'no-such-file.wav' call --direct --audio "$work/no-such-file.wav"
unusable "$work/text" call --direct --video "$work/text"
unusable '/dev/video99' answer --direct --video v4l2:/dev/video99
unusable 'no-such-card' answer --direct --audio alsa:no-such-card
unusable 'WIDTHxHEIGHT' call --size 640
unusable '64 hexadecimal digits' call --peer abc
unusable 'unix:PATH or tcp:HOST:PORT or via:HOST:PORT' call --direct --signal pigeon
unusable '64 hexadecimal digits' answer --direct --block abc
unusable 'nobody answers' answer --direct --signal via:127.0.0.1:1
unusable 'nobody answers' call --direct --signal "unix:$work/nobody"
unusable '/no/such/folder' call --direct --record /no/such/folder/call.webm --signal "unix:$work/nobody"
unusable '/no/such/folder' call --direct --log /no/such/folder/log --signal "unix:$work/nobody"
unusable 'holds no identity' call --identity "$work/text"
unusable 'address' call --direct --bind not-an-address
unusable 'give --relay, or --direct' call
unusable 'give --relay, or --direct' answer
unusable 'turn:HOST:PORT' call --relay stun:127.0.0.1
unusable '--relay-user' call --relay turn:127.0.0.1:3478
unusable 'no-such-password' call --relay turn:127.0.0.1:3478 --relay-user bob --relay-password-file "$work/no-such-password"
unusable 'in words, or in a file' call --relay turn:127.0.0.1:3478 --relay-secret abc --relay-secret-file "$work/text"
unusable 'no-such-secret' register bob --broker "dir:$work" --relay turn:127.0.0.1:3478 --relay-secret-file "$work/no-such-secret"
"$sotto" call --no-such-option >/dev/null 2>&1
[ $? = 2 ] || fail "an unknown option is not exit code 2"

unusable "cannot listen at unix:$work/text" answer --direct --signal "unix:$work/text"
[ -s "$work/text" ] || fail "a file that is no socket was deleted"

synthetic=(--direct --bind 127.0.0.1 --video test --audio test)

# Accepted, then Ctrl-C at the caller as soon as the call is active: both end well.
"$sotto" answer "${synthetic[@]}" --signal "unix:$work/call" --yes --json --identity "$work/bob" \
    --record "$work/heard.webm" --log "$work/log" \
    >"$work/callee" 2>"$work/callee.err" </dev/null &
callee=$!
mkfifo "$work/events"
"$sotto" call "${synthetic[@]}" --signal "unix:$work/call" --json >"$work/events" 2>"$work/caller.err" </dev/null &
caller=$!
while IFS= read -r event; do
    printf '%s\n' "$event" >>"$work/caller"
    [[ $event == *'"event":"live"'* ]] && kill -INT $caller
done <"$work/events"
wait $caller || fail "the caller's exit code after Ctrl-C: $? ($(cat "$work/caller.err"))"
wait $callee || fail "the callee's exit code: $? ($(cat "$work/callee.err"))"
for side in caller callee; do
    for event in active short_auth live ended; do
        grep -q "\"event\":\"$event\"" "$work/$side" || fail "the $side's JSON has no event '$event'"
    done
    grep -q '"reason":"hung up"' "$work/$side" || fail "the $side does not say that the call was hung up"
done
number() { grep -o '"safety_number":"[^"]*"' "$1" | head -n 1; }
[ -n "$(number "$work/caller")" ] && [ "$(number "$work/caller")" = "$(number "$work/callee")" ] ||
    fail "the safety numbers differ"
symbols() { grep -o '"short_auth":\[[^]]*\]' "$1" | head -n 1; }
[ -n "$(symbols "$work/caller")" ] && [ "$(symbols "$work/caller")" = "$(symbols "$work/callee")" ] ||
    fail "the short authentication strings differ"
for file in bob heard.webm log; do
    [ "$(stat -c %a "$work/$file")" = 600 ] || fail "others may read $file"
done
chmod 640 "$work/bob"
unusable 'chmod 600 it' answer --direct --signal "unix:$work/call" --identity "$work/bob"
chmod 600 "$work/bob"

# An identity that can't be written leaves nothing behind, and those who make one at once have the same.
(trap '' XFSZ; ulimit -f 0; unusable 'cannot write the identity' answer --signal "unix:$work/nobody" --identity "$work/none"
    exit $failures) ||
    fail "an identity that can't be written"
[ -z "$(ls "$work"/none* 2>/dev/null)" ] || fail "a part of an identity is left: $(ls "$work"/none*)"
waiting=()
for i in 1 2 3 4 5 6; do
    "$sotto" answer "${synthetic[@]}" --signal "unix:$work/at$i" --identity "$work/one" --json \
        >"$work/at$i.events" 2>"$work/at$i.err" </dev/null &
    waiting+=($!)
done
for i in 1 2 3 4 5 6; do
    for _ in $(seq 600); do [ -s "$work/at$i.events" ] || [ -s "$work/at$i.err" ] && break; sleep 0.05; done
done
kill -INT "${waiting[@]}"
wait "${waiting[@]}"
[ "$(cat "$work"/at?.events | grep -o '"identity":"[^"]*"' | sort | uniq -c | awk '{print $1}')" = 6 ] ||
    fail "six programs have several identities: $(cat "$work"/at?.events "$work"/at?.err)"

# Over TCP, only for the expected caller, declined at the keyboard; the identity is the same as before.
identity=$(grep -o '"identity":"[^"]*"' "$work/callee" | cut -d'"' -f4)
port=$((20000 + $$ % 20000))
"$sotto" answer "${synthetic[@]}" --signal "tcp:127.0.0.1:$port" --identity "$work/bob" <<<n >/dev/null 2>"$work/ring" &
callee=$!
"$sotto" call "${synthetic[@]}" --signal "tcp:127.0.0.1:$port" --peer "$identity" >/dev/null 2>"$work/caller.err" </dev/null
[ $? = 1 ] || fail "a declined call is not exit code 1"
grep -q 'declined' "$work/caller.err" || fail "the caller does not learn that it was declined: $(cat "$work/caller.err")"
wait $callee
grep -q 'Safety number' "$work/ring" || fail "the ringing side is not shown the safety number"

# Whoever waits for a call can be interrupted, before and after somebody connected.
"$sotto" answer "${synthetic[@]}" --signal "unix:$work/wait" --json </dev/null >"$work/events" 2>"$work/waiting.err" &
waiting=$!
read -r _ <"$work/events"  # it waits now
kill -INT $waiting
wait $waiting
[ $? = 130 ] && [ ! -s "$work/waiting.err" ] || fail "interrupting a waiting answer: $(cat "$work/waiting.err")"

# Sound from a device, by FFmpeg's ALSA input: the PCM "null" gives silence without hardware where ALSA defines it.
if [ -e "${ALSA_CONFIG_PATH:-/usr/share/alsa/alsa.conf}" ]; then
    "$sotto" answer --direct --bind 127.0.0.1 --video none --audio test --signal "unix:$work/device" --yes --json \
        >"$work/callee" 2>"$work/callee.err" </dev/null &
    callee=$!
    "$sotto" call --direct --bind 127.0.0.1 --video none --audio alsa:null --signal "unix:$work/device" --seconds 1 \
        >/dev/null 2>"$work/caller.err" </dev/null ||
        { fail "a call with sound from ALSA: $? ($(cat "$work/caller.err"))"; kill $callee 2>/dev/null; }
    wait $callee || fail "the exit code of who hears sound from ALSA: $? ($(cat "$work/callee.err"))"
    grep -q '"audio_received":{[^}]*"blocks_played":[1-9]' "$work/callee" || fail "no sound from ALSA was heard"
else
    echo "skipped: sound from ALSA, which is not configured here"
fi

# Somebody else than expected does not ring, and is told nothing.
"$sotto" answer "${synthetic[@]}" --signal "unix:$work/picky" --yes --peer "$identity" </dev/null >/dev/null 2>"$work/picky.err" &
callee=$!
"$sotto" call "${synthetic[@]}" --signal "unix:$work/picky" --json >"$work/caller" 2>/dev/null </dev/null
[ $? = 1 ] || fail "a call that may not ring is not exit code 1"
grep -q '"event":"active"' "$work/caller" && fail "a call that may not ring became active"
grep -q '"reason":"declined"' "$work/caller" && fail "whoever may not ring is told so"
wait $callee
grep -q 'does not let this caller ring' "$work/picky.err" || fail "answer does not say why: $(cat "$work/picky.err")"

# Somebody else than expected is not called.
"$sotto" answer "${synthetic[@]}" --signal "unix:$work/other" --yes </dev/null >/dev/null 2>&1 &
callee=$!
unusable 'another identity' call "${synthetic[@]}" --signal "unix:$work/other" --peer "$identity"
wait $callee

[ $failures = 0 ] && echo "the command line behaves"
exit $((failures > 0))
