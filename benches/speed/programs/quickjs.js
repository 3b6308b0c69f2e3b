// Objects, classes, closures, strings, regular expressions, typed arrays, maps, JSON.
"use strict";

class Vector {
  constructor(x, y, z) { this.x = x; this.y = y; this.z = z; }
  plus(other) { return new Vector(this.x + other.x, this.y + other.y, this.z + other.z); }
  times(factor) { return new Vector(this.x * factor, this.y * factor, this.z * factor); }
  get length() { return Math.sqrt(this.x * this.x + this.y * this.y + this.z * this.z); }
}

let position = new Vector(0, 0, 0);
for (let i = 0; i < 60000; i++) position = position.plus(new Vector(i % 7, i % 5, i % 3).times(0.25));
print(position.length.toFixed(6));

const sieve = new Uint8Array(400000);
let primes = 0;
for (let i = 2; i < sieve.length; i++) {
  if (sieve[i]) continue;
  primes++;
  for (let j = i * i; j < sieve.length; j += i) sieve[j] = 1;
}
print(primes);

let seed = 17;
const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648);
const records = [];
for (let i = 0; i < 6000; i++) records.push({ id: i, name: "n" + (next() >> 16) % 500, tags: ["a", "b" + i % 9], price: next() % 1000 / 8 });
const text = JSON.stringify(records);
const copy = JSON.parse(text);
copy.sort((a, b) => a.price - b.price || a.id - b.id);
print(text.length, copy[0].id, copy[5999].name);

const groups = new Map();
for (const { name, price } of copy) groups.set(name, (groups.get(name) ?? 0) + price);
print(groups.size, [...groups.entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 3).join(";"));

let matches = 0;
for (const match of text.matchAll(/"name":"n(\d+)","tags":\["a","b([0-4])"\]/g)) matches += Number(match[1]) + Number(match[2]);
print(matches, text.replace(/[^n]/g, "").length);

const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
print(fib(24));

let joined = "";
for (let i = 0; i < 40000; i++) joined += String.fromCharCode(97 + i % 26);
let hash = 0;
for (let i = 0; i < joined.length; i++) hash = (hash * 31 + joined.charCodeAt(i)) | 0;
print(hash);
