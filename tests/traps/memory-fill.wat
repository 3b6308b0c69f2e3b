;; A fill that ends outside changes nothing and traps.
;; trap: out of bounds memory access
;; function: culprit
;; operator: MemoryFill
(module
  (memory 1)
  (func $culprit
    (memory.fill (i32.const 65000) (i32.const 1) (i32.const 1000)))
  (func (export "_start") (call $culprit)))
