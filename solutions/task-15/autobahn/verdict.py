"""Prints what the suite says, a line for each of its chapters. Exit code 1: a case fails, or is missing."""

import json
import sys

CHAPTERS = [
    (1, "framing", 16),
    (2, "pings and pongs", 11),
    (3, "reserved bits", 7),
    (4, "opcodes", 10),
    (5, "fragmentation", 20),
    (6, "UTF-8", 145),
    (7, "closing", 37),
    (9, "limits", 30),
    (10, "automatic fragmentation", 1),
]
# NON-STRICT: text that is not UTF-8 is refused with its last fragment, and not with the first that tells. INFORMATIONAL: the RFC leaves it open.
PASSED = ["OK", "NON-STRICT", "INFORMATIONAL"]

report, end = sys.argv[1:]
with open(report) as file:
    (cases,) = json.load(file).values()
failed = 0


def line(holds, name, said):
    global failed
    failed += not holds
    print("%s  %-28s%s" % ("ok  " if holds else "FAIL", name, said))


for chapter, name, expected in CHAPTERS:
    judged = [(number, case["behavior"], case["behaviorClose"]) for number, case in cases.items() if number.split(".")[0] == str(chapter)]
    wrong = sorted(case for case in judged if not set(case[1:]) <= set(PASSED))
    words = [case[1] for case in judged if case not in wrong]
    said = ["%d %s" % (words.count(word), word) for word in PASSED if word in words]
    said += ["%s %s, its close %s" % case for case in wrong[:3]]
    said += ["%d more" % len(wrong[3:])] if wrong[3:] else []
    said += ["%d missing" % (expected - len(judged))] if len(judged) != expected else []
    line(not wrong and len(judged) == expected, "%2d %s" % (chapter, name), "; ".join(said))
line(end.startswith("exit 0, drain outcome=complete") and end.endswith("abandoned=0"), "the server, at SIGTERM", end)
print("%d passed, %d failed" % (len(CHAPTERS) + 1 - failed, failed))
sys.exit(failed > 0)
