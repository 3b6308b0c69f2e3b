;; An element that the table does not have.
;; trap: out of bounds table access
;; function: culprit
;; operator: TableSet
(module
  (table 4 externref)
  (func $culprit (table.set 0 (i32.const 4) (ref.null extern)))
  (func (export "_start") (call $culprit)))
