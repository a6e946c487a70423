-- Runs one reading command, and returns in the same step which log was read, and how far it is complete.
--
-- KEYS[1]  the watermark: string, see keys.py
-- KEYS[2]  the gaps of the whole log: stream, see `LogKeys.gaps` in keys.py
-- KEYS[3]  the key to read
-- ARGV     the command, and its arguments after the key
-- returns  {watermark, first gap, last gap, reply}: watermark is '' if there is none; a gap is a list with its entry

return {
    redis.call('GET', KEYS[1]) or '',
    redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1),
    redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1),
    redis.call(ARGV[1], KEYS[3], unpack(ARGV, 2)),
}
