#!/usr/bin/env bash
# The house's walls (docs/architecture.md, "Rooms"): which room may include which, and who may use what from outside.
# usage: layers_test.sh ROOT; exits 1 with a sentence for each breach.
set -u
cd "$1" || exit 2
breaches=0
breach() { printf '%s\n' "$*"; breaches=$((breaches + 1)); }

# room RE_OF_ROOMS_IT_MAY_INCLUDE: quoted includes that begin with another room's name are breaches.
room() {
    local folder=$1 allowed=$2 line
    while IFS= read -r line; do
        [ -n "$line" ] && breach "$folder may include only ($allowed) and its own: $line"
    done < <(grep -rnE '#include "(base|crypto|codec|transport|call|apps|bench|tests|sim|support)/' "$folder" \
        --include='*.h' --include='*.cpp' | grep -vE "#include \"($allowed|$folder)/")
}
room include 'sotto'
room base 'sotto'
room crypto 'sotto|base'
room codec 'sotto|base'
room transport 'sotto|base'
room call 'sotto|base|crypto|codec|transport'
while IFS= read -r line; do breach "the sans-IO rooms never reach for the edge: $line"; done < <(
    grep -rnE '#include "transport/net/' crypto codec call transport include --include='*.h' --include='*.cpp' |
        grep -v '^transport/net/')

# only PATHS_RE INCLUDE_RE WHY: an include that only these paths may have.
only() {
    local line
    while IFS= read -r line; do breach "$3: $line"; done < <(
        grep -rnE "#include <($2)" include base crypto codec transport call --include='*.h' --include='*.cpp' |
            grep -vE "^($1)")
}
only 'crypto/' 'sodium' 'crypto/ alone uses libsodium'
only 'codec/opus' 'opus/' "codec/'s Opus files alone use Opus"
only 'codec/vp8' 'vpx/' "codec/'s VP8 files alone use libvpx"
only 'codec/scale\.cpp' 'libyuv' 'codec/scale alone uses libyuv'
only 'transport/srtp\.cpp' 'srtp2/' 'transport/srtp alone uses libsrtp2'
only 'crypto/store_sqlite\.cpp' 'sqlite3' 'crypto/store_sqlite alone uses SQLite'
only 'transport/net/' 'sys/|netdb|netinet|arpa/|poll\.h' 'transport/net/ alone uses sockets'
only 'transport/net/|crypto/durable_file\.cpp' 'unistd|fcntl' 'transport/net/ and crypto/durable_file alone use descriptors'
only 'crypto/(store_sqlite|durable_file|key_log)\.cpp' 'filesystem|fstream|cstdio' "the store's files alone are files"
only 'transport/net/' 'thread|mutex|condition_variable|future|semaphore|stop_token' 'transport/net/ alone uses threads'
only 'nothing' 'ctime|time\.h|iostream|libav' 'nothing in the library reads clocks, consoles or media files'

while IFS= read -r line; do breach "apps/sotto/mqtt_client alone uses libmosquitto: $line"; done < <(
    grep -rnE '#include <(mosquitto|mqtt_protocol)' include base crypto codec transport call apps bench tests \
        --include='*.h' --include='*.cpp' 2>/dev/null | grep -v '^apps/sotto/mqtt_client\.cpp')

while IFS= read -r line; do breach "time is a parameter; nothing in the library asks for it: $line"; done < <(
    grep -rnE '(steady|system|high_resolution)_clock|clock_gettime|gettimeofday|sleep_for|sleep_until' \
        include base crypto codec transport call --include='*.h' --include='*.cpp')
while IFS= read -r line; do breach "errors are values; nothing in the library throws: $line"; done < <(
    grep -rnE '\bthrow\b|\bcatch *\(' include base crypto codec transport call --include='*.h' --include='*.cpp')

[ "$breaches" = 0 ] && echo "every room keeps to itself"
exit $((breaches > 0))
