;; What was written before a trap arrives, the newline that is missing included.
;; trap: unreachable
;; function: give_up
;; operator: Unreachable
;; stdout: before the trap
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\0f\00\00\00")
  (data (i32.const 16) "before the trap")
  (func $give_up
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    unreachable)
  (func (export "_start") (call $give_up)))
