# What `mewz debug` teaches gdb: the state of the kernel and of WASI, and cores. Written by mewz.
import gdb
import json
import os
import re
import socket
import struct
import sys

# Where mewz notes what this session looks at.
FOLDER = os.path.dirname(os.path.abspath(__file__))
REGISTERS = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 eflags rip".split()
# Where the kernel's code begins, and the program's.
KERNEL = 0xFFFFFFFF80000000
PROGRAM = 0xFFFFFFFFA0000000
# Functions of Rust's library.
LIBRARY = re.compile(r"(alloc|core|std|panic_abort|panic_unwind)::|_?_?rust_")
REGIONS = (
    (0x0, 0x800000000000, "the program's memories"),
    (0xFFFF800000000000, 0xFFFFA00000000000, "all of the machine's memory, as the kernel sees it"),
    (0xFFFFA00000000000, 0xFFFFA00100000000, "the program's stack"),
    (KERNEL, PROGRAM, "the kernel"),
    (PROGRAM, 0x10000000000000000, "the program's code and data"),
)


def note(name):
    """What mewz has noted under this name."""
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return file.read()


def core_file():
    """The core that is looked at, if it is one."""
    return note("core-file")


def symbols(command, pattern):
    """Address and name of the symbols that gdb's `command` finds."""
    text = gdb.execute("%s -q %s" % (command, pattern), to_string=True)
    pairs = (line.split(None, 1) for line in text.splitlines())
    return [(int(pair[0], 16), pair[1]) for pair in pairs if len(pair) == 2 and pair[0].startswith("0x")]


def read(address, size):
    # Newer versions of gdb take reading nothing for a mistake.
    return bytes(gdb.selected_inferior().read_memory(address, size)) if size else b""


def variable(pattern):
    found = symbols("info variables", pattern)
    if not found:
        raise gdb.GdbError("this kernel has no such state")
    return found[0][0]


def memory_of_core(path):
    with open(path, "rb") as core:
        head = core.read(64)
        table, count = struct.unpack_from("<Q", head, 32)[0], struct.unpack_from("<H", head, 56)[0]
        core.seek(table)
        segments = [struct.unpack_from("<IIQQQQQQ", core.read(56)) for _ in range(count)]
    for start, end, what in REGIONS:
        inside = [segment for segment in segments if segment[0] == 1 and start <= segment[3] < end]
        if inside:
            size = sum(segment[6] for segment in inside)
            print("%#018x %10d KiB in %d parts: %s" % (inside[0][3], size >> 10, len(inside), what))


def log_of_core(_):
    address = variable("entry::debugger::LOG_TEXT")
    (written,) = struct.unpack("<Q", read(address, 8))
    ring = read(address + 8, 4096)
    start = max(0, written - len(ring))
    print(bytes(ring[at % len(ring)] for at in range(start, written)).decode("utf-8", "replace"), end="")


def interrupts_of_core(_):
    counts = read(variable("arch::exceptions::COUNTS"), 4 * 32)
    for vector, (count,) in enumerate(struct.iter_unpack("<I", counts)):
        if count:
            print("%4d %8d" % (vector, count))


def state_of_core(word):
    """What tells the words that the kernel had for its state when the core was written."""
    def tell(_):
        address = variable("entry::debugger::STATE_TEXT")
        (written,) = struct.unpack("<Q", read(address, 8))
        is_asked = False
        for line in read(address + 8, written).decode("utf-8", "replace").splitlines():
            if line.startswith("= "):
                is_asked = line == "= " + word
            elif is_asked:
                print(line)
        if written == 0:
            raise gdb.GdbError(
                "this core does not tell that: cores of crashed programs do, and those of `mewz core` in gdb"
            )

    return tell


def calls_of_core(_):
    base = variable("entry::debugger::CALLS")
    for address, name in symbols("info functions", "^wasi_snapshot_preview1"):
        # The stub has its number in `mov r11d, NUMBER`.
        code = read(address, 32)
        at = code.find(b"\x41\xbb")
        if at >= 0:
            (number,) = struct.unpack_from("<I", code, at + 2)
            (count,) = struct.unpack("<Q", read(base + 8 * number, 8))
            if count:
                print("%8d %s" % (count, name.split("$")[1]))


LOG_LEVELS = ("error", "warn", "info", "debug", "trace")

# Names, the stub's words for them, what they are, and how a core tells.
STATES = (
    ("descriptors", "fds", "the program's descriptors", state_of_core("fds")),
    ("heap", "heap", "the kernel's heap", state_of_core("heap")),
    ("interrupts", "irq", "interrupts and exceptions by vector; of a core, exceptions", interrupts_of_core),
    ("log", "log", "the last lines of the kernel's log; mewz log LEVEL says which are kept from now on", log_of_core),
    ("memory", "memory", "the program's memories, and what is free", memory_of_core),
    ("sockets", "sockets", "the program's sockets", state_of_core("sockets")),
    ("wasi", "wasi", "calls of WASI by name", calls_of_core),
)


class Mewz(gdb.Command):
    """The state of the kernel and of WASI."""

    def __init__(self):
        super().__init__("mewz", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)


class State(gdb.Command):
    def __init__(self, name, word, what, of_core):
        self.__doc__ = "Show %s." % what
        self.word, self.of_core = word, of_core
        super().__init__("mewz " + name, gdb.COMMAND_STATUS)

    def complete(self, text, word):
        return [level for level in LOG_LEVELS if self.word == "log" and level.startswith(word)]

    def invoke(self, argument, from_tty):
        core = core_file()
        is_there = core is None and note("recording") is None
        if argument and (self.word != "log" or not is_there):
            raise gdb.GdbError("%s takes no argument here" % self.word)
        if note("recording") is not None and self.word in ("irq", "log", "wasi"):
            self.of_core(None)
        elif note("recording") is not None:
            raise gdb.GdbError("only a machine that is there tells that, not a recording")
        elif core is None:
            print(gdb.execute(("monitor %s %s" % (self.word, argument)).rstrip(), to_string=True), end="")
        else:
            self.of_core(core)


class Core(gdb.Command):
    """Write the machine's memory to a file, for `mewz debug FILE`: mewz core [FILE]."""

    def __init__(self):
        super().__init__("mewz core", gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        if core_file() is not None:
            raise gdb.GdbError("this is a core")
        if note("recording") is not None:
            raise gdb.GdbError("this is a recording")
        words = gdb.string_to_argv(argument)
        frame = gdb.newest_frame()
        mask = (1 << 64) - 1
        wish = {
            "path": os.path.abspath(words[0]) if words else None,
            "registers": [int(frame.read_register(name)) & mask for name in REGISTERS],
        }
        gdb.execute("monitor keep", to_string=True)
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(note("cores"))
                line.sendall(json.dumps(wish).encode() + b"\n")
                answer = json.loads(line.makefile().readline())
        except OSError as problem:
            raise gdb.GdbError("the machine has no door for cores: %s" % problem)
        finally:
            gdb.execute("monitor forget", to_string=True)
        if "error" in answer:
            raise gdb.GdbError(answer["error"])
        print(answer["text"])


class Program(gdb.Command):
    """Select the innermost frame of the program, past those of the kernel and of compilers' libraries."""

    def __init__(self):
        super().__init__("mewz program", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        best = None
        frame = gdb.newest_frame()
        while frame is not None:
            if frame.pc() >= PROGRAM:
                best = best or frame
                if frame.find_sal().symtab is not None and not LIBRARY.match(frame.name() or ""):
                    best = frame
                    break
            frame = frame.older()
        if best is None:
            raise gdb.GdbError("the program has no frame: it has not begun, or has returned")
        best.select()
        gdb.execute("frame", from_tty)


class Saved(gdb.Function):
    """$saved("REGISTER"): where the selected frame's register is kept while what it called, or what interrupted it, runs."""

    def __init__(self):
        super().__init__("saved")

    def invoke(self, register):
        name = register.string()
        selected = gdb.selected_frame()
        inner = selected.newer()
        try:
            while inner is not None:
                inner.select()
                text = gdb.execute("info frame", to_string=True)
                found = re.search(r"\b%s at (0x[0-9a-f]+)" % re.escape(name), text)
                if found:
                    return int(found.group(1), 16)
                inner = inner.newer()
        finally:
            selected.select()
        raise gdb.GdbError("`%s` of this frame is in the processor, or nobody's" % name)


class Run(gdb.Command):
    """Run the program, which has not begun. Behind its end `mewz debug` runs it anew."""

    name = "run"

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        if core_file() is not None:
            raise gdb.GdbError("this is a core, in which nothing runs: `mewz debug` runs the program")
        if argument:
            raise gdb.GdbError("the program's arguments stand behind `--` of `mewz debug`")
        if is_awaited():
            self.connect()
        if gdb.selected_inferior().pid == 0:
            raise gdb.GdbError("the program has ended, and its machine: leave gdb, and `mewz debug` runs it anew")
        # Without a name it is firmware, which QEMU's stub shows.
        if gdb.newest_frame().name() not in (None, "waiting_for_debugger"):
            raise gdb.GdbError("the program has begun: `continue` goes on; `mewz debug` runs it anew")
        self.go(from_tty)

    def connect(self):
        # That it stands then is no stop that an editor is to show.
        tell = getattr(sys.modules.get("gdb.dap.events"), "_on_stop", None)
        if tell is not None:
            gdb.events.stop.disconnect(tell)
        try:
            go_to_machine()
        finally:
            if tell is not None:
                gdb.events.stop.connect(tell)

    def go(self, from_tty):
        gdb.execute("continue", from_tty)


class Start(Run):
    """Run the program, which has not begun, to its main function."""

    name = "start"

    def go(self, from_tty):
        for name in main_functions():
            try:
                gdb.execute("tbreak " + name)
                return super().go(from_tty)
            except gdb.error:
                pass  # There is no such function.
        raise gdb.GdbError("no main function is known: `break` sets a place to stop, `continue` goes there")


class Starti(Run):
    """Stand before the program's first instruction, which a session begins with."""

    name = "starti"

    def connect(self):
        go_to_machine()

    def go(self, from_tty):
        pass  # There it is.


class File(gdb.Command):
    """Nothing: an editor may name its program, whose image is what this gdb looks at."""

    def __init__(self):
        super().__init__("file", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        pass


def is_awaited():
    """Whether the machine waits for an editor that has not yet asked for it."""
    return note("editor") is not None and not os.path.exists(os.path.join(FOLDER, "gone-in"))


def go_to_machine():
    with open(os.path.join(FOLDER, "gone-in"), "w"):
        pass
    gdb.execute("target remote " + note("editor"), to_string=True)


def main_functions():
    """Names of the function that people know as the program's first, the likeliest first."""
    names = ["main", "_start"]
    if gdb.lookup_global_symbol("main") is None:
        # Those of Rust, Zig and Go are in what has the program's name.
        text = gdb.execute("info functions -q [:.]main$", to_string=True)
        found = set(re.findall(r"\b[A-Za-z_]\w*(?:::|\.)main\b", text))
        if len(found) == 1:
            names = list(found) + names
    # By its address what is always there is found, whatever it calls.
    return names + ["*%#x" % address for address, _ in symbols("info functions", "^mewz_export[.]start$")]


def leave_the_kernel_out(breakpoint):
    """Turns off where a breakpoint would stop in functions of the kernel that have the name of one of the program."""
    if breakpoint.type not in (gdb.BP_BREAKPOINT, gdb.BP_HARDWARE_BREAKPOINT) or breakpoint.location.startswith("*"):
        return
    text = gdb.execute("info breakpoints %d" % breakpoint.number, to_string=True)
    places = re.findall(r"^%d[.](\d+) .*?\b0x([0-9a-f]{16}) " % breakpoint.number, text, re.MULTILINE)
    kernel = [number for number, address in places if KERNEL <= int(address, 16) < PROGRAM]
    program = [number for number, address in places if int(address, 16) >= PROGRAM]
    if not kernel or not program:
        return
    for number in kernel:
        gdb.execute("disable %d.%s" % (breakpoint.number, number))
    which = kernel[0] if len(kernel) == 1 else "%s-%s" % (kernel[0], kernel[-1])
    print(
        "Only the program's count: what the kernel has of that name is off (`enable %d.%s` means it too)."
        % (breakpoint.number, which)
    )


def be_quiet(command):
    """Does what gdb would tell of."""
    try:
        gdb.execute(command, to_string=True)
    except gdb.error:
        pass  # One that does not know the command has no use for it.


def forget_sources(_):
    """A file that was saved is another one, of which gdb would show the lines that it has read before."""
    be_quiet("maintenance flush source-cache")


# Libraries of compilers are seldom what a person steps for. The places of their sources differ, their names do not.
be_quiet("skip -rfunction ^(alloc|core|std)::")
gdb.set_convenience_variable("mewz_skips", True)
gdb.events.new_objfile.connect(forget_sources)
gdb.events.breakpoint_created.connect(leave_the_kernel_out)
Mewz()
Core()
Program()
Saved()
Run()
Start()
Starti()
if note("editor") is not None:
    File()
for state in STATES:
    State(*state)
