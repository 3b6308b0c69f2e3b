;; Writes 32 letters that nobody can foretell, and a line's end.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\21\00\00\00")
  (data (i32.const 96) "\n")
  (func (export "_start")
    (local $at i32)
    (if (call $random (i32.const 64) (i32.const 32)) (then unreachable))
    (loop $next
      (i32.store8 offset=64 (local.get $at)
        (i32.add (i32.const 97) (i32.and (i32.load8_u offset=64 (local.get $at)) (i32.const 15))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 32))))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)) (then unreachable))))
