"""engine.py [--env NAME=VALUE]... [--dir HOST::GUEST[:ro]]... MODULE [ARGUMENT]...: runs a module under wasmtime.

Takes the flags of `mewz run` and passes on the standard streams and the exit status, so that a test can put either
command in the place of the other. A trap ends with status 134.
"""

import sys

from wasmtime import Engine, ExitTrap, Linker, Module, Store, Trap, WasiConfig


def main(words):
    environment, folders = [], []
    while words and words[0] in ("--env", "--dir"):
        flag, value, words = words[0], words[1], words[2:]
        if flag == "--env":
            environment.append(value.split("=", 1))
        else:
            folders.append(value.split("::", 1))

    wasi = WasiConfig()
    wasi.argv = words
    wasi.env = environment
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    for host, guest in folders:
        path = guest.removesuffix(":ro")
        wasi.preopen_dir(host, path, path == guest)

    engine = Engine()
    store = Store(engine)
    store.set_wasi(wasi)
    linker = Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, Module.from_file(engine, words[0]))
    try:
        instance.exports(store)["_start"](store)
    except ExitTrap as end:
        return end.code
    except Trap as trap:
        print(trap, file=sys.stderr)
        return 134
    return 0


sys.exit(main(sys.argv[1:]))
