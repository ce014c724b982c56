-- Compares the address of a request with the networks of a table. A text that is not an address is
-- in no network.
local find, match, sub = string.find, string.match, string.sub

-- The groups of hexadecimal digits between colons, as numbers; nil for an invalid group.
local function groups_in(text)
  local groups, at = {}, text ~= '' and 1
  while at do
    local colon = find(text, ':', at, true)
    local group = sub(text, at, (colon or 0) - 1)
    if not find(group, '^%x%x?%x?%x?$') then return nil end
    groups[#groups + 1] = tonumber(group, 16)
    at = colon and colon + 1
  end
  return groups
end

local function octet(text)
  if find(text, '^0.') or tonumber(text) > 255 then return nil end
  return tonumber(text)
end

-- The text with an IPv4 address at its end written as two groups. A bare IPv4 address becomes a
-- mapped address.
local function without_octets(text)
  local before, last = match(text, '^(.*:)([^:]*)$')
  local a, b, c, d = match(last or text, '^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$')
  if not a then return text end
  a, b, c, d = octet(a), octet(b), octet(c), octet(d)
  if not (a and b and c and d) then return '' end
  return string.format('%s%x:%x', before or '::ffff:', a * 256 + b, c * 256 + d)
end

-- The eight groups of an address; nil for no address. `four`: whether it is an IPv4 address,
-- written as ::ffff:a.b.c.d.
local function address_of(text)
  if type(text) ~= 'string' or #text > 45 then return nil end   -- the longest address
  text = without_octets(text)
  local before, after = match(text, '^(.-)::(.*)$')
  local groups, rest = groups_in(before or text), groups_in(after or '')
  if not groups or not rest then return nil end
  local missing = 8 - #groups - #rest
  if missing < 0 or (missing > 0) ~= (before ~= nil) then return nil end
  for _ = 1, missing do groups[#groups + 1] = 0 end
  for _, group in ipairs(rest) do groups[#groups + 1] = group end
  local zeros = groups[1] + groups[2] + groups[3] + groups[4] + groups[5]
  groups.four = zeros == 0 and groups[6] == 65535
  return groups
end

local function network_of(text)
  local address, bits = match(text, '^([%x:.]+)/(%d%d?%d?)$')
  local network = address_of(address)
  if not network then error('the table has a network that is none', 0) end
  network.bits = tonumber(bits) + (find(address, ':', 1, true) and 0 or 96)
  return network
end

local function is_in(address, network)
  if address.four ~= network.four then return false end
  local left = network.bits
  for number = 1, 8 do
    if left <= 0 then return true end
    local size = 2 ^ math.max(16 - left, 0)
    if math.floor(address[number] / size) ~= math.floor(network[number] / size) then return false end
    left = left - 16
  end
  return true
end

local function is_in_one_of(networks, text)
  local address = address_of(text)
  for _, network in ipairs(address and networks or {}) do
    if is_in(address, network) then return true end
  end
  return false
end
