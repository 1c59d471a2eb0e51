-- One quota of many processes: what ragbridge.limiter.ledger does, in Redis. Times are the server's.
-- KEYS: state (hash), log (sorted set: when -> "name:requests:tokens"), leases (sorted set: end -> name), flights (hash: name ->
--       "tokens:variance:granted:peers"), line (sorted set of processes), seen (hash: process -> when it asked last).
-- ARGV: now ("" = the server's clock), window, requests, tokens, places, pacing, lease, grace, seen, process, epoch and count that it
--       knows, then the operations, as ledger.py describes them; "" stands for None.
-- Returns the epoch, the count, and what each operation results in: two texts for A, one for the others.
local STATE, LOG, LEASES, FLIGHTS, LINE, SEEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local W, CAP, PLACES, PACING = tonumber(ARGV[2]), {r = tonumber(ARGV[3]), t = tonumber(ARGV[4])}, tonumber(ARGV[5]), ARGV[6]
local LEASE, GRACE, ALIVE = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local CLIENT, EPOCH, COUNT = ARGV[10], ARGV[11], tonumber(ARGV[12])
-- The figures of quota.py, which explains them.
local Z, CUT, RECOVERY, FLOOR, SUSPICIOUS, BURST, OVERDRIVE, DUST, CONCURRENCY_PAUSE = 3, .95, .005, .1, .85, .08, 1.03, 1e-9, 1
local WALK = 200 -- entries of the log that one look walks through
local INF = math.huge

local function text(x)
  return x == INF and 'inf' or x == -INF and '-inf' or string.format('%.17g', x)
end

-- Of the meters for requests (r) and tokens (t): sum of the log, in flight, variance, refused at, used then, suspected, due.
local names = {'last', 'n', 'lr', 'lt', 'fr', 'ft', 'fv', 'rar', 'ur', 'sr', 'rat', 'ut', 'stt', 'dr', 'dt', 'paused', 'pl', 'pa'}
local first = {rar = -INF, rat = -INF, ur = INF, ut = INF, dr = -INF, dt = -INF, paused = -INF, pl = INF, pa = -INF}
local st = {}
local got = redis.call('HMGET', STATE, 'epoch', unpack(names))
for i, k in ipairs(names) do st[k] = tonumber(got[i + 1]) or first[k] or 0 end
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1e6
end
now = math.max(now, st.last) -- a clock that is set back must not free what still counts
st.last = now
local epoch = got[1]
if not epoch or (EPOCH == epoch and COUNT > st.n) then -- first use, or memory was lost, or an old state was restored
  epoch = string.format('%.6f', now)
  if epoch == EPOCH then epoch = string.format('%.6f', now + 1) end
end
if EPOCH ~= '' and EPOCH ~= epoch then st.paused = math.max(st.paused, tonumber(epoch) + GRACE) end
st.n = st.n + 1

local changed = false
local function expire()
  local old = redis.call('ZRANGEBYSCORE', LOG, '-inf', text(now - W))
  for _, m in ipairs(old) do
    local r, t = m:match(':([^:]+):([^:]+)$')
    st.lr, st.lt = st.lr - tonumber(r), st.lt - tonumber(t)
  end
  if #old > 0 then redis.call('ZREMRANGEBYRANK', LOG, 0, #old - 1) end
  if st.lr < 1e-6 then st.lr = 0 end  -- sums of floats leave dust
  if st.lt < 1e-6 then st.lt = 0 end
end
local F, L, U = {r = 'fr', t = 'ft'}, {r = 'lr', t = 'lt'}, {r = 'ur', t = 'ut'}
local RA, SU, D = {r = 'rar', t = 'rat'}, {r = 'sr', t = 'stt'}, {r = 'dr', t = 'dt'}
local function suspicious(m) return st[SU[m]] == 1 or st[U[m]] < SUSPICIOUS * CAP[m] end
local function effective(m)
  if st[U[m]] == INF or CAP[m] == INF then return CAP[m] end
  local since = now - st[RA[m]]
  if st[SU[m]] ~= 1 and suspicious(m) and since >= W then return CAP[m] end
  return math.min(CAP[m], math.max(CUT * st[U[m]], FLOOR * CAP[m]) + CAP[m] * RECOVERY * since / W)
end
local function step(m, amount) return amount * W / (OVERDRIVE * effective(m)) end
local function places()
  local back = 0
  if st.pl < INF then back = math.floor((now - st.pa) / W) end
  return math.min(PLACES, st.pl + back)
end
local function log(name, r, t, at)
  if r == 0 and t == 0 then return end
  redis.call('ZADD', LOG, text(at), name .. ':' .. string.format('%.17g:%.17g', r, t))
  st.lr, st.lt = st.lr + r, st.lt + t
end
local function land(id, r, t)                           -- nil if it was not in flight
  local f = redis.call('HGET', FLIGHTS, id)
  if not f then return nil end
  changed = true
  local tokens, variance, granted, peers = f:match('([^:]+):([^:]+):([^:]+):([^:]+)')
  tokens, variance, granted = tonumber(tokens), tonumber(variance), tonumber(granted)
  if t == nil then t = tokens end
  redis.call('HDEL', FLIGHTS, id)
  redis.call('ZREM', LEASES, id)
  st.fr, st.ft, st.fv = st.fr - 1, st.ft - tokens, math.max(st.fv - variance, 0)
  if st.fr == 0 then st.ft, st.fv = 0, 0 end
  st.dr, st.dt = st.dr + step('r', r - 1), st.dt + step('t', t - tokens)
  if granted <= st.rar then st.ur = st.ur + r - 1 end
  if granted <= st.rat then st.ut = st.ut + t - tokens end
  log(id, r, t, now)
  return granted, tonumber(peers)
end
local function room(m, amount, variance)                -- seconds until it fits
  if st[L[m]] <= DUST and st.fr == 0 then return 0 end
  local excess = st[L[m]] + st[F[m]] + amount + Z * math.sqrt(variance) - effective(m)
  if excess <= DUST then return 0 end
  local entries, last = redis.call('ZRANGE', LOG, 0, WALK - 1, 'WITHSCORES'), nil
  for i = 1, #entries, 2 do
    local r, t = entries[i]:match(':([^:]+):([^:]+)$')
    local amount = tonumber(m == 'r' and r or t)
    if amount > 0 then last = tonumber(entries[i + 1]) end
    excess = excess - amount
    if excess <= DUST then return last + W - now end
  end
  if last and #entries == 2 * WALK then return last + W - now end  -- look again then: the rest of the log is not walked
  if st.fr > 0 or not last then return INF end
  return last + W - now
end
local function pace(m, amount)
  local s = step(m, amount)
  return math.max(st[D[m]] - now, 0) + s - math.max(BURST * W, s)
end
local function delay(tokens, variance)
  local worst, cause = st.paused - now, 'paused'
  local function more(s, c) if s > worst then worst, cause = s, c end end
  local free = 0
  if st.fr >= places() then free = places() >= PLACES and INF or W - (now - st.pa) % W end
  more(free, 'concurrency'); more(room('r', 1, 0), 'requests'); more(room('t', tokens, st.fv + variance), 'tokens')
  local paced = PACING == 'always' or (PACING == 'auto' and (suspicious('r') or suspicious('t')))
  if paced then more(pace('r', 1), 'pacing'); more(pace('t', tokens), 'pacing') end
  return worst, cause
end

local function book(name, tokens, variance)
  changed = true
  st.fr, st.ft, st.fv = st.fr + 1, st.ft + tokens, st.fv + variance
  st.dr, st.dt = math.max(st.dr, now) + step('r', 1), math.max(st.dt, now) + step('t', tokens)
  redis.call('HSET', FLIGHTS, name, string.format('%.17g:%.17g:%.17g:%d', tokens, variance, now, st.fr))
  redis.call('ZADD', LEASES, text(now + LEASE), name)
end
local function refuse(name, reason, after)
  local granted, peers = land(name, 1, 0)
  if not granted then return 0 end
  local pause = W
  if reason == 'concurrency' then
    st.pl, st.pa = math.min(places(), math.max(peers - 1, 1)), now
    pause = math.min(CONCURRENCY_PAUSE, W)
  else
    local m = reason == 'tokens' and 't' or 'r'
    if reason == '' then m = (st.lt + st.ft) / CAP.t > (st.lr + st.fr) / CAP.r and 't' or 'r' end
    if granted > st[RA[m]] then
      st[SU[m]] = suspicious(m) and 1 or 0
      st[RA[m]], st[U[m]] = now, st[L[m]] + st[F[m]]
    end
  end
  if after then pause = math.max(after, 0) end
  st.paused = math.max(st.paused, now + pause)
  return pause
end
local function leave(client)
  if redis.call('ZREM', LINE, client) == 1 then changed = true end
  redis.call('HDEL', SEEN, client)
end

expire()
for _, name in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', text(now))) do land(name, 1, nil) end -- its owner died
local out, blocked, turn = {epoch, string.format('%d', st.n)}, EPOCH ~= '' and EPOCH ~= epoch, false
local function add(x) out[#out + 1] = x end
local function ask(name, tokens, variance)
  if redis.call('HEXISTS', FLIGHTS, name) == 1 then return '', 0 end -- asked again, because the answer was lost
  if blocked then return 'line', INF end
  for _, other in ipairs(redis.call('ZRANGE', LINE, 0, -1)) do -- who waits longer goes first, while it lives
    if other == CLIENT then break end
    if now - (tonumber(redis.call('HGET', SEEN, other)) or 0) <= ALIVE then turn = true break end
    leave(other)
  end
  local wait, cause = INF, 'line'
  if not turn then wait, cause = delay(tokens, variance) end
  if wait <= 0 then
    leave(CLIENT)
    book(name, tokens, variance)
    return '', 0
  end
  blocked = true
  redis.call('ZADD', LINE, 'NX', st.n, CLIENT)
  redis.call('HSET', SEEN, CLIENT, text(now))
  return cause, wait
end
local i = 13
while ARGV[i] do
  local op, name, x, y, z = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if op == 'A' then
    local cause, wait = ask(name, tonumber(x), tonumber(y))
    add(cause)
    add(text(wait))
    i = i + 4
  elseif op == 'S' then
    add(land(name, 1, tonumber(x)) and '1' or '0')
    i = i + 3
  elseif op == 'C' then
    add(land(name, 0, 0) and '1' or '0')
    i = i + 2
  elseif op == 'R' then
    add(text(refuse(name, x, tonumber(y))))
    i = i + 4
  elseif op == 'H' then
    local known = redis.call('HEXISTS', FLIGHTS, name) == 1
    if known then redis.call('ZADD', LEASES, text(now + LEASE), name) end
    add(known and '1' or '0')
    i = i + 2
  elseif op == 'F' then
    if redis.call('HEXISTS', FLIGHTS, name) == 0 then book(name, tonumber(x), tonumber(y)) end
    redis.call('ZADD', LEASES, text(now + LEASE), name)
    add('1')
    i = i + 4
  elseif op == 'L' then
    local r, t, age = tonumber(x), tonumber(y), tonumber(z)
    if age < W and not redis.call('ZSCORE', LOG, name .. ':' .. string.format('%.17g:%.17g', r, t)) then log(name, r, t, now - age) end
    add('1')
    i = i + 5
  else -- Q
    leave(CLIENT)
    add('1')
    i = i + 1
  end
end
local flat = {}
for _, k in ipairs(names) do
  flat[#flat + 1] = k
  flat[#flat + 1] = text(st[k])
end
redis.call('HSET', STATE, 'epoch', epoch, unpack(flat))
for _, k in ipairs(KEYS) do redis.call('PEXPIRE', k, math.ceil((3 * W + LEASE) * 1000)) end
local head = redis.call('ZRANGE', LINE, 0, 0)[1]
if changed and head and head ~= CLIENT then redis.pcall('PUBLISH', STATE .. ':' .. head, '') end -- it looks again: room may have come
return out
