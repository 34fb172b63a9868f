#!/usr/bin/python3
"""The rules of the repository that a machine can check. `tests/tidy/tidy.py [NAME]` runs them (or those whose name has NAME).

Each check is a function decorated with @check that yields problems, one string each: `file:line: what is wrong`. Checks read
the files that git tracks, so that build folders and notes lying about do not matter.
"""
import collections
import functools
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Room: the rooms it may include besides itself and base. The table of ARCHITECTURE.md; keep the two equal.
MAY_INCLUDE = {
    "base": "",
    "config": "rule",
    "rule": "",
    "http": "",
    "net": "",
    "store": "net",
    "stats": "",
    "fleet": "stats",
    "balance": "fleet stats",
    "provider": "fleet stats net config",
    "scale": "fleet stats config",
    "watch": "fleet stats net http config rule",
    "proxy": "fleet balance stats http net config",
    "admin": "fleet stats http net config",
    "control": "config rule http net store stats fleet balance provider scale watch proxy admin",
    "supervisor": "net",
    "cli": "config http net",
}
# The one file above the rooms: `weir run` and `weir worker` start here.
MAIN_MAY_INCLUDE = "cli supervisor control config net"
# Beyond the row: the borders that are interfaces. (Room, header).
ALSO_MAY_INCLUDE = {
    ("scale", "provider/provider.h"),  # the provider interface, not the providers
}
# The one file above the rooms: it starts supervisor, worker or command.
ABOVE_THE_ROOMS = "src/main.c"

# Atomics are hard to read; these modules declare them, so that the others at most read a number of theirs.
MAY_BE_ATOMIC = {
    "src/base/log.c",
    "src/stats/counter.h",
    "src/balance/balance.h",
    "src/fleet/let_in.h",
    "src/fleet/let_in.c",
    "src/fleet/server.h",
    "src/fleet/server.c",
    "src/fleet/service.h",
    "src/fleet/fleet.h",
    "src/fleet/fleet.c",
    "src/net/loop.h",
    "src/net/loop.c",
    "src/net/job.c",
    "src/net/program.h",
    "src/provider/driver.h",
    "src/provider/interruption.h",
    "src/provider/interruption.c",
    "src/provider/managed.c",
    "src/proxy/thread.h",
    "src/watch/disks.c",
}

# A foreign library is included by one file of ours, which wraps it.
FOREIGN = {
    "yaml.h": "libyaml",
    "jansson.h": "jansson",
    "curl/": "libcurl",
    "sqlite3.h": "SQLite",
    "openssl/": "OpenSSL",
    "nghttp2/": "nghttp2",
    "ares.h": "c-ares",
    "pcre2.h": "PCRE2",
    "zlib.h": "zlib",
}

# Where a library does several things for us, one file each.
FOREIGN_IN_PARTS = {
    "libcurl": {"src/net/fetch.c", "src/net/mail.c"},  # HTTP, SMTP
}

BANNED = {
    "strcpy": "str.h or buf.h",
    "strcat": "buf.h",
    "strncpy": "str.h",
    "strncat": "buf.h",
    "sprintf": "snprintf or buf.h",
    "vsprintf": "vsnprintf or buf.h",
    "gets": "read",
    "strtok": "str.h",
    "strtok_r": "str.h",
    "alloca": "the arena",
    "rand": "base/random.h",
    "srand": "base/random.h",
    "random": "base/random.h",
    "drand48": "base/random.h",
    "system": "posix_spawn",
    "popen": "posix_spawn",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "atoi": "units.h or str.h",
    "atol": "units.h or str.h",
    "atof": "units.h or str.h",
    "gethostbyname": "getaddrinfo",
    "localtime": "localtime_r",
    "gmtime": "gmtime_r",
    "ctime": "strftime",
    "asctime": "strftime",
    "inet_ntoa": "addr.h",
    "inet_addr": "addr.h",
    "setjmp": "a value",
    "longjmp": "a value",
}

FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 100

CHECKS = []
NOTES = []


def check(function):
    CHECKS.append(function)
    return function


@functools.lru_cache(maxsize=None)
def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in out.decode().split("\0") if name and (ROOT / name).is_file()]


@functools.lru_cache(maxsize=None)
def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def is_text(name):
    return b"\0" not in (ROOT / name).read_bytes()[:8192]


def is_corpus(name):
    """Inputs of fuzz targets and tables of mistakes are kept as they are, whatever is in them."""
    return name.startswith(("tests/fuzz/", "tests/unit/")) and not name.endswith((".c", ".h", ".build", ".py", ".md"))


def code_lines(name):
    """Lines of a C file with comments and strings blanked, so that words in them do not count."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text_of(name), flags=re.S)
    return enumerate(text.split("\n"), 1)


def includes_of(name):
    """(line, header, is ours) of every #include."""
    for number, line in enumerate(text_of(name).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(2), match.group(1) == '"'


# ------------------------------------------------------------------------------------------------ rooms


@check
def includes_follow_the_table():
    for name in tracked("src/*.c", "src/*.h"):
        room = name.split("/")[1]
        if name == ABOVE_THE_ROOMS:
            continue
        row = MAIN_MAY_INCLUDE if name == "src/main.c" else MAY_INCLUDE.get(room)
        if row is None:
            yield f"{name}:1: the room '{room}' is not in the table"
            continue
        allowed = {room, "base", *row.split()}
        for number, header, is_ours in includes_of(name):
            if not is_ours:
                continue
            if "/" not in header:
                yield f"{name}:{number}: \"{header}\" does not name its room"
            elif header.split("/")[0] not in allowed and (room, header) not in ALSO_MAY_INCLUDE:
                yield f"{name}:{number}: {room} may not include \"{header}\""


@check
def architecture_tells_the_table():
    """People read the table in ARCHITECTURE.md, machines the one above: they say the same, room for room."""
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", text_of("ARCHITECTURE.md"), re.M)
    told = {room: set(re.findall(r"\b(?:" + "|".join(MAY_INCLUDE) + r")\b", allowed)) for room, allowed in rows}
    for room, allowed in MAY_INCLUDE.items():
        words = dict(rows).get(room, "")
        if room not in told:
            yield f"ARCHITECTURE.md:1: the room '{room}' is missing in the table"
        elif "everything but" in words:
            if set(allowed.split()) != set(MAY_INCLUDE) - told[room] - {room, "base"}:
                yield f"ARCHITECTURE.md:1: {room}: '{words.strip()}' is not what is checked"
        else:
            # A room that may include another may include what that one's headers show: fleet brings stats.
            closure = set(told[room])
            for other in told[room]:
                closure |= told.get(other, set()) - {"scale"}
            if not told[room] <= set(allowed.split()) | {"provider", "base"} or not set(allowed.split()) <= closure:
                yield f"ARCHITECTURE.md:1: {room}: the table says {sorted(told[room])}, checked is {sorted(allowed.split())}"


@check
def unit_tests_see_only_their_room():
    """A room's unit tests link that room and those below it: so they include nothing else."""
    for name in tracked("tests/unit/*.c"):
        room = name.split("/")[2]
        allowed = {room, "base", *MAY_INCLUDE.get(room, "").split()}
        for number, header, is_ours in includes_of(name):
            if is_ours and "/" in header and header.split("/")[0] not in allowed and (room, header) not in ALSO_MAY_INCLUDE:
                yield f"{name}:{number}: tests of {room} may not include \"{header}\""


@check
def modules_form_no_cycle():
    """A module is x.c with x.h (and x_priv.h). Only what headers need of each other can lock modules into a cycle."""
    graph = collections.defaultdict(set)
    for name in tracked("src/*.h"):
        module = name.removeprefix("src/").removesuffix(".h")
        for _, header, is_ours in includes_of(name):
            if is_ours:
                graph[module].add(header.removesuffix(".h"))
    done, path = set(), []

    def visit(module):
        if module in path:
            yield f"src/{module}.h:1: cycle: {' -> '.join(path[path.index(module):] + [module])}"
            return
        if module in done:
            return
        path.append(module)
        for target in sorted(graph[module]):
            yield from visit(target)
        path.pop()
        done.add(module)

    for module in sorted(graph):
        yield from visit(module)


@check
def headers_compile_alone():
    headers = tracked("src/*.h")
    for name in headers:
        if "#pragma once" not in text_of(name):
            yield f"{name}:1: no #pragma once"
    for name in headers:
        result = subprocess.run(
            ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-DWEIR_VERSION=\"0\"", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
             "-Wno-missing-field-initializers", "-Isrc", "-fsyntax-only", "-x", "c", "-include", f"src/{name.removeprefix('src/')}",
             "/dev/null"],
            cwd=ROOT, capture_output=True, text=True)
        if result.returncode:
            first = next((line for line in result.stderr.split("\n") if "error" in line), result.stderr.strip())
            yield f"{name}:1: does not compile alone: {first}"


@check
def own_header_comes_first():
    for name in tracked("src/*.c"):
        own = name.removeprefix("src/").removesuffix(".c") + ".h"
        first = next((header for _, header, _ in includes_of(name)), None)
        if (ROOT / "src" / own).exists() and first != own:
            yield f"{name}:1: \"{own}\" should be the first include, not \"{first}\""


@check
def sources_are_built():
    for name in tracked("src/*.c"):
        # The nearest build file counts: a room's own, or the one above the rooms.
        folder = (ROOT / name).parent
        while not (folder / "meson.build").exists():
            folder = folder.parent
        listed = (ROOT / name).relative_to(folder)
        if f"'{listed}'" not in (folder / "meson.build").read_text():
            yield f"{name}:1: dead file: {folder.relative_to(ROOT)}/meson.build does not list it"


# ------------------------------------------------------------------------------------------------ C


@check
def banned_functions():
    names = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for name in tracked("src/*.c", "src/*.h"):
        for number, line in code_lines(name):
            for match in names.finditer(line):
                yield f"{name}:{number}: {match.group(1)}() is banned; use {BANNED[match.group(1)]}"


@check
def atomics_live_in_few_modules():
    atomic = re.compile(r"\b(_Atomic|__atomic_\w+|__sync_\w+)\b")
    for name in tracked("src/*.c", "src/*.h"):
        if name in MAY_BE_ATOMIC:
            continue
        for number, header, _ in includes_of(name):
            if header == "stdatomic.h":
                yield f"{name}:{number}: <stdatomic.h> outside the modules that may use atomics (MAY_BE_ATOMIC)"
        for number, line in code_lines(name):
            match = atomic.search(line)
            if match:
                yield f"{name}:{number}: {match.group(1)} outside the modules that may use atomics (MAY_BE_ATOMIC)"


@check
def foreign_libraries_are_wrapped():
    users = collections.defaultdict(set)
    for name in tracked("src/*.c", "src/*.h"):
        for number, header, is_ours in includes_of(name):
            for prefix, library in FOREIGN.items():
                if not is_ours and header.startswith(prefix):
                    users[library].add(name)
                    if name.endswith(".h"):
                        yield f"{name}:{number}: {library} must not show in a header"
    for library, names in sorted(users.items()):
        if len(names) > 1 and names != FOREIGN_IN_PARTS.get(library):
            yield f"{sorted(names)[0]}:1: {library} is included by {len(names)} files: {', '.join(sorted(names))}"


@check
def names_keep_the_style():
    for name in tracked("src/*.c", "src/*.h"):
        for number, line in code_lines(name):
            if re.match(r"\s*typedef\s+(struct|union|enum)\b", line):
                yield f"{name}:{number}: no typedefs of structs"
            if re.search(r"\b(TODO|FIXME|XXX)\b", text_of(name).split("\n")[number - 1]):
                yield f"{name}:{number}: finish it or open an issue"


def functions_of(name):
    """(line, name, length) of the functions of a file that clang-format has laid out: braces of functions stand alone."""
    lines = text_of(name).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            head = " ".join(lines[max(0, start - 6):start - 1]).split(";")[-1].split("}")[-1]
            match = re.search(r"(\w+)\s*\((?:[^()]|\([^()]*\))*\)\s*$", head)
            yield start, match.group(1) if match else "?", number - start - 1
            start = None


@check
def sizes():
    lengths, files = [], []
    for name in tracked("src/*.c", "src/*.h"):
        count = text_of(name).count("\n")
        files.append((count, name))
        if count > FILE_LINES_MAX:
            yield f"{name}:1: {count} lines; at most {FILE_LINES_MAX}"
        for line, function, length in functions_of(name):
            lengths.append((length, function, name))
            if length > FUNCTION_LINES_MAX:
                yield f"{name}:{line}: {function}() has {length} lines; at most {FUNCTION_LINES_MAX}"
    if not lengths:
        return
    lengths.sort()
    files.sort()
    only = [length for length, _, _ in lengths]
    over = sum(length > 40 for length in only)
    NOTES.append(
        f"sizes: {len(files)} files, {sum(count for count, _ in files)} lines, median {statistics.median(c for c, _ in files):.0f}, "
        f"longest {files[-1][1]} ({files[-1][0]})\n"
        f"sizes: {len(lengths)} functions, median {statistics.median(only):.0f} lines, p90 {only[int(len(only) * 0.9)]}, "
        f"{over} over 40, longest "
        + ", ".join(f"{function}() {length}" for length, function, _ in lengths[:-4:-1]))


@check
def clang_format():
    names = tracked("*.c", "*.h")
    if not names:
        return
    result = subprocess.run(["clang-format-14", "--dry-run", *names], cwd=ROOT, capture_output=True, text=True)
    seen = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted", result.stderr, re.M):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            yield f"{match.group(1)}:{match.group(2)}: run ./dev fmt"
    if result.returncode and not seen:
        yield f".clang-format:1: {result.stderr.strip()}"


@check
def notes_are_known_in_korean():
    """Each note that a collector writes in words has its form among those of evidence_korean.c."""
    table = "src/watch/evidence_korean.c"
    forms = re.findall(r'\{(?:METRIC_\w+|metric),\s*"([^"]+)"', text_of(table))
    for name in tracked("src/watch/*.c", "src/watch/*/*.c", "src/control/*.c"):
        text = text_of(name)
        for call in re.finditer(r"\bboard_put_note\((.*?)\);", text, re.S):
            texts = re.findall(r'"((?:\\.|[^"\\])*)"', call.group(1))
            note = next((one for one in texts if "%" in one), "")
            words = re.sub(r"%[-.*0-9]*(?:ll|z)?[a-z]", "\0", note.replace("%%", "\1"))
            pattern = re.escape(words.replace("\1", "%")).replace("\0", ".*")
            if re.search(r"[A-Za-z]{2}", words) and not any(re.fullmatch(pattern, form) for form in forms):
                line = text[:call.start()].count("\n") + 1
                yield f"{name}:{line}: no row of {table} has the form of this note"


@check
def events_are_told_in_korean_as_they_are_written():
    """The words of each form in event_korean.c stand in the source that writes them."""
    table = "src/watch/event_korean.c"
    written = {name: re.sub(r'"\s*(?:PRI\w+\s*)?"', "", text_of(name)) for name in tracked("src/*/*.[ch]") if name != table}
    rows = re.sub(r'"[\s\\]*"', "", text_of(table))
    for english in re.findall(r'^#define \w+ +(?:\\\n *)?"([a-z][^"]*)"|\{(?:"\w+", )?"([^"]+)",\s*(?:"|NEEDED_)', rows, re.M):
        for words in re.split(r"\{t?\}|; ", english[0] or english[1]):
            if re.search(r"[A-Za-z]{2}", words) and not any(words in text for text in written.values()):
                yield f"{table}:1: nobody writes '{words.strip()}'"


# ------------------------------------------------------------------------------------------------ all files


@check
def plain_text():
    for name in tracked():
        if is_corpus(name) or not is_text(name):
            continue
        text = text_of(name)
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip() and name != "LICENSE":
                yield f"{name}:{number}: trailing space"
            if "\t" in line and name.endswith((".c", ".h", ".py", ".build", ".md", ".yaml")):
                yield f"{name}:{number}: tab"
            if "\r" in line:
                yield f"{name}:{number}: carriage return"
        if text and not text.endswith("\n"):
            yield f"{name}:{text.count(chr(10)) + 1}: no newline at the end"
        if text.endswith("\n\n"):
            yield f"{name}:{text.count(chr(10))}: empty line at the end"


@check
def no_paths_of_a_machine():
    """Nothing tracked may depend on where or by whom it was written, or on a mirror that only one network has."""
    pattern = re.compile(
        r"/(?:work|home/\w+|root)/|/tmp/b-|https?://(?:[\w.-]*(?:artifactory|nexus|mirror|registry|verdaccio|pypi|npmjs)[\w.-]*"
        r"|(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[\d.]+)[:/]")
    for name in tracked():
        if name == "tests/tidy/tidy.py" or is_corpus(name) or not is_text(name):
            continue
        for number, line in enumerate(text_of(name).split("\n"), 1):
            match = pattern.search(line)
            if match:
                yield f"{name}:{number}: {match.group(0)}"


@check
def shell_scripts():
    for name in ["dev", ".ci/run", *tracked("*.sh")]:
        if not (ROOT / name).exists():
            yield f"{name}:1: missing"
            continue
        if not (ROOT / name).stat().st_mode & 0o111:
            yield f"{name}:1: not executable"
        result = subprocess.run(["shellcheck", "--format=gcc", name], cwd=ROOT, capture_output=True, text=True)
        yield from result.stdout.strip().split("\n") if result.stdout.strip() else []


@check
def python_compiles():
    for name in tracked("*.py"):
        try:
            compile(text_of(name), name, "exec")
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: {error.msg}"
        for number, line in enumerate(text_of(name).split("\n"), 1):
            if len(line) > 144:
                yield f"{name}:{number}: {len(line)} columns; at most 144"


# ------------------------------------------------------------------------------------------------ documents


def documents():
    return [name for name in tracked("*.md")]


def anchor_of(heading):
    """How GitHub and most viewers turn a heading into an anchor."""
    words = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def blocks_of(name):
    """(line, language, text) of every fenced block."""
    for match in re.finditer(r"^```([^\n]*)\n(.*?)^```$", text_of(name), re.M | re.S):
        yield text_of(name)[:match.start()].count("\n") + 1, match.group(1).strip(), match.group(2)


def headings_of(name):
    bare = re.sub(r"^```.*?^```$", "", text_of(name), flags=re.M | re.S)
    return re.findall(r"^(#+)\s+(.+)$", bare, re.M)


@check
def links_resolve():
    for name in documents():
        bare = re.sub(r"^```.*?^```$|`[^`\n]*`", lambda m: "\n" * m.group(0).count("\n"), text_of(name), flags=re.M | re.S)
        for match in re.finditer(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)|<img[^>]+src=\"([^\"]+)\"", bare):
            link = match.group(1) or match.group(2)
            if re.match(r"[a-z]+:", link):
                continue
            number = bare[:match.start()].count("\n") + 1
            path, _, anchor = link.partition("#")
            target = (ROOT / name).parent / path if path else ROOT / name
            if not target.exists():
                yield f"{name}:{number}: {link}: no such file"
            elif anchor and target.suffix == ".md":
                relative = str(target.resolve().relative_to(ROOT))
                if anchor not in [anchor_of(heading) for _, heading in headings_of(relative)]:
                    yield f"{name}:{number}: {link}: no such heading"


def commands_of(name):
    for line, language, text in blocks_of(name):
        if language.split(" ")[0] in ("sh", "console", "shell"):
            for offset, command in enumerate(text.split("\n"), 1):
                yield line + offset, command.removeprefix("$ ").strip()


@check
def commands_exist():
    dev = set(re.findall(r"^([a-z]+)\) ", text_of("dev"), re.M)) | {"help"}
    weir = set(re.findall(r"^\.SS weir ([a-z]+)", text_of("docs/man/weir.1"), re.M)) | {"help"}
    for name in documents():
        for number, command in commands_of(name):
            match = re.match(r"\./dev (\w+)", command)
            if match and match.group(1) not in dev:
                yield f"{name}:{number}: there is no ./dev {match.group(1)}"
            match = re.match(r"(?:\S*/)?weir ([a-z]+)", command)
            if match and match.group(1) not in weir:
                yield f"{name}:{number}: there is no weir {match.group(1)}"


@check
def readme_is_in_step():
    """README.ko.md says what README.md says: the same levels of headings, the same blocks, the same links."""
    for name in ("README.md", "README.ko.md"):
        if not (ROOT / name).exists():
            yield f"{name}:1: missing"
            return
    english, korean = [len(level) for level, _ in headings_of("README.md")], [len(level) for level, _ in headings_of("README.ko.md")]
    if english != korean:
        yield f"README.ko.md:1: headings have levels {korean}, README.md's {english}"

    def comparable(name):
        # Comments inside blocks are for people and may be translated.
        return [(language, re.sub(r"\s*#.*$", "", text, flags=re.M)) for _, language, text in blocks_of(name)]

    for index, (one, other) in enumerate(zip(comparable("README.md"), comparable("README.ko.md")), 1):
        if one != other:
            yield f"README.ko.md:1: block {index} differs from README.md's"
    if len(comparable("README.md")) != len(comparable("README.ko.md")):
        yield "README.ko.md:1: not as many blocks as README.md"


def run(pattern=""):
    """Yields (name, problems, note) of each check whose name has the pattern."""
    for function in CHECKS:
        name = function.__name__
        if pattern and pattern not in name and pattern != "tidy":
            continue
        NOTES.clear()
        try:
            problems = list(function())
        except Exception as error:
            problems = [f"the check itself broke: {type(error).__name__}: {error}"]
        yield name, problems, "\n".join(NOTES)


def main():
    failed = 0
    for name, problems, note in run(sys.argv[1] if len(sys.argv) > 1 else ""):
        print(f"{'FAIL' if problems else 'ok  '} {name}")
        for line in [*problems, *([note] if note else [])]:
            print(f"       {line}")
        failed += bool(problems)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
