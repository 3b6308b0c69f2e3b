;; A dropped element segment has no elements.
;; trap: out of bounds table access
;; function: culprit
;; operator: TableInit
(module
  (table 4 funcref)
  (elem funcref (ref.null func))
  (func $culprit
    (elem.drop 0)
    (table.init 0 (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "_start") (call $culprit)))
