;; Writes a line from each of two pages of memory, the second of which it grows; then traps, or ends with the status 7.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello from WebAssembly, linked by cc\n")
  (data $second "and from a page that was not there\n")

  (func $print (param $text i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $text))
    (i32.store (i32.const 4) (local.get $length))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (unreachable))))

  (func (export "_start")
    (local $page i32)
    (call $print (i32.const 64) (i32.const 37))
    (local.set $page (i32.shl (memory.grow (i32.const 1)) (i32.const 16)))
    (memory.init $second (local.get $page) (i32.const 0) (i32.const 35))
    (call $print (local.get $page) (i32.const 35))
    (call $proc_exit (i32.const 7))))
