;; Three memories, each larger than the machine, touched here and there; WASI works on the one that is exported.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory $first 16384)
  (memory $named (export "memory") 16384)
  (memory $long i64 16384)
  (data (memory $named) (i32.const 1024) "three memories\n")
  (data (memory $first) (i32.const 1024) "the wrong memory")
  (func (export "_start")
    ;; Far ends of all of them.
    (i64.store $first (i32.const 0x3ffffff8) (i64.const 1))
    (i64.store $named (i32.const 0x3ffffff8) (i64.const 2))
    (i64.store $long (i64.const 0x3ffffff8) (i64.const 3))
    (if (i64.ne (i64.load $first (i32.const 0x3ffffff8)) (i64.const 1)) (then unreachable))
    (if (i64.ne (i64.load $named (i32.const 0x3ffffff8)) (i64.const 2)) (then unreachable))
    (if (i64.ne (i64.load $long (i64.const 0x3ffffff8)) (i64.const 3)) (then unreachable))
    ;; More than the machine could back.
    (if (i32.ne (memory.grow $first (i32.const 1)) (i32.const -1)) (then unreachable))
    (if (i64.ne (memory.grow $long (i64.const 0x100000000)) (i64.const -1)) (then unreachable))
    (if (i64.ne (memory.size $long) (i64.const 16384)) (then unreachable))
    ;; By way of the long one: the text, and where it lies.
    (memory.copy $long $named (i64.const 0) (i32.const 1024) (i32.const 15))
    (memory.copy $named $long (i32.const 0x20000000) (i64.const 0) (i32.const 15))
    (i32.store $named (i32.const 0) (i32.const 0x20000000))
    (i32.store $named (i32.const 4) (i32.const 15))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (if (i32.ne (i32.load $named (i32.const 8)) (i32.const 15)) (then unreachable))))
