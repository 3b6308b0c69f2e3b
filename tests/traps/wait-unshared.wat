;; A wait on a memory that no other thread could have.
;; trap: expected shared memory
;; function: culprit
;; operator: MemoryAtomicWait32
(module
  (memory 1)
  (func $culprit
    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0))))
  (func (export "_start") (call $culprit)))
