;; An index that the table does not have.
;; trap: out of bounds table access
;; function: culprit
;; operator: CallIndirect
(module
  (type $nothing (func))
  (table 4 funcref)
  (elem (i32.const 1) $other)
  (func $other (param i32))
  (func $culprit (call_indirect (type $nothing) (i32.const 4)))
  (func (export "_start") (call $culprit)))
