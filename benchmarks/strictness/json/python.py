# Distributed under the Boost Software License, Version 1.0. See LICENSE.
import json
import sys

for line in sys.stdin:
    kind, digits = line.rstrip("\n").split("\t")
    try:
        json.loads(bytes.fromhex(digits))
        verdict = "accepted"
    except (ValueError, RecursionError):
        verdict = "refused"
    print("Python json.loads", kind, verdict, sep="\t")
