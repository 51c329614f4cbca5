#!/bin/sh
# A phone of plain files under $FAKE_PHONE, for tests of bench/phone: logs what it is asked, moves files, and runs commands
# here, $FAKE_EMULATOR before programs that were pushed. It cools by a degree at each look and warms when it works.
set -u
echo "$*" >>"$FAKE_PHONE/log"
[ "$1" = -s ] && { [ "$2" = fake1 ] || { echo "device '$2' not found" >&2; exit 1; }; shift 2; }
inside() { printf '%s' "$1" | sed "s#/data/local/tmp#$FAKE_PHONE/data/local/tmp#g; s#/sys/#$FAKE_PHONE/sys/#g"; }
command=$1; shift
case $command in
    get-state) echo "${FAKE_STATE:-device}" ;;
    push) cp "$1" "$(inside "$2")" ;;
    pull) cp "$(inside "$1")" "$2" ;;
    shell) PATH=$FAKE_PHONE/bin:$PATH sh -c "$(inside "$*")" ;;
    *) echo "fake adb: what is $command?" >&2; exit 1 ;;
esac
