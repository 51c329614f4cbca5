#!/bin/sh
# Whether a library holds traces of the key log: its environment variable is a text that every build of it contains.
# Usage: key_log_traces.sh present|absent FOLDER   (exit code 77: no library there to look at)
for library in "$2"/libsotto.so "$2"/libsotto.a; do
    [ -e "$library" ] || continue
    if grep -q SOTTO_KEYLOG "$library"; then found=present; else found=absent; fi
    echo "$library: $found, should be $1"
    [ $found = "$1" ]
    exit
done
echo "skipped: no libsotto in $2"
exit 77
