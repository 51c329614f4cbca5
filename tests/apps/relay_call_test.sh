#!/usr/bin/env bash
# Whole calls of the command line through coturn on loopback: by UDP, TCP and TLS, with a password and with the relay's secret.
# usage: relay_call_test.sh SOTTO; exits 77, skipped, where coturn is not installed.
set -u
sotto=$1
command -v turnserver >/dev/null || { echo "skipped: coturn is not installed (./dev setup test)"; exit 77; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
failures=0
fail() { printf 'FAILED: %s\n' "$*"; failures=$((failures + 1)); }

# relay NAME OPTIONS...: a relay of its own port, which `port` then names.
relay() {
    local name=$1; shift
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 20000))
    turnserver -n --no-cli --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 --listening-port=$port \
        --tls-listening-port=$port --realm=sotto.test \
        --allow-loopback-peers --relay-threads=1 --pidfile="$work/$name.pid" --userdb="$work/$name.db" \
        --simple-log --no-stdout-log --log-file="$work/$name.log" "$@" >/dev/null 2>&1 &
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
        sleep 0.05
    done
    fail "the relay $name does not listen"
}

# both CALLER_OPTIONS -- CALLEE_OPTIONS: a call of two seconds; leaves events in $work/caller and $work/callee.
both() {
    local caller=() callee
    while [ "$1" != -- ]; do caller+=("$1"); shift; done
    shift
    "$sotto" answer --video none --audio test --signal "unix:$work/signal" --yes --json "$@" \
        >"$work/callee" 2>"$work/callee.err" </dev/null &
    callee=$!
    "$sotto" call --video none --audio test --signal "unix:$work/signal" --json --seconds 2 "${caller[@]}" \
        >"$work/caller" 2>"$work/caller.err" </dev/null
    caller_code=$?
    wait $callee
    callee_code=$?
}

# relayed WHAT OPTIONS...: the call goes through the relay, and each hears the other.
relayed() {
    local what=$1 side; shift
    both "$@" -- "$@"
    [ $caller_code = 0 ] || fail "$what: the caller's exit code $caller_code: $(cat "$work/caller.err")"
    [ $callee_code = 0 ] || fail "$what: the callee's exit code $callee_code: $(cat "$work/callee.err")"
    for side in caller callee; do
        grep -q '"event":"connected".*"relayed":true' "$work/$side" || fail "$what: the $side has no relayed path"
        grep -q '"event":"heard"' "$work/$side" || fail "$what: the $side hears nothing"
    done
}

relay password --lt-cred-mech --user=sotto:password --no-tls --no-dtls
account=(--relay-user sotto --relay-password password)
relayed 'over UDP' --relay "turn:127.0.0.1:$port" "${account[@]}"
printf 'password\n' >"$work/password"
relayed 'over TCP, by a password in a file' --relay "turn:127.0.0.1:$port?transport=tcp" --relay-user sotto \
    --relay-password-file "$work/password"

# One side alone allows a direct path: there is none.
both --relay "turn:127.0.0.1:$port" "${account[@]}" --direct -- --relay "turn:127.0.0.1:$port" "${account[@]}"
for side in caller callee; do
    grep -q '"event":"connected".*"relayed":true' "$work/$side" || fail "one side's --direct: the $side is not relayed"
    grep -q '"relayed":false' "$work/$side" && fail "one side's --direct: the $side has a direct path"
done
both --direct -- --relay "turn:127.0.0.1:$port" "${account[@]}"
[ $caller_code = 2 ] || fail "a direct path that the callee does not allow: the caller's exit code $caller_code"
grep -q 'wants a relay' "$work/caller.err" || fail "the caller is not told that it needs a relay"
grep -q '"event":"connected"' "$work/caller" "$work/callee" && fail "a direct path against the callee's wish"

# Credentials that the relay refuses.
both --relay "turn:127.0.0.1:$port" --relay-user sotto --relay-password guessed -- \
    --relay "turn:127.0.0.1:$port" "${account[@]}"
[ $caller_code = 2 ] || fail "wrong credentials: the caller's exit code $caller_code"
grep -q 'the relay gives no address' "$work/caller.err" || fail "wrong credentials: $(cat "$work/caller.err")"
grep -q '"reason":"hung up"' "$work/callee" || fail "wrong credentials: the callee does not hear that the caller hung up"

relay secret --use-auth-secret --static-auth-secret=known-to-few --no-tls --no-dtls
relayed 'by the secret' --relay "turn:127.0.0.1:$port" --relay-secret known-to-few
printf 'known-to-few\n' >"$work/secret"
relayed 'by the secret in a file' --relay "turn:127.0.0.1:$port" --relay-secret-file "$work/secret"

# TLS, by a certificate of an authority that only --relay-ca knows.
certificate() {  # NAME SUBJECT_ALTERNATIVE_NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=$1" \
        -addext "subjectAltName=$2" -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null || fail "no certificate $1"
}
certificate right IP:127.0.0.1
certificate wrong DNS:elsewhere.example
relay tls --lt-cred-mech --user=sotto:password --cert="$work/right.pem" --pkey="$work/right.key" --no-udp --no-tcp
relayed 'over TLS' --relay "turns:127.0.0.1:$port" "${account[@]}" --relay-ca "$work/right.pem"
both --relay "turns:127.0.0.1:$port" "${account[@]}" -- \
    --relay "turns:127.0.0.1:$port" "${account[@]}" --relay-ca "$work/right.pem"
[ $caller_code = 2 ] && grep -q "the relay's certificate" "$work/caller.err" ||
    fail "a certificate that nobody trusted vouches for: $caller_code $(cat "$work/caller.err")"
relay impostor --lt-cred-mech --user=sotto:password --cert="$work/wrong.pem" --pkey="$work/wrong.key" --no-udp --no-tcp
both --relay "turns:127.0.0.1:$port" "${account[@]}" --relay-ca "$work/wrong.pem" -- \
    --relay "turns:127.0.0.1:$port" "${account[@]}" --relay-ca "$work/wrong.pem"
grep -q "the relay's certificate" "$work/caller.err" "$work/callee.err" || fail "another's certificate is not told"
grep -q '"event":"connected"' "$work/caller" "$work/callee" && fail "another's certificate is taken"

[ $failures = 0 ] && echo "calls go through the relay"
exit $((failures > 0))
