-- Tables, closures, strings, methods, numbers.
local function queens(n)
  local columns, up, down, found = {}, {}, {}, 0
  local function place(row)
    if row > n then found = found + 1 return end
    for c = 1, n do
      if not (columns[c] or up[row + c] or down[row - c + n]) then
        columns[c], up[row + c], down[row - c + n] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c + n] = nil, nil, nil
      end
    end
  end
  place(1)
  return found
end

local Account = {}
Account.__index = Account
function Account.new(name) return setmetatable({ name = name, balance = 0, entries = {} }, Account) end
function Account:deposit(amount)
  self.balance = self.balance + amount
  self.entries[#self.entries + 1] = amount
end

local function words(count)
  local parts, seed = {}, 17
  for i = 1, count do
    seed = (seed * 1103515245 + 12345) % 2147483648
    parts[i] = string.char(97 + seed // 65536 % 26) .. (seed // 1024 % 100)
  end
  return table.concat(parts, " ")
end

print(queens(8))

local accounts = {}
for i = 1, 50 do accounts[i] = Account.new("a" .. i) end
for i = 1, 300000 do accounts[i % 50 + 1]:deposit(i % 97 / 4) end
table.sort(accounts, function(a, b) return a.balance > b.balance or a.balance == b.balance and a.name < b.name end)
print(accounts[1].name, string.format("%.2f", accounts[1].balance), #accounts[50].entries)

local text, histogram = words(30000), {}
for word in text:gmatch("%a%d+") do histogram[word] = (histogram[word] or 0) + 1 end
local keys = {}
for word in pairs(histogram) do keys[#keys + 1] = word end
table.sort(keys)
print(#keys, keys[1], histogram[keys[1]], (text:gsub("(%a)(%d)", "%2%1")):sub(1, 20))

local flags, primes = {}, 0
for i = 2, 400000 do
  if not flags[i] then
    primes = primes + 1
    for j = i * i, 400000, i do flags[j] = true end
  end
end
print(primes)

local sum = 0.0
for i = 1, 1500000 do sum = sum + math.sin(i) / i end
print(string.format("%.9f", sum))
