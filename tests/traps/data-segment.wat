;; An active data segment outside the memory: instantiation traps, no function runs.
;; trap: out of bounds memory access
(module
  (memory 1)
  (data (i32.const 65534) "four")
  (func (export "_start")))
