#!/usr/bin/python3
"""Runs every test of Weir and sums them up; `./dev test` and `./dev fuzz` call it.

Stages, in the order in which they tell most for least time:

  tidy   the rules of the repository                                         tests/tidy/tidy.py
  unit   a small C program a module, built with gcc, warnings as errors      tests/unit
  flow   the real binary between real clients and servers                    tests/flow (pytest)
  clang  everything once more with clang, warnings as errors
  fuzz   every fuzz target over its corpus, then for a bounded time          tests/fuzz
  asan   unit and flow under address and undefined-behaviour sanitizers
  tsan   unit and flow under the thread sanitizer

The last line of the output is the sum: `N passed, N failed`, with `, N skipped` where something was.
"""
import argparse
import concurrent.futures
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILDS = ROOT / "build-test"
FUZZ_S_QUICK, FUZZ_S, FUZZ_S_LONG = 2, 5, 600
UNSTEADY_MAX = 3
MANY_AT_ONCE, FEW_AT_ONCE = (["-n", workers, "--dist", "loadgroup"] for workers in ("8", "3"))
STAGES = ["tidy", "unit", "flow", "clang", "fuzz", "asan", "tsan"]

# What meson is told for each flavour. The optimised plain build is the one users get, with assertions on. Warnings are errors
# with both compilers; not in the sanitized builds, where -O1 (half the time to compile) makes gcc see lengths that cannot be.
FLAVOURS = {
    "plain": ("gcc", ["--werror"]),
    "asan": ("gcc", ["-Doptimization=1", "-Db_sanitize=address,undefined"]),
    "tsan": ("gcc", ["-Doptimization=1", "-Db_sanitize=thread"]),
    "clang": ("clang", ["--werror", "-Doptimization=0"]),  # never run; its warnings do not depend on it
    "fuzz": ("clang", ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dfuzz=true"]),
}

# What runs on one thread by its nature: rooms, and long tests of others; these have nothing to tell the thread sanitizer.
SINGLE_THREADED = ("cli", "config", "http", "rule", "scale")
SINGLE_THREADED_TESTS = ("test_history_file", "test_roster", "test_rule_play", "test_sink_formats")

# Sanitizer reports go to files (…/sanitizer.PID), because a process whose output nobody reads must fail its test too.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=0:second_deadlock_stack=1",
}


class Sum:
    """What came of the tests, and the stages' times."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.unsteady = []
        self.skips = []
        self.times = []

    def add_pass(self, count=1):
        self.passed += count

    def add_failure(self, name):
        self.failures.append(name)

    def add_skip(self, name, why):
        self.skips.append(f"{name}: {why}")

    def add_unsteady(self, name):
        self.unsteady.append(name)
        self.passed += 1

    def print(self):
        print()
        for name, seconds in self.times:
            print(f"  {name:<8}{seconds:6.0f} s")
        for name in self.unsteady:
            print(f"  unsteady: {name}: failed beside others, passed alone; what it said stands above")
        for skip in self.skips:
            print(f"  skipped: {skip}")
        for failure in self.failures:
            print(f"  FAILED:  {failure}")
        line = f"{self.passed} passed, {len(self.failures)} failed"
        print(line + (f", {len(self.skips)} skipped" if self.skips else ""), flush=True)


def say(text):
    print(f"\n\033[1m==>\033[0m {text}", flush=True)


def call(arguments, **options):
    """Runs a program with its output in ours; returns its exit status."""
    sys.stdout.flush()
    return subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, **options).returncode


def build(flavour, sums, targets=()):
    """Configures and builds a flavour in its own folder. False: it failed and was counted."""
    compiler, options = FLAVOURS[flavour]
    folder = BUILDS / flavour
    environment = dict(os.environ, CC=compiler)
    setup = ["meson", "setup", folder, *options]
    if (folder / "build.ninja").exists():
        setup.insert(2, "--reconfigure")
    log = BUILDS / f"{flavour}-setup.log"
    BUILDS.mkdir(exist_ok=True)
    with open(log, "w") as out:
        status = call(setup, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    if status:
        print(log.read_text()[-4000:])
    status = status or call(["ninja", "--quiet", "-C", folder, *targets])
    if status:
        sums.add_failure(f"build of {flavour} ({compiler} {' '.join(options)})")
    return status == 0


def binary_of(flavour):
    return BUILDS / flavour / "weir"


def address_space_wrapper():
    """The thread sanitizer needs a layout that some kernels' randomisation does not give: then it is switched off."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "probe.c")
        source.write_text("int main(void)\n{\n    return 0;\n}\n")
        probe = pathlib.Path(folder, "probe")
        if call(["gcc", "-fsanitize=thread", "-o", probe, source]):
            return None
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if all(call([probe], **quiet) == 0 for _ in range(5)):
            return []
        wrapper = ["setarch", os.uname().machine, "-R"]
        return wrapper if call([*wrapper, probe], **quiet) == 0 else None


def environment_of(flavour):
    environment = dict(os.environ, WEIR_BINARY=str(binary_of(flavour)), WEIR_FLAVOUR=flavour, PYTHONDONTWRITEBYTECODE="1")
    if flavour in ("asan", "tsan"):
        environment.update(SANITIZER_OPTIONS)
    return environment


# ------------------------------------------------------------------------------------------------ stages


def stage_tidy(options, sums):
    sys.path.insert(0, str(ROOT / "tests" / "tidy"))
    import tidy

    for name, problems, note in tidy.run(options.pattern):
        if note:
            print(note)
        if problems:
            print(f"tidy {name}:")
            print("\n".join(f"  {problem}" for problem in problems[:40]))
            if len(problems) > 40:
                print(f"  … and {len(problems) - 40} more")
            sums.add_failure(f"tidy: {name} ({len(problems)})")
        else:
            sums.add_pass()


def count_cmocka(output):
    """Passed and failed cases that cmocka reported, over all groups of a program."""
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = re.findall(r"\[  FAILED  \] ([A-Za-z_]\w+)$", output, re.M)
    return passed, sorted(set(failed))


def run_unit(flavour, wrapper, options, sums):
    folder = BUILDS / flavour
    tests = subprocess.run(["meson", "test", "-C", folder, "--list"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    names = [line.split(" / ")[-1].strip() for line in tests.stdout.splitlines() if "test_" in line]
    if flavour == "tsan":
        names = [name for name in names if name not in SINGLE_THREADED_TESTS
                 and not any((ROOT / "tests" / "unit" / room / f"{name}.c").exists() for room in SINGLE_THREADED)]
    if options.pattern:
        names = [name for name in names if options.pattern in name]
    if not names:
        return
    report = folder / "meson-logs" / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    arguments = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "3"]
    if wrapper:
        arguments += ["--wrapper", " ".join(wrapper)]
    status = call([*arguments, *names], env=environment_of(flavour))
    if not report.exists():
        sums.add_failure(f"unit ({flavour}): no report")
        return
    failed_before = len(sums.failures)
    for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            output = "".join(case.itertext())
            passed, failed = count_cmocka(output)
            if case.find("failure") is None and case.find("error") is None:
                sums.add_pass(max(passed, 1))
            else:
                sums.add_pass(passed)
                for name in failed or [case.get("name")]:
                    sums.add_failure(f"unit ({flavour}): {case.get('name')}: {name}")
    if status and len(sums.failures) == failed_before:
        sums.add_failure(f"unit ({flavour}): meson test ended with status {status}")


def run_flow(flavour, wrapper, options, sums):
    """Many at once, since most tests wait for something most of the time; then those that bear few others, then one by one."""
    if not binary_of(flavour).exists():
        sums.add_failure(f"flow ({flavour}): there is no {binary_of(flavour).relative_to(ROOT)}")
        return
    marks = []
    if options.quick or flavour != "plain":
        marks.append("not long")
    if flavour != "plain":
        marks.append("not plain")
    choice = ["--long"] if options.long else []
    choice += ["-k", options.pattern] if options.pattern else []
    failed = []
    for first, more in [("not few and not alone", MANY_AT_ONCE), ("few", FEW_AT_ONCE), ("alone", [])]:
        selected = ["-m", " and ".join([first, *marks]), *choice, *more, "tests/flow"]
        failed += run_pytest(flavour, wrapper, selected, options.pattern or more is not MANY_AT_ONCE, sums)
    judge_failed(flavour, wrapper, failed, sums)


def run_pytest(flavour, wrapper, selected, may_be_none, sums):
    """Counts what passed and was skipped; returns (test's path and name, what it said) of what failed."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "flow.xml")
        arguments = ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", "--tb=short", "-q",
                     "-rfE", "--durations=8", *selected]
        status = call([*(wrapper or []), *arguments], cwd=ROOT, env=environment_of(flavour))
        if status == 5 and may_be_none:  # pytest's word for: nothing chosen
            return []
        if not report.exists():
            sums.add_failure(f"flow ({flavour}): pytest ended with status {status} and no report")
            return []
        return count_junit(report, flavour, sums)


def count_junit(report, flavour, sums):
    failed = {}
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = re.sub(r"@test_\w+$", "", case.get("name"))  # its group
        test = f"{case.get('classname', '').replace('.', '/')}.py::{name}"
        said = [reason for reason in (case.find("failure"), case.find("error")) if reason is not None]
        skipped = case.find("skipped")
        if said:
            failed[test] = failed.get(test, "") + "".join(f"{reason.get('message')} {reason.text}" for reason in said)
        elif skipped is not None:
            sums.add_skip(flow_name(flavour, test), skipped.get("message", ""))
        else:
            sums.add_pass()
    return list(failed.items())


def flow_name(flavour, test):
    path, _, name = test.partition("::")
    return f"flow ({flavour}): {pathlib.Path(path).stem}::{name}"


def judge_failed(flavour, wrapper, failed, sums):
    """A test of many processes on a busy machine may fail once for no fault of what it tests: it gets a second chance, alone, and
    is named at the end. What a sanitizer found stays found, and many are no accident."""
    again = [test for test, said in failed if "sanitizer report" not in said and len(failed) <= UNSTEADY_MAX]
    for test, _ in failed:
        if test not in again:
            sums.add_failure(flow_name(flavour, test))
    for test in again:
        second = Sum()
        still = run_pytest(flavour, wrapper, [test], False, second)
        if still or not second.passed:
            sums.add_failure(flow_name(flavour, test))
        else:
            sums.add_unsteady(flow_name(flavour, test))


def stage_unit(options, sums):
    if build("plain", sums):
        run_unit("plain", None, options, sums)


def stage_flow(options, sums):
    if build("plain", sums, ["weir", "tests/tools/synthetic-server", "tests/tools/load", "tests/tools/stepped_clock.so"]):
        run_flow("plain", None, options, sums)


def stage_clang(options, sums):
    if not options.pattern and build("clang", sums):
        sums.add_pass()


def stage_sanitized(flavour, options, sums):
    wrapper = []
    if flavour == "tsan":
        wrapper = address_space_wrapper()
        if wrapper is None:
            sums.add_skip(flavour, "the thread sanitizer does not run on this kernel")
            return
    if build(flavour, sums):
        run_unit(flavour, wrapper, options, sums)
        run_flow(flavour, wrapper, options, sums)


def fuzz_targets(pattern):
    names = sorted(path.stem for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.c"))
    return [name for name in names if not pattern or pattern in name]


def play_fuzz(program, flags, *arguments):
    """Did it pass, and what there is to tell: its figures or, else, the end of its output."""
    done = subprocess.run([program, *flags, *arguments], env=dict(os.environ, **SANITIZER_OPTIONS), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    figures = re.findall(r"^stat::(?:number_of_executed_units|new_units_added|peak_rss_mb).*$", done.stdout, re.M)
    return done.returncode == 0, "\n".join(figures) if done.returncode == 0 else done.stdout[-6000:]


def fuzz_one(name, seconds, seed):
    """Every file of the corpus once, then new inputs for a bounded time. What it finds lands in build-test/fuzz-found/.

    The seed 0 stands for another one each time. Returns (did it pass?, what, what there is to tell) of both."""
    program = next(iter((BUILDS / "fuzz").rglob(name)), None)
    corpus = ROOT / "tests" / "fuzz" / name.removeprefix("fuzz_")
    files = sorted(path for path in corpus.rglob("*") if path.is_file()) if corpus.is_dir() else []
    if program is None or not files:
        return [(False, f"{name} was not built" if files else f"{name} has no corpus ({corpus.relative_to(ROOT)}/)", "")]
    dictionary = corpus.with_name(f"{name}.dict")
    found, grown = BUILDS / "fuzz-found", BUILDS / "fuzz-corpus" / name
    for folder in (found, grown):
        folder.mkdir(parents=True, exist_ok=True)
    flags = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-verbosity=0", "-print_final_stats=1",
             f"-artifact_prefix={found}/{name}-", *([f"-dict={dictionary}"] if dictionary.exists() else [])]
    known, known_text = play_fuzz(program, flags, *files)
    new, new_text = play_fuzz(program, flags, f"-max_total_time={seconds}", f"-seed={seed}", grown, corpus)
    return [(known, f"{name} over its corpus of {len(files)} files", "" if known else known_text),
            (new, f"{name} for {seconds} s (see {found.relative_to(ROOT)}/)", new_text)]


def stage_fuzz(options, sums):
    targets = fuzz_targets(options.pattern)
    if not targets or not build("fuzz", sums, [f"tests/fuzz/{name}" for name in targets]):
        return
    seconds = options.seconds or (FUZZ_S_QUICK if options.quick else FUZZ_S)
    seed = 0 if options.fuzz else 1  # what a change did not cause shall not stop it; `./dev fuzz` looks for that
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # each keeps one CPU busy
        for passed, what, text in itertools.chain.from_iterable(pool.map(lambda name: fuzz_one(name, seconds, seed), targets)):
            print(f"{what}\n{text}".strip(), flush=True)
            if passed:
                sums.add_pass()
            else:
                sums.add_failure(f"fuzz: {what}")


RUN = {
    "tidy": stage_tidy,
    "unit": stage_unit,
    "flow": stage_flow,
    "clang": stage_clang,
    "fuzz": stage_fuzz,
    "asan": lambda options, sums: stage_sanitized("asan", options, sums),
    "tsan": lambda options, sums: stage_sanitized("tsan", options, sums),
}


def chosen_stages(options):
    if options.stage:
        return [stage for stage in STAGES if stage in options.stage]
    if options.quick:
        return ["tidy", "unit", "flow"]
    if options.pattern:
        return ["tidy", "unit", "flow", "fuzz"]
    return STAGES


def main():
    parser = argparse.ArgumentParser(description="run Weir's tests")
    parser.add_argument("--quick", action="store_true", help="tidy, unit and the short flow tests only")
    parser.add_argument("--long", action="store_true", help="also the flow tests that take minutes")
    parser.add_argument("--stage", action="append", choices=STAGES, help="only this stage (may be repeated)")
    parser.add_argument("--fuzz", action="store_true", help="fuzz only: [TARGET] [SECONDS]")
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("seconds", nargs="?", type=int)
    options = parser.parse_args()
    if options.fuzz:
        options.stage = ["fuzz"]
        if options.pattern.isdigit():
            options.pattern, options.seconds = "", int(options.pattern)
        options.seconds = options.seconds or FUZZ_S_LONG
    if not shutil.which("meson"):
        sys.exit("run.py: start this through ./dev test, which installs what is needed")
    sums = Sum()
    for stage in chosen_stages(options):
        say(stage)
        start = time.monotonic()
        try:
            RUN[stage](options, sums)
        except Exception as error:  # A broken stage must not hide the others, nor pass.
            sums.add_failure(f"{stage}: {type(error).__name__}: {error}")
        sums.times.append((stage, time.monotonic() - start))
    if not sums.passed and not sums.failures:
        sums.add_failure(f"no test's name has '{options.pattern}' in it")
    sums.print()
    sys.exit(1 if sums.failures else 0)


if __name__ == "__main__":
    main()
