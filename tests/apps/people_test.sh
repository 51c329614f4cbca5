#!/usr/bin/env bash
# The command line that people live in: names, contacts, who may ring, calls by letters, state that lasts.
# The broker is a directory. usage: people_test.sh SOTTO
set -u
sotto=$1
failures=0
fail() { printf 'FAILED: %s\n' "$*"; failures=$((failures + 1)); }
source "$(dirname "${BASH_SOURCE[0]}")/people.sh"
mkdir "$work/post"
synthetic=(--bind 127.0.0.1 --video none --audio test)

# says WHAT NAME COMMAND...: exit code 0, and standard output says it.
says() {
    local expected=$1 said code; shift
    said=$(as "$@" 2>"$work/err"); code=$?
    [ $code = 0 ] || fail "$*: exit code $code ($(cat "$work/err"))"
    grep -qF -- "$expected" <<<"$said" || fail "$*: '$said' does not say '$expected'"
}
# refuses CODE WHAT NAME COMMAND...: that exit code, and one line on standard error that says it.
refuses() {
    local wanted=$1 expected=$2 said code; shift 2
    said=$(as "$@" 2>&1 >/dev/null); code=$?
    [ $code = "$wanted" ] || fail "$*: exit code $code, not $wanted ($said)"
    [ "$(wc -l <<<"$said")" = 1 ] || fail "$*: not one line: $said"
    grep -qF -- "$expected" <<<"$said" || fail "$*: '$said' does not say '$expected'"
}
# answering NAME OPTIONS...: that person waits for a call; events in $work/NAME.events, its process in $answering.
answering() {
    local who=$1; shift
    : >"$work/$who.events"
    "$sotto" answer "${synthetic[@]}" --json --state "$work/$who" "$@" \
        >"$work/$who.events" 2>"$work/$who.err" </dev/null &
    answering=$!
    until_says "$work/$who.events" '"event":"waiting"'
}
# calling NAME WHOM OPTIONS...: the same for the caller, in $calling.
calling() {
    local who=$1; shift
    : >"$work/$who.events"
    "$sotto" call "${synthetic[@]}" --json --state "$work/$who" "$@" \
        >"$work/$who.events" 2>"$work/$who.err" </dev/null &
    calling=$!
}
stop() { kill -INT "$1"; wait "$1"; }
# What a caller could learn: the names of its events, without the figures.
learned() { grep -o '"event":"[^"]*"\|"reason":"[^"]*"' "$work/$1.events"; }

# -- Registering.
for who in alice bob carol; do
    says 'is registered at' "$who" register "$who" --broker "dir:$work/post"
done
[ "$(stat -c %a "$work/alice")" = 700 ] || fail "others may use the state's directory"
for file in key settings.json account.db; do
    [ "$(stat -c %a "$work/alice/$file")" = 600 ] || fail "others may read $file"
done
says 'is registered at' alice register alice --broker "dir:$work/post"  # again
refuses 2 'is of alice' alice register mallory --broker "dir:$work/post"
refuses 2 'a name is 1 to 64' dave register 'Dave!' --broker "dir:$work/post"
refuses 2 'a broker is mqtts://' dave register dave --broker pigeon
[ -e "$work/dave" ] && fail "a state was made for a name or a broker that is no good"
refuses 2 'nobody is registered' dave contacts
printf 'text\n' >"$work/text"
refuses 2 'is a file' text register dave --broker "dir:$work/post"
refuses 2 'cannot make the state' text/below register dave --broker "dir:$work/post"
(unset XDG_DATA_HOME; "$sotto" register erin --broker "dir:$work/post" >/dev/null 2>&1)
[ -e "$work/.local/share/sotto/account.db" ] || fail "the state is not in ~/.local/share/sotto"
printf 'opensesame\n' >"$work/passphrase"
says 'is registered at' frank register frank --broker "dir:$work/post" --passphrase-file "$work/passphrase"
[ -e "$work/frank/key" ] && fail "a state with a passphrase has a key file"
says 'No contacts' frank contacts --passphrase-file "$work/passphrase"
refuses 2 'opens by a passphrase' frank contacts
export SOTTO_PASSPHRASE=wrong
refuses 2 'another key or passphrase' frank contacts
unset SOTTO_PASSPHRASE

# -- Before anybody is a contact: refused, and the caller can't tell it from a device that is off.
refuses 2 'knows nobody of the name zoe' alice call zoe --direct
refuses 2 'give --relay, or --direct' alice call bob
calling alice bob --direct
until_says "$work/alice.events" '"event":"calling"'
sleep 1
stop $calling
learned alice >"$work/off"
answering bob --direct
calling alice bob --direct
until_says "$work/bob.events" '"why":"not_permitted"'
sleep 1
stop $calling
learned alice >"$work/refused"
cmp -s "$work/off" "$work/refused" || fail "a refused caller learns more: $(diff "$work/off" "$work/refused")"
stop $answering
[ $? = 130 ] || fail "an interrupted answer is not exit code 130"
grep -q '"event":"ringing"' "$work/bob.events" && fail "a stranger rang"
grep -q '"event":"refused_calls".*"why":"not_contact"' "$work/bob.events" || fail "the refused call is not told"

# -- Contacts: one side alone, then both.
says 'bob may ring alice: bob is one of alice'\''s contacts.' alice contacts add bob
says 'alice can'\''t ring bob' alice contacts
says 'by which a server may choose offers' alice contacts
refuses 2 'is your own name' alice contacts add alice
says 'alice may ring bob: alice is one of bob'\''s contacts.' bob contacts add alice
says 'bob may ring alice' bob explain alice  # what alice gave is kept, though bob met her after
answering alice --direct --yes
until_says "$work/alice.events" '"event":"capability"'  # bob's, which came while she was off
stop $answering
says 'alice may ring bob: alice is one of bob'\''s contacts.' alice explain bob
hash=$(as alice explain bob | sed -n 's/.* by its hash \([0-9a-f]\{64\}\)\.$/\1/p')
says "${hash:-a hash}" alice contacts

# -- A call without a relay, which both chose for this contact.
refuses 2 'give --relay, or --direct' alice call bob
says 'without a relay' alice contacts direct bob on
says 'without a relay' bob contacts direct alice on
answering bob --yes
refuses 2 'another sotto uses the state' bob contacts
calling alice bob --seconds 1
wait $calling || fail "a call by name: exit code $? ($(cat "$work/alice.err") $(learned alice))"
wait $answering || fail "answering a call by name: exit code $? ($(cat "$work/bob.err"))"
for who in alice bob; do
    grep -q '"event":"heard"' "$work/$who.events" || fail "$who hears nothing"
    grep -q '"reason":"hung up"' "$work/$who.events" || fail "$who: the call was not hung up"
done
grep -q '"event":"ringing".*"name":"alice"' "$work/bob.events" || fail "bob is not told who calls"
number() { grep -o '"safety_number":"[^"]*"' "$work/$1.events" | head -n 1 | cut -d'"' -f4; }
[ -n "$(number alice)" ] && [ "$(number alice)" = "$(number bob)" ] || fail "the safety numbers differ"

# -- Each calls the other at the same time: one call.
calling bob alice --seconds 1
other=$calling
until_says "$work/bob.events" '"event":"calling"'
calling alice bob --seconds 1
wait $calling || fail "a call by both: alice's exit code $? ($(cat "$work/alice.err"))"
wait $other || fail "a call by both: bob's exit code $? ($(cat "$work/bob.err"))"
for who in alice bob; do
    grep -q '"event":"heard"' "$work/$who.events" || fail "a call by both: $who hears nothing"
done

# -- Safety numbers.
says 'not verified' alice contacts
refuses 1 'the numbers differ' alice contacts verify bob --number "$(number alice | tr 0-9 1-90)"
says 'is verified' alice contacts verify bob --number "$(number alice)"
says 'bob  ' alice contacts
as alice contacts | grep -q '^bob .*  verified' || fail "a verified contact is not listed as one"
as bob contacts | grep -q '^alice .*  not verified' || fail "one side's comparing verifies the other's"
as bob contacts verify alice >"$work/out" 2>&1 && fail "an unanswered question verifies"
as bob contacts | grep -q '^alice .*  not verified' || fail "an unanswered question verified"

# -- Rung at the keyboard, cancelled, declined.
mkfifo "$work/keys"
"$sotto" answer "${synthetic[@]}" --state "$work/bob" >/dev/null 2>"$work/bob.err" <"$work/keys" &
answering=$!
exec 3>"$work/keys"
calling alice bob
until_says "$work/bob.err" 'Call from alice (not verified)'
until_says "$work/alice.events" '"event":"rings"'
stop $calling
calling alice bob
for _ in $(seq 600); do
    [ "$(grep -c 'Call from alice' "$work/bob.err")" = 2 ] && break
    sleep 0.05
done
echo n >&3
wait $calling
[ $? = 1 ] && grep -q 'declined' "$work/alice.err" || fail "a declined call: $(cat "$work/alice.err")"
stop $answering
exec 3>&-
grep -q 'Missed: alice (cancelled)' "$work/bob.err" || fail "a missed call is not told: $(cat "$work/bob.err")"

# -- A device that was off: a fresh offer rings, an old one is only told.
calling alice bob --seconds 1
until_says "$work/alice.events" '"event":"calling"'
answering bob --yes
wait $calling || fail "a call to a device that came on: exit code $? ($(cat "$work/alice.err"))"
wait $answering
calling alice bob
until_says "$work/alice.events" '"event":"calling"'
kill -KILL $calling  # it can't take its offer back
wait $calling 2>/dev/null
letter=$(ls "$work"/post/inbox/bob/*/* | tail -n 1)
# It was sent two minutes ago: the letter's first eight bytes, in milliseconds.
printf '%016x' "$(($(date +%s%3N) - 120000))" | sed 's/../\\x&/g' | xargs -0 printf '%b' |
    dd of="$letter" bs=1 count=8 conv=notrunc status=none
answering bob --yes
until_says "$work/bob.events" '"event":"waiting"'
for _ in $(seq 600); do [ -e "$letter" ] || break; sleep 0.05; done
stop $answering
grep -q '"event":"ringing"' "$work/bob.events" && fail "an offer of two minutes ago rang"
grep -q '"event":"missed".*2 minutes ago' "$work/bob.events" || fail "an old offer is not told: $(cat "$work/bob.events")"

# -- Prekeys that become a day old while somebody waits for a call are renewed, for everybody to see.
due_in 5 bob
answering bob --yes
published=$(cat "$work"/post/bundle/bob/* | sha256sum)
for _ in $(seq 600); do
    [ "$(cat "$work"/post/bundle/bob/* | sha256sum)" != "$published" ] && break
    sleep 0.05
done
[ "$(cat "$work"/post/bundle/bob/* | sha256sum)" != "$published" ] || fail "prekeys are not renewed while bob waits"
calling alice bob --seconds 1
wait $calling || fail "a call by renewed prekeys: exit code $? ($(cat "$work/alice.err"))"
wait $answering

# -- The policy: quiet hours, nobody, everyone, strangers.
says 'Your contacts may ring' bob policy
refuses 2 '--quiet is HH:MM-HH:MM' bob policy --quiet 25:00-7
says 'Quiet hours from' bob policy --quiet "$(date -d '-2 hours' +%H:%M)-$(date -d '+2 hours' +%H:%M)"
says 'quiet hours' bob explain alice
# silenced WHY: alice's call does not ring at bob's, who is told that reason.
silenced() {
    answering bob --yes
    calling alice bob
    until_says "$work/bob.events" '"why":"not_permitted"'
    stop $calling
    stop $answering
    grep -q '"event":"ringing"' "$work/bob.events" && fail "a call rang: $1"
    grep -q "\"why\":\"$1\"" "$work/bob.events" || fail "bob is not told '$1': $(cat "$work/bob.events")"
}
silenced quiet_hours
says 'No quiet hours' bob policy --quiet off
says 'Nobody may ring' bob policy nobody
silenced calls_off
says 'Everyone may ring' bob policy everyone --silence-strangers on
answering bob --yes
calling carol bob --direct
until_says "$work/bob.events" '"why":"not_permitted"'
stop $calling
stop $answering
grep -q '"event":"silenced".*"who":"carol (no contact' "$work/bob.events" || fail "a silenced stranger is not listed"
says 'Everyone may ring' bob policy --silence-strangers off
answering bob --yes
calling alice bob
until_says "$work/alice.events" '"event":"heard"'
talking=$calling
calling carol bob --direct
wait $calling
[ $? = 1 ] && grep -q '"reason":"busy"' "$work/carol.events" || fail "who calls during a call: $(learned carol)"
stop $talking || fail "the call that somebody else's came into: exit code $?"
wait $answering
answering bob --direct --yes
calling carol bob --direct --seconds 1
wait $calling || fail "a stranger's call where everyone may ring: $? ($(cat "$work/carol.err"))"
wait $answering
grep -q '"event":"ringing".*"name":""' "$work/bob.events" || fail "a stranger has a contact's name"

# -- Blocked, and let in again; removed.
says 'Your contacts may ring' bob policy contacts
says 'never rings' bob contacts block alice
says 'Blocked: alice' bob policy
says 'has blocked' bob explain alice
answering bob --yes
calling alice bob
until_says "$work/bob.events" '"why":"not_permitted"'
sleep 1
stop $calling
learned alice >"$work/blocked"
cmp -s "$work/off" "$work/blocked" || fail "a blocked caller learns more: $(diff "$work/off" "$work/blocked")"
stop $answering
grep -q '"who"' "$work/bob.events" && fail "a blocked caller is listed"
says 'is not blocked any more' bob contacts unblock alice
answering bob --yes
calling alice bob --seconds 1
wait $calling || fail "a call after unblocking: exit code $? ($(cat "$work/alice.err"))"
wait $answering
says 'is no contact any more' bob contacts remove alice
refuses 2 'none of your contacts' bob explain alice
says 'No contacts' bob contacts

# -- Somebody else under a known name: nothing rings or is dialled before the number is compared.
mv "$work/bob" "$work/former"
mv "$work/post/bundle/bob" "$work/former-bundle"
says 'is registered at' bob register bob --broker "dir:$work/post"
cp "$work"/former-bundle/* "$work/post/bundle/bob/"  # both: who was verified is called, and the user is told
calling alice bob
until_says "$work/alice.events" '"event":"namesake"'
until_says "$work/alice.events" '"event":"calling"'
stop $calling
refuses 2 'several people of the name' carol call bob --direct
rm "$work/post/bundle/bob/$(basename "$work"/former-bundle/*)"
refuses 2 'somebody else than before' alice call bob
as alice contacts | grep -q '^bob .*CHANGED' || fail "a changed identity is not listed"
as alice contacts verify bob >"$work/out"
[ $? = 1 ] || fail "a changed identity is verified without its number"
now=$(sed -n 's/^Safety number now *//p' "$work/out")
says 'is somebody new' alice contacts verify bob --number "$now"
as alice contacts | grep -q '^bob .*  verified' || fail "the new identity is not verified"
refuses 2 'give --relay, or --direct' alice call bob  # what was chosen for the former one is not the new one's

# -- Letters that are none are refused, and told of.
answering carol --direct
inbox=$(echo "$work"/post/inbox/carol/*)
device=$(printf '7%.0s' $(seq 64))
printf 'short' >"$work/letter" && mv "$work/letter" "$inbox/1~mallory~$device"
printf 'a time, and more' >"$work/letter" && mv "$work/letter" "$inbox/2~Not A Name~$device"
for _ in $(seq 600); do
    [ "$(grep -c '"what":"signal","why":"truncated"' "$work/carol.events")" = 2 ] && break
    sleep 0.05
done
[ "$(grep -c '"what":"signal","why":"truncated"' "$work/carol.events")" = 2 ] ||
    fail "letters that are none are dropped without a word: $(cat "$work/carol.events")"
stop $answering

# -- Damaged, foreign, open to others.
cp -a "$work/alice" "$work/spoilt"
printf '{' >"$work/spoilt/settings.json"
refuses 2 'settings.json is damaged' spoilt contacts
cp "$work/alice/settings.json" "$work/spoilt/settings.json"
printf 'abc\n' >"$work/spoilt/key"
refuses 2 'key is damaged' spoilt contacts
cp "$work/carol/key" "$work/spoilt/key"
refuses 2 'another key or passphrase' spoilt contacts
cp "$work/alice/key" "$work/spoilt/key"
printf 'no store' >"$work/spoilt/account.db"
rm -f "$work/spoilt"/account.db-*
refuses 2 'account.db does not open' spoilt contacts
[ "$(cat "$work/spoilt/account.db")" = 'no store' ] || fail "a damaged account was written over"
rm "$work/spoilt/account.db"
refuses 2 'is gone' spoilt contacts
refuses 2 'is gone' spoilt register alice --broker "dir:$work/post"
chmod 755 "$work/spoilt"
refuses 2 'chmod 700' spoilt contacts
chmod 644 "$work/alice/key"
refuses 2 'chmod 600' alice contacts
chmod 600 "$work/alice/key"
says 'bob ' alice contacts  # nothing of all this touched hers

[ $failures = 0 ] && echo "people reach each other"
exit $((failures > 0))
