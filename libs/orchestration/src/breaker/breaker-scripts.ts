/**
 * The transitions of a breaker, each one step in Redis, so that all workers see one breaker and one probe. Times are
 * Redis's own and in milliseconds; what goes out is how long to wait, never when, since the clocks of workers differ.
 *
 * A breaker is a hash: `failures` in a row while it is closed; `open_until` once it has opened; `probe`, the id of the
 * one call that may find out whether the target is well again, and `probe_until`, when that call is taken for dead. A
 * breaker that is closed and has seen no failure is no key at all.
 */
const NOW = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local open_until = tonumber(redis.call('HGET', KEYS[1], 'open_until'))
`;

/**
 * May a call go out? KEYS: breaker. ARGV: id of the call, the probe's lease, how often to ask while another one probes.
 * Returns {1, 0} closed; {2, 0} half-open, and this call is the probe; {0, ms} to ask again then.
 */
export const ADMIT = `${NOW}
  if not open_until then return {1, 0} end
  if now < open_until then return {0, open_until - now} end
  local probe_until = tonumber(redis.call('HGET', KEYS[1], 'probe_until') or 0)
  if now < probe_until then return {0, math.min(probe_until - now, tonumber(ARGV[3]))} end
  redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'probe_until', now + ARGV[2])
  return {2, 0}
`;

/**
 * How did the call end? KEYS: breaker, set of the open ones. ARGV: id of the call, 'well', 'unwell' or 'unknown', failures
 * in a row that open it, how long it stays open, how long it is remembered, target.
 * Once it is open only the probe's word counts: calls that were under way before know nothing newer.
 */
export const REPORT = `${NOW}
  local function open(change)
    redis.call('HSET', KEYS[1], 'open_until', now + ARGV[4])
    redis.call('HDEL', KEYS[1], 'failures', 'probe', 'probe_until')
    redis.call('PEXPIRE', KEYS[1], ARGV[4] + ARGV[5])
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[5])
    redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[6])
    return change
  end
  if not open_until then
    if ARGV[2] == 'well' then redis.call('DEL', KEYS[1]) end
    if ARGV[2] ~= 'unwell' then return '' end
    local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
    return failures >= tonumber(ARGV[3]) and open('opened') or ''
  end
  if redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return '' end
  if ARGV[2] == 'unwell' then return open('reopened') end
  if ARGV[2] == 'well' then
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[2], ARGV[6])
    return 'closed'
  end
  redis.call('HDEL', KEYS[1], 'probe', 'probe_until')
  return ''
`;
