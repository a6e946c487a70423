-- Runs one command that reads, and says in the same step which log it was that was read.
--
-- KEYS[1]  the watermark: string
-- KEYS[2]  the breaks: stream, see keys.py
-- KEYS[3]  what is read
-- ARGV     the command, and what follows the key in it
-- returns  {watermark, first break, last break, answer}

return {
    redis.call('GET', KEYS[1]) or '',
    redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1),
    redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1),
    redis.call(ARGV[1], KEYS[3], unpack(ARGV, 2)),
}
