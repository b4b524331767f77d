# Distributed under the Boost Software License, Version 1.0. See LICENSE.
"""run.py WORK AREA...: all mutants of the headers of these areas. run.py WORK sample SEED: 20 of two headers.
AREA:REGEX is of those headers of an area whose path has a match.

Builds the tests once over copies of the headers that have all mutants in them (mutate.py), then runs for each mutant the
test cases that reach it, short ones first, until one fails or ends in its time limit. Fails for a survivor that
survivors.txt does not have. What is done is kept in the folder WORK: called again, it goes on.
"""
import concurrent.futures
import glob
import hashlib
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import mutate  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PORTABLE = ("detail/bytes16", "json/text", "json/writer", "fast/client_reader", "fast/draft_reader", "fast/hex", "fast/unescape",
            "fast/utf8")

# Area: patterns of its headers, its tests, what these are linked with.
AREAS = {
    "http": (["detail/http/*.hpp"], ["unit/detail/http/*", "unit/request_head", "unit/response"], []),
    "json": (["detail/json/*.hpp"], ["unit/detail/json/*", "unit/detail/json/fast/client_reader", "unit/json", "unit/response", "unit/client",
              "unit/draft_parser*"], []),
    "fast": (["detail/json/fast/*.hpp"], ["unit/detail/json/fast/*", "unit/draft_parser*", "unit/client"], []),
    "details": (["detail/*.hpp"], ["unit/detail/*", "unit/endpoint", "unit/exchange", "unit/router", "unit/error", "unit/route",
                                  "unit/id_source", "unit/response", "unit/clock", "unit/sleeper", "system/contract"], []),
    "values": (["*.hpp"], ["unit/*", "unit/detail/*", "system/contract"], []),
    "documents": (["detail/openapi/*.hpp"], ["unit/openapi", "unit/detail/openapi/document"], []),
    "remote": (["remote/*.hpp"], ["unit/remote/creation", "unit/remote/create_client", "unit/sdk"], []),
    "session": (["server/detail/*.hpp"],
                ["unit/server/detail/*", "unit/server/beast*", "system/server_contract"], ["asio", "-lpthread"]),
    "memory": (["storage/memory*.hpp", "storage/memory/*.hpp"],
               ["unit/storage/memory", "unit/create_client", "unit/testing/storage_contract"], ["-lpthread"]),
    "sqlite": (["storage/detail/*.hpp", "storage/sqlite*.hpp", "storage/sqlite/*.hpp"],
               ["unit/storage/detail/sql", "unit/storage/sqlite*", "system/storage_stress"], ["-lsqlite3", "-lpthread"]),
    "postgres": (["storage/postgres*.hpp", "storage/postgres/*.hpp"], ["unit/storage/postgres*"], ["-lpq", "-lpthread", "-I/usr/include/postgresql"]),
}
# Parts of other programs, and a test that CMake gives a constant.
OTHERS = ("droplit.cpp", "droplit_other.cpp", "outcome_beside_boost.cpp", "version.cpp")
# The headers of the sample, all of whose mutants were judged, with tests beside those of their names; and the tests that reach
# most of the library.
SAMPLED = {"detail/http/content_type.hpp": ["unit/request_head"], "detail/http/grammar.hpp": ["unit/request_head", "unit/detail/http/*"],
           "detail/http/host.hpp": [], "detail/http/target.hpp": [], "detail/http/trace_fields.hpp": [],
           "remote/creation.hpp": ["unit/sdk"]}
WIDE = ["system/contract", "unit/response", "unit/endpoint", "unit/detail/print", "unit/remote/create_client"]
GROUPS = {"wire": ("http", "json", "fast"), "core": ("http", "json", "fast", "details", "values")}
FLAGS = ["-std=c++20", "-O1", "-w", "-D_GLIBCXX_ASSERTIONS", f'-DDROPLIT_TEST_DATA="{ROOT}/tests/data"',
         "-ferror-limit=0", "-fno-caret-diagnostics", "-Wno-c++11-narrowing", "-fbracket-depth=1024"]
SANITIZERS = {"sanitized": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"], "threads": ["-fsanitize=thread", "-shared-libsan"]}
RUNTIME = "/usr/lib/llvm-19/lib/clang/19/lib/linux"
WITH_THREADS = ("session", "memory", "sqlite", "postgres")


class Mutants:
    """The mutants of some headers, and the copies of these in WORK/include."""

    def __init__(self, work, paths, only=None):
        self.work, self.headers, self.only = work, {}, only
        self.of = {}  # number: (path, mutant)
        self.lines = {}  # (path, line of the copy): the numbers of the mutants that an error in this line may be about
        self.lock = threading.Lock()
        every = hashlib.sha256()
        for index, path in enumerate(paths):
            with open(f"{ROOT}/include/droplit/{path}", encoding="ascii") as file:
                source = file.read()
            every.update(source.encode())
            header = mutate.Header(source, 512 * index + 1)  # so that a change of a header changes no number of another
            assert len(header.mutants) < 512 and index < 128
            self.headers[path] = header
            self.of.update((number, (path, mutant)) for number, mutant in header.mutants.items())
            before = []  # the mutants of the statement that ends with the next other line
            for line, text in enumerate(header.write().split("\n"), 1):
                found = re.search(r"droplit_mutants::on\((\d+)\)", text)
                if found:
                    before.append(int(found.group(1)))
                    self.lines[path, line] = [int(found.group(1))]
                elif before:
                    self.lines[path, line], before = before, []
        os.makedirs(work, exist_ok=True)
        self.dropped_file = f"{work}/dropped-{every.hexdigest()[:16]}"
        try:
            with open(self.dropped_file, encoding="ascii") as file:
                self.dropped = {int(line) for line in file}
        except FileNotFoundError:
            self.dropped = set()  # those that do not compile
        self.write()

    def write(self):
        unwanted = self.dropped if self.only is None else set(self.of) - self.only | self.dropped
        for path, header in self.headers.items():
            copy = f"{self.work}/include/droplit/{path}"
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(copy + ".new", "w", encoding="ascii") as file:
                file.write(header.write(unwanted))
            os.replace(copy + ".new", copy)

    def drop_other_platforms(self, flags):
        """Drops the mutants that the preprocessor removes."""
        headers, left = "".join(f"#include <droplit/{path}>\n" for path, header in self.headers.items() if header.mutants), set()
        for also in ([], ["-DDROPLIT_PORTABLE"]):
            result = subprocess.run(compiler(self.work) + flags + also + ["-E", "-P", "-x", "c++", "-"], input=headers,
                                    stdout=subprocess.PIPE, text=True, check=True)
            left.update(int(number) for number in re.findall(r"droplit_mutants::on\((\d+)\)", result.stdout))
        self.dropped = self.dropped | (set(self.of) - left)
        self.write()

    def drop(self, errors, earlier):
        """Drops the mutants that the compiler's errors are about; false if these were dropped `earlier`, before it began."""
        found = set()
        for error in re.split(r"(?m)^(?=.*: (?:fatal )?error: )", errors):
            for path, line in re.findall(r"(?m)^" + re.escape(self.work) + r"/include/droplit/(\S+?):(\d+):", error):
                numbers = self.lines.get((path, int(line)))
                if numbers:
                    found.update(numbers)
                    break
        if found <= earlier:
            return False
        with self.lock:
            self.dropped = self.dropped | found
            with open(self.dropped_file, "w", encoding="ascii") as file:
                file.writelines(f"{number}\n" for number in sorted(self.dropped))
            self.write()
        return True

    def key(self, number):
        path, mutant = self.of[number]
        return path, self.headers[path].lines[mutant.line - 1].strip(), mutant.what

    def name(self, number):
        path, line, what = self.key(number)
        return f"{path}: {what}: {line}"

    def text(self, number):
        path, mutant = self.of[number]
        return f"{path}:{mutant.line}: {mutant.what}: {self.key(number)[1]}"


class Program:
    """A test, built over the copies of the headers."""

    def __init__(self, work, source, links, flags, portable=False):
        self.source, self.sources, self.portable, self.flags = source, [source], portable, flags
        self.name = os.path.relpath(source, ROOT + "/tests")[:-4].replace("/", "_") + ("_portable" if portable else "")
        self.work, self.path = work, f"{work}/{self.name}"
        self.links = [link for link in links if link.startswith("-l")]
        self.objects = [self.path + ".o", f"{shared(work)}/main.o", f"{shared(work)}/cases.o"]
        self.objects += [f"{work}/support_asio.o", f"{work}/support_test_server.o"] if "asio" in links else []
        self.defines = ["-DBOOST_ASIO_SEPARATE_COMPILATION"] if "asio" in links else []
        self.defines += [link for link in links if link.startswith("-I")]
        self.usable, self.cases = True, {}  # name: its seconds, and the mutants that it reaches

    def compile_command(self):
        precompiled = ["-include", f"{HERE}/mutants.hpp", "-DDROPLIT_PORTABLE"] if self.portable else ["-include-pch", f"{shared(self.work)}/pch"]
        return compiler(self.work) + self.flags + precompiled + self.defines + ["-c", self.source, "-o", self.path + ".o", "-MD"]

    def is_current(self, output):
        """Whether it was built after everything of ours that it includes, whatever was dropped since."""
        try:
            made = os.path.getmtime(output)
            with open(self.path + ".d", encoding="utf-8") as file:
                names = [name.replace(self.work + "/include/", ROOT + "/include/") for name in file.read().replace("\\\n", "").split()[1:]]
            return all(os.path.getmtime(name) <= made for name in names
                       if name.startswith(ROOT) and not name.startswith(self.work))
        except FileNotFoundError:
            return False

    def compile(self, mutants):
        """Makes the object file, without the mutants that do not compile."""
        while not self.is_current(self.path + ".o"):
            dropped = mutants.dropped
            result = subprocess.run(self.compile_command(), stderr=subprocess.PIPE, text=True)
            # A header that was replaced meanwhile may have the inode of another one, which then seems to be included.
            if result.returncode != 0 and not mutants.drop(result.stderr, dropped) and mutants.dropped == dropped:
                print(f"{self.source} does not compile and is left out:\n{result.stderr[:3000]}", flush=True)
                self.usable = False
                return

    def build(self, mutants):
        if not self.is_current(self.path):
            self.compile(mutants)
            self.link()

    def link(self):
        if self.usable:
            # The shared runtime of ThreadSanitizer lets a test have its own operator new.
            rpath = [f"-Wl,-rpath={RUNTIME}"] if "-shared-libsan" in self.flags else []
            subprocess.run(["clang++-19", *self.flags, *rpath, *self.objects, "-o", self.path, "-lboost_json", "-lboost_container",
                            *self.links], check=True)

    def with_others(self, programs):
        """A program of this one and these, which are built."""
        whole = Program(self.work, self.source, self.links, self.flags)
        whole.path, whole.sources = f"{self.work}/whole", self.sources + [program.source for program in programs]
        whole.objects += [program.path + ".o" for program in programs]
        if not all(is_newer(whole.path, name) for name in whole.objects):
            whole.link()
        return whole

    def run(self, environment, processor, wall, arguments=()):
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (processor, processor))
            if not self.flags:  # AddressSanitizer reserves much
                resource.setrlimit(resource.RLIMIT_STACK, (2 << 20, 2 << 20))  # of each thread, of which a test has 300
                resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        process = subprocess.Popen([self.path, "--abort", *arguments], env=dict(os.environ, **environment), preexec_fn=limit,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=self.work)
        try:
            return process.wait(wall)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(process.pid, 9)
            except ProcessLookupError:
                pass
            process.wait()

    def trace(self):
        """Which mutants each test case reaches, and how long it takes."""
        file = self.path + ".trace"
        if not is_newer(file, self.path):
            for name in (file, file + ".new"):
                if os.path.exists(name):
                    os.remove(name)
            if self.run({"DROPLIT_MUTANTS_TRACE": file + ".new"}, 600, 600) != 0:
                print(f"{self.name} fails without a mutant and is left out", flush=True)
                self.usable = False
                return
            os.rename(file + ".new", file)
        found, outside = set(), set()
        with open(file, encoding="ascii") as lines:
            for line in lines:
                word, *rest = line.rstrip("\n").split(" ", 2)
                if word.isdecimal():
                    found.add(int(word))
                    continue
                if word == "case":
                    self.cases[rest[1]] = float(rest[0]), found
                else:
                    outside |= found
                found = set()
        for _, reached in self.cases.values():
            reached |= outside

    def reached(self):
        return set().union(*(reached for _, reached in self.cases.values()))

    def parts(self, number):
        """The test cases that reach it, in classes of how long they take: class, seconds, names."""
        classes = {}
        for name, (seconds, reached) in self.cases.items():
            if number in reached:
                classes.setdefault(sum(seconds > limit for limit in SHORT), []).append((name, seconds))
        for place, cases in classes.items():
            yield place, sum(seconds for _, seconds in cases), [name for name, _ in cases]

    def notices(self, number, seconds, cases):
        """Whether one of the test cases, which take that long, fails with the mutant or does not end."""
        names = f"{self.path}.cases-{number}"
        with open(names, "w", encoding="ascii") as file:
            file.writelines(re.sub(r'([\\,"])', r"\\\1", name) + "\n" for name in cases)

        def run(environment, wall):
            return self.run(environment, int(3 * seconds) + 2, wall, ["--input-file", names])

        wall, result = 0.0, None
        while result is None and wall < 3 * seconds + 20:  # so much more than they take without it, beside the same others
            wall = 3 * seconds + 20
            result = run({"DROPLIT_MUTANT": str(number)}, wall)
            if result is None:
                begin = time.monotonic()
                run({}, None)
                seconds = max(seconds, time.monotonic() - begin)
        os.remove(names)
        return result != 0


# For compilers, as in the presets.
with open(f"{ROOT}/CMakePresets.json", encoding="ascii") as presets:
    ENVIRONMENT = [f"{name}={value}" for name, value in json.load(presets)["configurePresets"][0]["environment"].items()]


def compiler(work):
    return ["env", *ENVIRONMENT, "clang++-19"] + FLAGS + [f"-I{work}/include", f"-I{ROOT}/include", f"-I{ROOT}/tests"]


def matching(pattern):
    deep = pattern.replace("**", "**/*") if "**" in pattern else pattern
    return sorted(os.path.relpath(path, f"{ROOT}/include/droplit")
                  for path in glob.glob(f"{ROOT}/include/droplit/{deep}", recursive=True))


def is_newer(output, source):
    return os.path.exists(output) and os.path.getmtime(output) >= os.path.getmtime(source)


def sources(patterns):
    found_before = set()
    for pattern in patterns:
        found = [pattern] if os.path.isabs(pattern) else sorted(glob.glob(f"{ROOT}/tests/{pattern}.cpp"))
        found = [path for path in found if path not in found_before]
        found_before.update(found)
        yield from (path for path in found if os.path.basename(path) not in OTHERS and not path.endswith("_cost.cpp"))


def shared(work):
    """The folder of what the programs of all areas share, by their flags."""
    return os.path.normpath(f"{work}/../../shared-{os.path.basename(work)}")


def prepare(work, flags):
    """Makes it."""
    os.makedirs(shared(work), exist_ok=True)

    def make(output, *arguments):
        output = f"{shared(work)}/{output}"
        if not os.path.exists(output):
            subprocess.run(compiler(work) + flags + [*arguments, "-o", f"{output}.{os.getpid()}"], check=True)
            os.replace(f"{output}.{os.getpid()}", output)
    make("pch", "-include", f"{HERE}/mutants.hpp", "-x", "c++-header", f"{ROOT}/tests/support/precompiled.hpp")
    make("main.o", "-c", f"{ROOT}/tests/support/main.cpp")
    make("cases.o", "-c", f"{HERE}/cases.cpp")


def noticed_by(mutants, programs, number):
    """The first of the programs that fails with this mutant, or None."""
    own, others = os.path.splitext(os.path.basename(mutants.of[number][0]))[0], 0.0
    parts = ((place, own not in p.name, seconds, p, cases) for p in programs for place, seconds, cases in p.parts(number))
    for _, other, seconds, program, cases in sorted(parts, key=lambda part: part[:3]):
        if other and others > MOST_SECONDS:
            continue
        begin = time.monotonic()
        if program.notices(number, seconds, cases):
            return program.name
        others += time.monotonic() - begin if other else 0
    return None


def judge(mutants, programs, chosen, log):
    """Number: the program that noticed the mutant, or None. `log` has what was found earlier."""
    done, built = {}, max((os.path.getmtime(p.path) for p in programs if p.cases), default=0)
    if os.path.exists(log):
        with open(log, encoding="ascii") as file:
            for line in file:
                *key, when, verdict = line.rstrip("\n").split("\t")
                if verdict != "None" or float(when) > built:  # other tests may notice what survived
                    done[tuple(key)] = verdict
    verdicts = {n: done[mutants.key(n)] for n in chosen if mutants.key(n) in done}
    verdicts = {n: None if verdict == "None" else verdict for n, verdict in verdicts.items()}
    left = [n for n in chosen if n not in verdicts]
    with open(log, "a", encoding="ascii") as out, concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for number, verdict in zip(left, pool.map(lambda n: noticed_by(mutants, programs, n), left)):
            verdicts[number] = verdict
            out.write("\t".join((*mutants.key(number), str(time.time()), str(verdict))) + "\n")
            out.flush()
    return verdicts


def read_survivors():
    """What is known to survive: 'path: what: line', then, indented, why."""
    survivors, keys = {}, []
    with open(f"{HERE}/survivors.txt", encoding="ascii") as file:
        for line in file:
            if line.startswith(" "):
                survivors.update((key, line.strip()) for key in keys)
            elif line.strip() and not line.startswith("#"):
                keys = keys + [line.strip()] if not survivors.get(keys[-1] if keys else "") else [line.strip()]
    return survivors


def report(mutants, verdicts, whole):
    survivors = read_survivors()
    counts, unknown = {}, []
    for number, verdict in sorted(verdicts.items()):
        path = mutants.of[number][0]
        name = mutants.name(number)
        row = counts.setdefault(path, [0, 0, 0])
        row[0] += 1
        if verdict is not None:
            row[1] += 1
            if name in survivors and whole:
                print(f"died, so that survivors.txt need not have it: {name}")
        elif name in survivors:
            row[2] += 1
        else:
            unknown.append(f"survived: {mutants.text(number)}")
    for path, (made, died, known) in sorted(counts.items()):
        print(f"{path:44}{made:6} mutants {died:6} died {known:6} known to survive {made - died - known:4} new")
    made, died, known = (sum(row[column] for row in counts.values()) for column in range(3))
    print(f"{'all':44}{made:6} mutants {died:6} died {known:6} known to survive {made - died - known:4} new: "
          f"{100 * died / max(1, made):.1f} % of all died")
    print("\n".join(unknown))
    return 1 if unknown or not verdicts else 0


def build(mutants, work, tests, links, flags):
    """The tests over the headers with these mutants, and which of them each reaches."""
    prepare(work, flags)
    programs = [Program(work, source, links, flags) for source in tests]
    programs += [Program(work, p.source, links, flags, True) for p in programs if p.source[:-4].endswith(PORTABLE)]
    if "asio" in links:
        for shared in ("asio", "test_server"):
            Program(work, f"{ROOT}/tests/support/{shared}.cpp", links, flags).compile(mutants)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(lambda program: program.build(mutants), programs))
    if "-lpq" in links:  # so that PostgreSQL is started once for all of them
        usable = [program for program in programs if program.usable]
        programs = [program.with_others(usable[1:]) for program in usable[:1]]
    for program in programs:
        if program.usable:
            program.trace()
    return programs


def run_area(work, area, regex):
    """All mutants of those headers of an area whose path has a match; those that survive once more, with sanitizers."""
    patterns, tests, links = AREAS[area]
    work = os.path.realpath(work)
    mutants = Mutants(f"{work}/plain", [path for pattern in patterns for path in matching(pattern)])
    mutants.drop_other_platforms([link for link in links if link.startswith("-I")])
    programs = build(mutants, f"{work}/plain", list(sources(tests)), links, [])
    left = set(mutants.of) - mutants.dropped
    chosen = sorted(number for number in left if re.search(regex, mutants.of[number][0]))
    if DRAWN:
        chosen = sorted(random.Random(area).sample(chosen, min(DRAWN, len(chosen))))
    verdicts = judge(mutants, programs, chosen, f"{work}/plain/verdicts")
    print(f"{area}: {len(chosen)} of {len(left)} mutants, without sanitizers", flush=True)
    report(mutants, verdicts, False)
    known = read_survivors()
    survivors = {number for number, verdict in verdicts.items() if verdict is None and mutants.name(number) not in known}
    for name, flags in SANITIZERS.items():
        if name == "threads" and area not in WITH_THREADS:
            continue
        again = Mutants(f"{work}/{name}", list(mutants.headers), survivors)
        reaching = list(dict.fromkeys(source for p in programs if p.reached() & survivors for source in p.sources))
        verdicts.update(judge(again, build(again, f"{work}/{name}", reaching, links, flags), sorted(survivors), f"{work}/{name}/verdicts"))
        survivors = {number for number in survivors if verdicts[number] is None}
    return report(mutants, verdicts, True)


def sample(work, seed):
    """20 mutants of two headers, by the tests of their names; those that survive once more, with wider tests and sanitizers."""
    drawn = random.Random(seed)
    paths = sorted(drawn.sample(sorted(SAMPLED), 2))
    print(f"mutants of {' and '.join(paths)}, drawn with {seed}", flush=True)
    for folder in glob.glob(f"{work}/sample-*"):
        shutil.rmtree(folder)
    work = os.path.realpath(f"{work}/sample-{re.sub('[^0-9A-Za-z]', '_', seed)}")
    own = [test for path in paths for test in [f"unit/{path[:-4]}", *SAMPLED[path]]]
    mutants = Mutants(f"{work}/plain", paths, set())
    order = drawn.sample(sorted(mutants.of), min(30, len(mutants.of)))  # some do not compile
    mutants.only = set(order)
    mutants.write()
    programs = build(mutants, f"{work}/plain", list(sources(own)), [], [])
    chosen = {number for number in [n for n in order if n not in mutants.dropped][:20]}
    verdicts = judge(mutants, programs, sorted(chosen), f"{work}/plain/verdicts")
    survivors = {number for number, verdict in verdicts.items() if verdict is None and mutants.name(number) not in read_survivors()}
    if survivors:
        again = Mutants(f"{work}/sanitized", paths, survivors)
        programs = build(again, f"{work}/sanitized", list(sources(own + WIDE)), [], SANITIZERS["sanitized"])
        verdicts.update(judge(again, programs, sorted(survivors), f"{work}/sanitized/verdicts"))
    return report(mutants, verdicts, False)


def main(work, *areas):
    if areas[0] == "sample":
        return sample(work, areas[1])

    chosen = (name.partition(":") for name in areas)
    return max(run_area(f"{work}/{area}", area, regex) for name, _, regex in chosen for area in GROUPS.get(name, (name,)))


JOBS = int(os.environ.get("DROPLIT_JOBS", os.cpu_count()))
DRAWN = int(os.environ.get("DROPLIT_DRAWN", 0))  # if not 0: only so many mutants of each area, always the same
SHORT = (0.35, 1.5)  # seconds: test cases that take at most so long are tried before all others
MOST_SECONDS = float(os.environ.get("DROPLIT_SECONDS", 60))  # for a mutant, beside the tests of its header's name
sys.exit(main(*sys.argv[1:]))
