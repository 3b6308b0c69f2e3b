;; An active element segment outside the table: instantiation traps, no function runs.
;; trap: out of bounds table access
(module
  (table 1 funcref)
  (elem (i32.const 1) $f)
  (func $f)
  (func (export "_start")))
