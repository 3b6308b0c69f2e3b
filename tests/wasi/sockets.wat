;; One name, two types: each is its own call. Without a network there is nothing to accept on, and no socket to be had; the
;; exit status counts the answers that say so.
(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept_wasmedge (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $proc_exit
      (i32.add
        (i32.eq (call $accept (i32.const 3) (i32.const 0) (i32.const 8)) (i32.const 8))
        (i32.add
          (i32.eq (call $accept_wasmedge (i32.const 3) (i32.const 8)) (i32.const 8))
          (i32.add
            (i32.eq (call $open (i32.const 1) (i32.const 2) (i32.const 8)) (i32.const 38))
            (i32.eq (call $open (i32.const 1) (i32.const 2) (i32.const 8)) (i32.const 38))))))))
