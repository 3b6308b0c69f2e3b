"""engine.py compile MODULE CODE, engine.py run CODE: a module under wasmtime, with its own settings."""

import sys
import time

from wasmtime import Engine, Linker, Module, Store, WasiConfig


def main(verb, path, out=None):
    engine = Engine()
    if verb == "compile":
        with open(out, "wb") as file:
            file.write(Module.from_file(engine, path).serialize())
        return
    module = Module.deserialize_file(engine, path)
    linker = Linker(engine)
    linker.define_wasi()
    store = Store(engine)
    wasi = WasiConfig()
    wasi.inherit_stdout()
    store.set_wasi(wasi)
    start = linker.instantiate(store, module).exports(store)["_start"]
    before = time.process_time()
    start(store)
    print(f"cpu {time.process_time() - before:.6f}", file=sys.stderr)


main(*sys.argv[1:])
