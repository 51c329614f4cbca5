#!/usr/bin/env python3
"""Holds the second implementation against the vectors and, where its peer program is given, the library.

usage: second_implementation_test.py FIRST_CALL_JSON [PEER...]
The other vectors lie beside FIRST_CALL_JSON. PEER runs peer_main.cpp. With SOTTO_KEYLOGFILE set, the library must have
written its keys there. Exits with 77 if libsodium 1.0.22 is not there.
"""
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays as it is
try:
    from second_self_test import *
    from second_model_test import *
    from second_library_test import *
    from second_capabilities_test import *
    from second_vectors_test import *
except OSError as error:
    sys.exit(print("skipped:", error) or 77)
if not hasattr(SODIUM, "crypto_kem_mlkem768_dec"):
    sys.exit(print("skipped: libsodium has no ML-KEM") or 77)

for module in "second_self_test", "second_model_test", "second_library_test", "second_capabilities_test", \
        "second_vectors_test":
    for name, value in vars(sys.modules[module]).items():  # a class that another's name hides would not run
        if isinstance(value, type) and issubclass(value, unittest.TestCase):
            assert globals().get(name) is value, f"{module}.{name} is hidden"

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
