#!/usr/bin/env bash
# The README's example is examples/client/main.cpp, which CI builds against the installed package.
# usage: readme_test.sh ROOT
set -eu
cd "$1"
shown=$(awk '/^```cpp$/ {on = 1; next} /^```$/ {on = 0} on' README.md)
[ "$shown" = "$(cat examples/client/main.cpp)" ] || {
    echo "README.md's C++ example differs from examples/client/main.cpp:"
    diff <(printf '%s\n' "$shown") examples/client/main.cpp
}
