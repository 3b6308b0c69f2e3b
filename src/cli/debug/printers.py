# Loads rustc's own printers. Written by mewz.
import gdb
import os
import re
import sys
import types


def load(folder):
    """Uses the printers in `folder`, a rustc's."""
    path = os.path.join(folder, "gdb_providers.py")
    sys.path.insert(0, folder)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # A pointer type that a printer makes has eight bytes to gdb, those of the program have four: a cast from one to the
        # other would take what lies behind for the high half. By way of the number it does not.
        cast = re.compile(r"([\w.]+)\.cast\(([\w.]+\.pointer\(\))\)")
        text = cast.sub(r"gdb.Value(int(\1)).cast(\2)", text)
        module = types.ModuleType("gdb_providers")
        module.__file__ = path
        sys.modules["gdb_providers"] = module
        exec(compile(text, path, "exec"), module.__dict__)
    import gdb_lookup

    gdb_lookup.register_printers(gdb)


def try_to_load(folder):
    try:
        load(folder)
    except Exception as problem:
        print("the printers of rustc in", folder, "cannot be used:", problem)
