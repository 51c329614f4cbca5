#!/usr/bin/env bash
# CTest takes a semicolon in a test's name for the end of it, and would then run nothing and call that a success.
# usage: test_names_test.sh ROOT
set -eu
cd "$1"
if grep -rnE -A2 'TEST_CASE' tests --include='*.cpp' | grep -E '^[^"]*(TEST_CASE\w*\()?[^"]*"[^"]*;[^"]*"( \*.*)?\) \{'; then
    echo "a test's name has a semicolon"
    exit 1
fi
echo "every test can be named"
