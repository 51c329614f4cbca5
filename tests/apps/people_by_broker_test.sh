#!/usr/bin/env bash
# Two people on a broker of their own, over TLS: they register, meet, and call each other. usage:
# people_by_broker_test.sh SOTTO; exits 77 where mosquitto is not installed.
set -u
sotto=$1
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || { echo "skipped: mosquitto is not installed (./dev setup test)"; exit 77; }
fail() { printf 'FAILED: %s\n' "$*"; exit 1; }
source "$(dirname "${BASH_SOURCE[0]}")/people.sh"
chmod 711 "$work"  # mosquitto, if started by root, goes on as a user of its own
broker() {
    "$sotto" broker --dir "$work/broker" --listen "127.0.0.1:$port" --host localhost >"$work/broker.out" 2>&1 &
    mosquitto=$!
    for _ in $(seq 600); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        kill -0 $mosquitto 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

for port in $(shuf -i 20000-60000 -n 5); do broker && break; done
kill -0 $mosquitto 2>/dev/null || fail "no broker: $(cat "$work/broker.out")"
for who in alice bob; do
    "$sotto" broker add $who --dir "$work/broker" >"$work/$who.password" || fail "$who is not let in"
    as $who register $who --broker "mqtts://localhost:$port" --broker-ca "$work/broker/ca.pem" \
        --broker-password-file "$work/$who.password" >"$work/out" 2>&1 || fail "$who does not register: $(cat "$work/out")"
done
printf 'not-the-password\n' >"$work/wrong"
as mallory register alice --broker "mqtts://localhost:$port" --broker-ca "$work/broker/ca.pem" \
    --broker-password-file "$work/wrong" >"$work/out" 2>&1 && fail "a wrong password registers"
grep -q 'the broker refuses alice' "$work/out" || fail "a wrong password is not told: $(cat "$work/out")"

as alice contacts add bob >"$work/out" 2>&1 || fail "alice does not find bob: $(cat "$work/out")"
as bob contacts add alice >"$work/out" 2>&1 || fail "bob does not find alice: $(cat "$work/out")"
as alice contacts direct bob on >/dev/null && as bob contacts direct alice on >/dev/null || fail "no direct path is chosen"

# Carol leaves, comes back as who she was, and leaves with all that she had.
"$sotto" broker add carol --dir "$work/broker" >"$work/carol.password" || fail "carol is not let in"
comes() {
    as carol register carol --broker "mqtts://localhost:$port" --broker-ca "$work/broker/ca.pem" \
        --broker-password-file "$work/carol.password" >"$work/out" 2>&1 || fail "carol does not register: $(cat "$work/out")"
    grep '^Identity' "$work/out"
}
before=$(comes)
as alice contacts add carol >"$work/out" 2>&1 || fail "alice does not find carol: $(cat "$work/out")"
as carol unregister >"$work/out" 2>&1 || fail "carol cannot leave: $(cat "$work/out")"
grep -q 'sotto register carol brings it back' "$work/out" || fail "it does not say what is kept: $(cat "$work/out")"
as alice contacts add carol >"$work/out" 2>&1 && fail "carol is found who left"
grep -q 'knows nobody of the name carol' "$work/out" || fail "it does not say that carol left: $(cat "$work/out")"
as carol contacts add bob >"$work/out" 2>&1 && fail "who left is at the broker"
grep -q 'carol was unregistered' "$work/out" || fail "it does not say that carol left: $(cat "$work/out")"
[ "$(comes)" = "$before" ] || fail "carol comes back as somebody else"
as alice contacts add carol >"$work/out" 2>&1 || fail "alice does not find carol again: $(cat "$work/out")"
as carol unregister >"$work/out" 2>&1 || fail "carol cannot leave again: $(cat "$work/out")"
as carol unregister --remove-state >"$work/out" 2>&1 || fail "who left cannot remove the account: $(cat "$work/out")"
[ -e "$work/carol" ] && fail "of carol there is left: $(ls "$work/carol")"
as alice contacts add carol >"$work/out" 2>&1 && fail "carol is found who left for good"

# A call, in the middle of which the broker goes: the media go on, and both hang up by themselves.
"$sotto" answer --bind 127.0.0.1 --video none --audio test --json --yes --seconds 4 --state "$work/bob" \
    >"$work/bob.events" 2>"$work/bob.err" </dev/null &
answering=$!
until_says "$work/bob.events" '"event":"waiting"'
"$sotto" call bob --bind 127.0.0.1 --video none --audio test --json --seconds 4 --state "$work/alice" \
    >"$work/alice.events" 2>"$work/alice.err" </dev/null &
calling=$!
until_says "$work/alice.events" '"event":"heard"'
until_says "$work/bob.events" '"event":"heard"'
kill -KILL $mosquitto
wait $calling; code=$?
[ $code = 0 ] || fail "the call ended with exit code $code: $(cat "$work/alice.err") $(tail -n 3 "$work/alice.events")"
wait $answering
grep -q '"event":"reconnecting"' "$work/alice.events" && fail "the media did not go on"
echo "two people met and called each other over a broker"
