;; Products of 128 bits as compilers' libraries compute them, and some that look like it.
(module
  (memory 1)
  ;; By halves, as C's library does.
  (func $halves (param i32 i64 i64 i64 i64)
    (local i64)
    local.get 0
    (i64.add (i64.mul (local.get 4) (local.get 1)) (i64.mul (local.get 2) (local.get 3)))
    (local.tee 4 (i64.shr_u (local.get 3) (i64.const 32)))
    (local.tee 2 (i64.shr_u (local.get 1) (i64.const 32)))
    i64.mul
    i64.add
    (local.tee 3 (i64.and (local.get 3) (i64.const 0xffffffff)))
    (local.tee 1 (i64.and (local.get 1) (i64.const 0xffffffff)))
    i64.mul
    local.tee 5
    i64.const 32
    i64.shr_u
    (i64.mul (local.get 3) (local.get 2))
    i64.add
    local.tee 3
    i64.const 32
    i64.shr_u
    i64.add
    (i64.and (local.get 3) (i64.const 0xffffffff))
    (i64.mul (local.get 4) (local.get 1))
    i64.add
    local.tee 3
    i64.const 32
    i64.shr_u
    i64.add
    i64.store offset=8
    (i64.store (local.get 0)
      (i64.or (i64.shl (local.get 3) (i64.const 32)) (i64.and (local.get 5) (i64.const 0xffffffff)))))
  ;; With carries, as Rust's library does.
  (func $carries (param i32 i64 i64 i64 i64)
    (local $p i64) (local $q i64) (local $s i64) (local $low i64)
    (local.set $p
      (i64.mul (i64.and (local.get 3) (i64.const 0xffffffff)) (i64.and (local.get 1) (i64.const 0xffffffff))))
    (local.set $q
      (i64.mul (i64.shr_u (local.get 3) (i64.const 32)) (i64.and (local.get 1) (i64.const 0xffffffff))))
    (local.set $s
      (i64.add (local.get $q)
        (i64.mul (i64.and (local.get 3) (i64.const 0xffffffff)) (i64.shr_u (local.get 1) (i64.const 32)))))
    (i64.store (local.get 0)
      (local.tee $low (i64.add (local.get $p) (i64.shl (local.get $s) (i64.const 32)))))
    (i64.store offset=8 (local.get 0)
      (i64.add
        (i64.add
          (i64.add
            (i64.mul (i64.shr_u (local.get 3) (i64.const 32)) (i64.shr_u (local.get 1) (i64.const 32)))
            (i64.or
              (i64.shl (i64.extend_i32_u (i64.lt_u (local.get $s) (local.get $q))) (i64.const 32))
              (i64.shr_u (local.get $s) (i64.const 32))))
          (i64.extend_i32_u (i64.lt_u (local.get $low) (local.get $p))))
        (i64.add (i64.mul (local.get 4) (local.get 1)) (i64.mul (local.get 3) (local.get 2))))))
  ;; The same without the last carry, which is another number.
  (func $wrong (param i32 i64 i64 i64 i64)
    (local $p i64) (local $q i64) (local $s i64)
    (local.set $p
      (i64.mul (i64.and (local.get 3) (i64.const 0xffffffff)) (i64.and (local.get 1) (i64.const 0xffffffff))))
    (local.set $q
      (i64.mul (i64.shr_u (local.get 3) (i64.const 32)) (i64.and (local.get 1) (i64.const 0xffffffff))))
    (local.set $s
      (i64.add (local.get $q)
        (i64.mul (i64.and (local.get 3) (i64.const 0xffffffff)) (i64.shr_u (local.get 1) (i64.const 32)))))
    (i64.store (local.get 0) (i64.add (local.get $p) (i64.shl (local.get $s) (i64.const 32))))
    (i64.store offset=8 (local.get 0)
      (i64.add
        (i64.add
          (i64.mul (i64.shr_u (local.get 3) (i64.const 32)) (i64.shr_u (local.get 1) (i64.const 32)))
          (i64.or
            (i64.shl (i64.extend_i32_u (i64.lt_u (local.get $s) (local.get $q))) (i64.const 32))
            (i64.shr_u (local.get $s) (i64.const 32))))
        (i64.add (i64.mul (local.get 4) (local.get 1)) (i64.mul (local.get 3) (local.get 2))))))
  ;; A number of 64 bits from one of 32.
  (func $spread (param i32) (result i64)
    (i64.rotl
      (i64.mul (i64.extend_i32_u (local.get 0)) (i64.const 0x9e3779b97f4a7c15))
      (i64.extend_i32_u (local.get 0))))
  (func (export "f") (param $which i32) (param $a i32) (param $b i32) (result i64 i64)
    (local $x i64) (local $y i64)
    (local.set $x (call $spread (local.get $a)))
    (local.set $y (call $spread (local.get $b)))
    (block (block (block (br_table 0 1 2 (local.get $which)))
        (call $halves (i32.const 8) (local.get $x) (local.get $y) (local.get $y) (i64.const 3))
        (return (i64.load (i32.const 8)) (i64.load (i32.const 16))))
      (call $carries (i32.const 8) (local.get $x) (local.get $y) (local.get $y) (i64.const 3))
      (return (i64.load (i32.const 8)) (i64.load (i32.const 16))))
    (call $wrong (i32.const 8) (local.get $x) (local.get $y) (local.get $y) (i64.const 3))
    (i64.load (i32.const 8)) (i64.load (i32.const 16))))
