-- SPDX-License-Identifier: MIT
-- Which connections were there, each once?  (nfdump -a -o long)
--
--   :n       how many connections, -1 for all        default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- A connection is what has the same protocol, addresses and ports, in one direction; the records
-- that a probe made of it along its way are put together.
--
-- Sample output (:n 5):

.mode box
.headers on

SELECT min(first) AS first_seen,
       round((julianday(max(last)) - julianday(min(first))) * 86400, 3) AS duration,
       proto_name(proto) AS proto,
       srcip || ':' || coalesce(srcport, 0) AS src,
       dstip || ':' || coalesce(dstport, icmptype || '.' || icmpcode, 0) AS dst,
       sum(packets) AS packets, sum(bytes) AS bytes, sum(flows) AS flows
FROM traffic(:since, :until, :filter, :store)
GROUP BY proto, srcip, srcport, dstip, dstport, icmptype, icmpcode
ORDER BY first_seen, src, dst
LIMIT coalesce(:n, 20);
