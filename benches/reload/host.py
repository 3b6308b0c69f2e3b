"""Runs a module with a listener at descriptor 3, as wasmtime's command line does: host.py ADDRESS MODULE."""
import ctypes
import sys

from wasmtime import Engine, Linker, Module, Store, WasiConfig, _ffi

address, path = sys.argv[1:]
wasi = WasiConfig()
wasi.inherit_stdout()
wasi.inherit_stderr()
wasi.argv = [path]
# The library has it, the package has no name for it.
preopen = _ffi.dll.wasi_config_preopen_socket
preopen.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p]
preopen.restype = ctypes.c_bool
if not preopen(wasi.ptr(), 3, address.encode()):
    sys.exit(f"cannot listen at {address}")
engine = Engine()
linker = Linker(engine)
linker.define_wasi()
store = Store(engine)
store.set_wasi(wasi)
linker.instantiate(store, Module.from_file(engine, path)).exports(store)["_start"](store)
