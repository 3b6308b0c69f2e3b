"""Runs a module under wasmtime with a listener at descriptor 3: serve.py ADDRESS:PORT MODULE.

The last versions of wasmtime that open sockets for preview 1 have no such option in their Python package, but their C
library has the function, and the package knows it.
"""

import ctypes
import sys

from wasmtime import Engine, Linker, Module, Store, WasiConfig, _bindings

address, path = sys.argv[1:]
config = WasiConfig()
config.argv = [path]
config.inherit_stdout()
config.inherit_stderr()
if not _bindings.wasi_config_preopen_socket(config.ptr(), 3, ctypes.create_string_buffer(address.encode())):
    sys.exit(f"cannot listen on {address}")
engine = Engine()
linker = Linker(engine)
linker.define_wasi()
store = Store(engine)
store.set_wasi(config)
instance = linker.instantiate(store, Module.from_file(engine, path))
instance.exports(store)["_start"](store)
