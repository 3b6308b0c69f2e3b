;; Writes the seconds since 1970 to standard output: eight bytes, little endian.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; One buffer: eight bytes at 16.
  (data (i32.const 8) "\10\00\00\00\08\00\00\00")
  (func (export "_start")
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 16)))
    (i64.store (i32.const 16) (i64.div_u (i64.load (i32.const 16)) (i64.const 1000000000)))
    (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))
