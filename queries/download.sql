-- SPDX-License-Identifier: MIT
-- Which hosts at home received most from the outside?  Bytes down the line, by host
--   (nfdump -s dstip/bytes -L +10M 'dst net 192.168.1.0/24')
--
--   :home    the home network, or several with blanks between, as '192.168.1.0/24 2001:db8:1::/64'
--                                                    default '192.168.1.0/24'
--   :min     leave out hosts below so many bytes     default 10000000
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Traffic between two hosts of the home network did not pass the line and does not count.
--
-- Sample output (:min 100000):
-- ┌──────────────┬───────┬─────────┬─────────┬─────────┐
-- │     host     │ flows │ packets │  bytes  │  size   │
-- ├──────────────┼───────┼─────────┼─────────┼─────────┤
-- │ 192.168.1.20 │ 2     │ 3233    │ 4173610 │ 4.2 M   │
-- │ 192.168.1.10 │ 27    │ 641     │ 698201  │ 698.2 k │
-- │ 192.168.1.30 │ 1     │ 2000    │ 400000  │ 400.0 k │
-- └──────────────┴───────┴─────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH home(net) AS (SELECT coalesce(:home, '192.168.1.0/24'))
SELECT dstip AS host, flows, packets, bytes, human(bytes) AS size
FROM home, traffic(:since, :until,
        filter_and(:filter, filter_in('dst net', net, 'home') || ' and not ' || filter_in('src net', net, 'home')), :store)
WHERE bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 10000000)
ORDER BY bytes DESC, dstip;

SELECT losses(:since, :until, :store) AS losses;
