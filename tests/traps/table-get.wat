;; An element that the table does not have.
;; trap: out of bounds table access
;; function: culprit
;; operator: TableGet
(module
  (table 4 externref)
  (func $culprit (drop (table.get 0 (i32.const -1))))
  (func (export "_start") (call $culprit)))
