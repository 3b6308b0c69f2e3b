;; Says that it spins, and spins until the word at 64 is set; then it ends with status 7.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\20\00\00\00\09\00\00\00")
  (data (i32.const 32) "spinning\n")
  (func $spin
    (loop $again (br_if $again (i32.eqz (i32.load (i32.const 64))))))
  (func $_start (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
    (call $spin)
    (call $proc_exit (i32.const 7))))
