-- SPDX-License-Identifier: MIT
-- The flows with their TCP flags and type of service  (nfdump -o long)
--
--   :n       how many flows, -1 for all              default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Sample output (:n 5):

.mode box
.headers on

SELECT tstart AS first_seen, duration, proto_name(proto) AS proto,
       srcip || ':' || coalesce(srcport, 0) AS src,
       dstip || ':' || coalesce(dstport, icmptype || '.' || icmpcode, 0) AS dst,
       tcp_flags(tcpflags) AS flags, tos, packets, bytes, flows
FROM flows(:since, :until, :filter, :store)
LIMIT coalesce(:n, 20);
