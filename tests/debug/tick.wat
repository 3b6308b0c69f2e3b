;; Writes a point every five milliseconds, for ever.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\02\00\00\00")
  (data (i32.const 64) ".\n")
  (func (export "_start")
    ;; A subscription to the clock: relative, 5 ms.
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 5000000))
    (loop $again
      (drop (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 512)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 520)))
      (br $again))))
