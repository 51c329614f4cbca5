#!/usr/bin/env bash
# layers_test.sh itself can fail: a copy of the tree with each kind of breach is refused by name.
# usage: layers_fail_test.sh ROOT
set -eu
root=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
missed=0
# breach FILE LINE EXPECTED: with LINE added to FILE the check must fail and say EXPECTED.
breach() {
    rm -rf "${copy:?}"/*
    cp -r "$root"/{include,base,crypto,codec,transport,call,apps} "$copy"
    printf '%s\n' "$2" >>"$copy/$1"
    local said
    if said=$("$root/tests/tree/layers_test.sh" "$copy") || ! grep -qF "$3" <<<"$said"; then
        echo "not noticed: $2 in $1"
        missed=1
    fi
}
breach crypto/header.h '#include "transport/rtp.h"' 'crypto may include only'
breach codec/i420.cpp '#include "call/signal.h"' 'codec may include only'
breach call/call.cpp '#include "transport/net/udp_socket.h"' 'never reach for the edge'
breach transport/rtp.cpp '#include <sodium.h>' 'crypto/ alone uses libsodium'
breach codec/vp8_encoder.cpp '#include <libyuv/scale.h>' 'codec/scale alone uses libyuv'
breach crypto/sealed_store.cpp '#include <sqlite3.h>' 'alone uses SQLite'
breach crypto/memory_store.cpp '#include <fcntl.h>' 'alone use descriptors'
breach call/ledger.cpp '#include <fstream>' 'alone are files'
breach apps/sotto/mqtt_link.h '#include <mosquitto.h>' 'apps/sotto/mqtt_client alone'
breach call/video_sender.cpp '#include <thread>' 'alone uses threads'
breach transport/nack.cpp 'auto now() { return std::chrono::steady_clock::now(); }' 'time is a parameter'
breach base/hex.cpp 'void f() { throw 1; }' 'nothing in the library throws'
exit $missed
