-- SPDX-License-Identifier: MIT
-- What was going on in a slice of time?  (nfdump -t 2014/12/04.12-2014/12/04.13 -c 5)
--
--   :since   where the slice begins, or nfdump's whole span: '2026-11-23 12:00', '-2 hours',
--            '2026/11/23.12-2026/11/23.13'           default: the beginning of the store
--   :until   where it ends (not included)            default: the end of the store
--   :n       how many flows                          default 5
--   :filter, :store                                  default: all flows of the store
--
-- A flow is listed when any part of it lies in the slice; nfdump -t wants all of it there.
--
-- Sample output (:since '2026-11-23 18:13:00', :until '2026-11-23 18:13:10'):
-- ┌─────────────────────────┬──────────┬───────────┬────────────────────┬──────────────────────┬─────────┬───────┬───────┐
-- │       first_seen        │ duration │   proto   │        src         │         dst          │ packets │ bytes │ flows │
-- ├─────────────────────────┼──────────┼───────────┼────────────────────┼──────────────────────┼─────────┼───────┼───────┤
-- │ 2026-11-23 18:12:36.080 │ 58.46    │ ipv6-icmp │ 2001:db8:1::20:0   │ 2001:db8:2::10:128.0 │ 30      │ 3120  │ 1     │
-- │ 2026-11-23 18:12:36.080 │ 58.46    │ ipv6-icmp │ 2001:db8:2::10:0   │ 2001:db8:1::20:129.0 │ 30      │ 3120  │ 1     │
-- │ 2026-11-23 18:12:36.081 │ 60.315   │ icmp      │ 192.168.1.10:0     │ 198.51.100.5:8.0     │ 60      │ 5040  │ 1     │
-- │ 2026-11-23 18:12:36.082 │ 60.314   │ icmp      │ 198.51.100.5:0     │ 192.168.1.10:0.0     │ 60      │ 5040  │ 1     │
-- │ 2026-11-23 18:12:36.087 │ 70.041   │ tcp       │ 192.168.1.10:42332 │ 198.51.100.5:22      │ 66      │ 8313  │ 1     │
-- └─────────────────────────┴──────────┴───────────┴────────────────────┴──────────────────────┴─────────┴───────┴───────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT tstart AS first_seen, duration, proto_name(proto) AS proto,
       srcip || ':' || coalesce(srcport, 0) AS src,
       dstip || ':' || coalesce(dstport, icmptype || '.' || icmpcode, 0) AS dst,
       packets, bytes, flows
FROM flows(:since, :until, :filter, :store)
ORDER BY tstart
LIMIT coalesce(:n, 5);

SELECT losses(:since, :until, :store) AS losses;
