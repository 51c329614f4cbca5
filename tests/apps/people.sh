# What the tests of people at the command line share; sourced by them. Needs: $sotto, fail().
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
export XDG_DATA_HOME=$work/data HOME=$work TZ=UTC
unset SOTTO_PASSPHRASE

# as NAME COMMAND...: by that person's state.
as() { local who=$1; shift; "$sotto" "$@" --state "$work/$who" </dev/null; }
# until_says FILE WHAT: within half a minute.
until_says() {
    for _ in $(seq 600); do
        grep -q -- "$2" "$1" 2>/dev/null && return 0
        sleep 0.05
    done
    fail "$1 does not say '$2' in time: $(cut -c1-400 "$1")"
    return 1
}
# due_in SECONDS NAME: that person's prekeys are a day old so many seconds from now.
due_in() {
    sed -i "s/\"prekeys_drawn\": [0-9]*/\"prekeys_drawn\": $(($(date +%s) - 86400 + $1))/" "$work/$2/settings.json"
}
