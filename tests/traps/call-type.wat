;; A function of another type.
;; trap: indirect call type mismatch
;; function: culprit
;; operator: CallIndirect
(module
  (type $nothing (func))
  (table 4 funcref)
  (elem (i32.const 1) $other)
  (func $other (param i32))
  (func $culprit (call_indirect (type $nothing) (i32.const 1)))
  (func (export "_start") (call $culprit)))
