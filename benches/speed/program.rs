//! The programs: each a file in `programs/`, some with a library or a script.

/// A program.
pub(crate) struct Program {
    /// Its name, and that of its file.
    pub(crate) name: &'static str,
    /// What it is built with.
    pub(crate) library: Option<&'static Library>,
    /// A file in `programs/` that its source includes, as numbers, under the name `script.h`.
    pub(crate) script: Option<&'static str>,
}

/// Source files of a package.
pub(crate) struct Library {
    /// The package.
    pub(crate) package: &'static str,
    /// Folders for the compiler to find headers in.
    pub(crate) includes: &'static [&'static str],
    /// Files to compile; a folder stands for those in it that end in `.c`.
    pub(crate) sources: &'static [&'static str],
    /// Further flags.
    pub(crate) flags: &'static [&'static str],
}

/// All programs, in the order of the table.
pub(crate) const PROGRAMS: &[Program] = &[
    kernel("bintree"),
    kernel("crc32"),
    kernel("fannkuch"),
    kernel("fib"),
    kernel("field"),
    kernel("hash"),
    kernel("interp"),
    kernel("lz"),
    kernel("mandelbrot"),
    kernel("matmul"),
    kernel("mix"),
    kernel("nbody"),
    kernel("qsort"),
    kernel("sha256"),
    kernel("sieve"),
    kernel("switch"),
    kernel("vcall"),
    kernel("floyd-warshall"),
    kernel("gemm"),
    kernel("jacobi-2d"),
    kernel("lu"),
    kernel("seidel-2d"),
    Program {
        name: "brotli",
        library: Some(&BROTLI),
        script: None,
    },
    Program {
        name: "lua",
        library: Some(&LUA),
        script: Some("lua.lua"),
    },
    Program {
        name: "quickjs",
        library: Some(&QUICKJS),
        script: Some("quickjs.js"),
    },
    Program {
        name: "sqlite",
        library: Some(&SQLITE),
        script: None,
    },
];

/// A program of one file.
const fn kernel(name: &'static str) -> Program {
    Program {
        name,
        library: None,
        script: None,
    }
}

const BROTLI: Library = Library {
    package: "brotlic-sys",
    includes: &["brotli/c/include"],
    sources: &["brotli/c/common", "brotli/c/dec", "brotli/c/enc"],
    flags: &[],
};

/// Without the libraries that want an operating system.
const LUA: Library = Library {
    package: "lua-src",
    includes: &["lua-5.5.1"],
    sources: &[
        "lua-5.5.1/lapi.c",
        "lua-5.5.1/lauxlib.c",
        "lua-5.5.1/lbaselib.c",
        "lua-5.5.1/lcode.c",
        "lua-5.5.1/lctype.c",
        "lua-5.5.1/ldebug.c",
        "lua-5.5.1/ldo.c",
        "lua-5.5.1/ldump.c",
        "lua-5.5.1/lfunc.c",
        "lua-5.5.1/lgc.c",
        "lua-5.5.1/llex.c",
        "lua-5.5.1/lmathlib.c",
        "lua-5.5.1/lmem.c",
        "lua-5.5.1/lobject.c",
        "lua-5.5.1/lopcodes.c",
        "lua-5.5.1/lparser.c",
        "lua-5.5.1/lstate.c",
        "lua-5.5.1/lstring.c",
        "lua-5.5.1/lstrlib.c",
        "lua-5.5.1/ltable.c",
        "lua-5.5.1/ltablib.c",
        "lua-5.5.1/ltm.c",
        "lua-5.5.1/lundump.c",
        "lua-5.5.1/lvm.c",
        "lua-5.5.1/lzio.c",
    ],
    flags: &["-D_WASI_EMULATED_SIGNAL", "-D_WASI_EMULATED_PROCESS_CLOCKS"],
};

const QUICKJS: Library = Library {
    package: "rquickjs-sys",
    includes: &["quickjs"],
    sources: &[
        "quickjs/quickjs.c",
        "quickjs/libregexp.c",
        "quickjs/libunicode.c",
        "quickjs/dtoa.c",
    ],
    flags: &["-D_GNU_SOURCE"],
};

const SQLITE: Library = Library {
    package: "libsqlite3-sys",
    includes: &["sqlite3"],
    sources: &["sqlite3/sqlite3.c"],
    flags: &[
        "-DSQLITE_OS_OTHER=1",
        "-DSQLITE_THREADSAFE=0",
        "-DSQLITE_OMIT_LOAD_EXTENSION",
        "-DSQLITE_TEMP_STORE=3",
    ],
};
