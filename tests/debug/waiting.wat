;; A server that answers nobody: takes one connection, says so, and waits for the next.
(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 32) "ready   \0a")
  (data (i32.const 48) "accepted\0a")
  (func $accept
    (drop (call $sock_accept (i32.const 3) (i32.const 0) (i32.const 80))))
  (func $say (param $text i32)
    (i32.store (i32.const 64) (local.get $text))
    (i32.store (i32.const 68) (i32.const 9))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72))))
  (func (export "_start")
    (call $say (i32.const 32))
    (call $accept)
    (call $say (i32.const 48))
    (call $accept)))
