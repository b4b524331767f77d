# Distributed under the Boost Software License, Version 1.0. See LICENSE.
"""coverage.py INCLUDE BUILD EXCLUSIONS: the coverage of the headers in INCLUDE by the programs of BUILD.

EXCLUSIONS has what need not be covered, each with its reason: 'path: KIND: a part of the line', then, indented, why. KIND is
`line`, `block` (from that line to its closing bracket), or the direction of a branch, `true` or `false`.

llvm-cov counts per program and template instance. Here a line is covered if it ran in any instance of any program, and a
direction of a branch likewise. The output has every line that did not run and every direction that was not taken.
"""
import bisect
import concurrent.futures
import json
import os
import re
import subprocess
import sys

# Area, beginnings of its paths (the first area that fits is it), least lines and branches in percent.
AREAS = (
    ("wire", ("detail/json/", "detail/http/"), 100, 98),
    ("server", ("server/",), 97, 0),
    ("storage", ("storage/",), 97, 0),
    ("transport", ("transport/",), 97, 0),
    ("access", ("access/",), 97, 0),
    ("observe", ("observe/",), 97, 0),
    ("async", ("async/",), 97, 0),
    ("testing", ("testing/",), 97, 0),
    ("core", ("",), 100, 98),
)


def programs(build):
    for folder, _, names in os.walk(build):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.access(path, os.X_OK):
                continue
            with open(path, "rb") as file:
                data = file.read() if file.read(4) == b"\x7fELF" else b""
            if b"__llvm_covmap" in data and not name.endswith((".o", ".so")):
                yield path


def export(program, build, include):
    command = ["llvm-cov-19", "export", program, "-instr-profile=" + build + "/coverage.profdata", "-skip-functions", include]
    # Of functions that this program has and does not use it warns; they count where they are used.
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"{program}: {result.stderr.decode()}")
    return json.loads(result.stdout)["data"][0]["files"]


def lines_of(segments):
    """Each line with code and how often it ran, as LineCoverageStats of LLVM counts it; None where there is none, or
    the preprocessor removed it. 'unsure': a function that a program does not use is one region, which includes all that.
    """
    at = {}
    for index, segment in enumerate(segments):
        at.setdefault(segment[0], []).append((index, segment))
    before, after = None, None
    for line in range(segments[0][0], segments[-1][0] + 1) if segments else ():
        here = [segment for _, segment in at.get(line, ())]
        starts = [count for _, _, count, has_count, entry, gap in here if has_count and entry and not gap]
        skipped = bool(here) and here[0][4] and not here[0][3]
        if starts or any(s[3] and s[4] for s in here) or (not skipped and before is not None and before[3]):
            count = max(starts + [before[2] if before is not None and before[3] else 0])
            yield line, "unsure" if not here and count == 0 and before[4] and not after[3] else count
        elif here or (before is not None and before[4]):
            yield line, None
        if here:
            last = at[line][-1][0]
            before, after = segments[last], segments[min(last + 1, len(segments) - 1)]


def branches_of(branches, segments):
    """Place, direction: how often it was taken. Conditions that the compiler decides have no directions."""
    starts = [(s[0], s[1]) for s in segments]
    for line, column, end_line, end_column, taken, not_taken, *_ in branches:
        around = bisect.bisect_right(starts, (line, column)) - 1
        if taken == 0 and not_taken == 0 and around >= 0 and segments[around][2] > 0:
            continue
        yield (line, column, end_line, end_column, True), taken
        yield (line, column, end_line, end_column, False), not_taken


def measure(include, build):
    lines, branches, removed, unsure = {}, {}, set(), set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for files in pool.map(lambda program: export(program, build, include), programs(build)):
            for file in files:
                path = os.path.relpath(file["filename"], os.path.join(include, "droplit"))
                if path.startswith(".."):  # a program without our headers
                    continue
                for line, count in lines_of(file["segments"]):
                    if count is None:
                        removed.add((path, line))
                    elif count == "unsure":
                        unsure.add((path, line))
                    else:
                        lines[path, line] = lines.get((path, line), 0) + count
                for place, count in branches_of(file["branches"], file["segments"]):
                    branches[(path, *place)] = branches.get((path, *place), 0) + count
    for line in unsure - removed:
        lines.setdefault(line, 0)
    return lines, branches


def is_code(text):
    """Comments, brackets and macros between statements count as little as empty lines."""
    return re.fullmatch(r"[{}();]*( else \{)?|//.*|#.*", text.strip()) is None


def read_exclusions(path, texts, lines, branches):
    """The excluded lines and directions, and what is wrong with the file."""
    excluded, wrong, reasons = set(), [], {}
    row = None
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.startswith(" ") and row is not None:
                reasons[row] = line.strip()
            elif line.strip() and not line.startswith("#"):
                row = line.rstrip("\n")
                reasons.setdefault(row, "")
    for row, reason in reasons.items():
        parts = row.split(": ", 2)
        if len(parts) != 3 or parts[1] not in ("line", "block", "true", "false") or not reason:
            wrong.append("not 'path: line, block, true or false: text' with a reason: " + row)
            continue
        header, kind, text = parts
        source = texts.get(header, ())
        found = [number for number, line in enumerate(source, 1) if text in line]
        if kind == "block":  # until its closing bracket, which is indented as its first line
            ends = {}
            for first in found:
                indent = re.match(" *", source[first - 1]).group()
                ends[first] = next(n for n in range(first, len(source) + 1) if source[n - 1].rstrip().endswith("}") and
                                   (n == first or re.match(indent + r"\}", source[n - 1])))
            found = [number for first, last in ends.items() for number in range(first, last + 1)]
        if kind in ("line", "block"):
            what = [(header, number) for number in found if lines.get((header, number)) == 0]
            what += [place for place in branches if place[:2] in what]
        else:
            what = [place for place, count in branches.items()
                    if count == 0 and place[0] == header and place[1] in found and place[5] == (kind == "true")]
        if not what:
            wrong.append("excludes nothing that is not covered: " + row)
        excluded.update(what)
    return excluded, wrong


def main(include, build, exclusions):
    include = os.path.realpath(include)
    lines, branches = measure(include, os.path.realpath(build))
    texts = {}
    for folder, _, names in os.walk(os.path.join(include, "droplit")):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, encoding="ascii") as file:
                texts[os.path.relpath(path, os.path.join(include, "droplit"))] = file.read().split("\n")
    lines = {key: count for key, count in lines.items() if is_code(texts[key[0]][key[1] - 1])}
    excluded, wrong = read_exclusions(exclusions, texts, lines, branches)

    def area(path):
        return next(name for name, beginnings, _, _ in AREAS if path.startswith(beginnings))

    for path, line in sorted(key for key, count in lines.items() if count == 0 and key not in excluded):
        print(f"not run: {path}:{line}: {texts[path][line - 1].strip()}")
    for path, line, column, end_line, end_column, direction in sorted(
            key for key, count in branches.items() if count == 0 and key not in excluded and lines.get(key[:2]) != 0):
        end = end_column - 1 if end_line == line else None
        print(f"never {str(direction).lower()}: {path}:{line}: {texts[path][line - 1][column - 1:end]}")
    print(f"{'':12}{'lines':>18}{'branches':>20}{'excluded':>10}")
    for name, _, least_lines, least_branches in AREAS:
        row = f"{name:12}"
        for counts, least in ((lines, least_lines), (branches, least_branches)):
            ours = [count for key, count in counts.items() if area(key[0]) == name and key not in excluded]
            ran = sum(count > 0 for count in ours)
            share = 100 * ran / len(ours) if ours else 0
            row += f"{ran:6}/{len(ours):<5}{share:6.2f} %"
            if share < least:
                wrong.append(f"{name}: {share:.2f} % of its {'lines' if counts is lines else 'branches'}; at least {least} %")
        print(row + f"{sum(area(key[0]) == name for key in excluded):9}")
    for line in wrong:
        print(line)
    return 1 if wrong or not lines else 0


sys.exit(main(*sys.argv[1:]))
