;; An address and an offset of 64 bits whose sum would wrap to a valid place.
;; trap: out of bounds memory access
;; function: culprit
;; operator: I64Load
(module
  (memory i64 1)
  (func $culprit
    (drop (i64.load offset=0xfffffffffffffff0 (i64.const 32))))
  (func (export "_start")
    (drop (i64.load offset=65520 (i64.const 8)))
    (call $culprit)))
