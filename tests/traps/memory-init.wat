;; More bytes than the data segment has.
;; trap: out of bounds memory access
;; function: culprit
;; operator: MemoryInit
(module
  (memory 1)
  (data "four")
  (func $culprit
    (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 5)))
  (func (export "_start") (call $culprit)))
