-- SPDX-License-Identifier: MIT
-- Which flows come first?  (nfdump -c 5)
--
--   :n       how many flows                          default 5
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Sample output:

.mode box
.headers on

SELECT tstart AS first_seen, duration, proto_name(proto) AS proto,
       srcip || ':' || coalesce(srcport, 0) AS src,
       dstip || ':' || coalesce(dstport, icmptype || '.' || icmpcode, 0) AS dst,
       packets, bytes, flows
FROM flows(:since, :until, :filter, :store)
LIMIT coalesce(:n, 5);
