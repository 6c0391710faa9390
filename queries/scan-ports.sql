-- SPDX-License-Identifier: MIT
-- Who looks for open ports of a host?  (flow-dscan)
--
--   :min     ports that a source must have tried     default 20
--   :what    which flows are tries, in the filter language
--                                                    default 'proto tcp and flags S and not flags AFPU'
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Connections that came about have an ACK from both sides, and are no tries. For UDP give :what, as
-- 'proto udp and packets < 3'. `answered` are those of them from which anything but a reset came back.
--
-- Sample output:
-- ┌──────────────┬──────────────┬───────┬───────┬──────────┬───────┬─────────┬─────────────────────────┬─────────────────────────┐
-- │    srcip     │    dstip     │ proto │ ports │ answered │ flows │ packets │       first_seen        │        last_seen        │
-- ├──────────────┼──────────────┼───────┼───────┼──────────┼───────┼─────────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.66 │ 203.0.113.80 │ tcp   │ 100   │ 2        │ 500   │ 902     │ 2026-11-23 18:13:16.120 │ 2026-11-23 18:13:27.116 │
-- └──────────────┴──────────────┴───────┴───────┴──────────┴───────┴─────────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH scans AS MATERIALIZED (
    SELECT srcip, dstip, proto, counted AS ports, flows, packets, first AS first_seen, last AS last_seen
    FROM traffic(:since, :until, filter_and(:filter, filter_and(coalesce(:what, 'proto tcp and flags S and not flags AFPU'), 'any')), :store)
    WHERE count_of = 'dstport' AND counted >= coalesce(bounded(:min, 'min', 0, 1e18), 20)
    ORDER BY counted DESC, srcip, dstip
    LIMIT coalesce(:n, 20)
), back AS MATERIALIZED (
    SELECT srcip, dstip, proto, srcport FROM traffic(:since, :until, filter_and(:filter, 'not flags R'), :store)
    WHERE srcip IN (SELECT dstip FROM scans) AND dstip IN (SELECT srcip FROM scans)
), tried AS MATERIALIZED ( -- of what something came back from
    SELECT srcip, dstip, proto, dstport
    FROM traffic(:since, :until, filter_and(:filter, filter_and(coalesce(:what, 'proto tcp and flags S and not flags AFPU'), 'any')), :store)
    WHERE srcip IN (SELECT dstip FROM back) AND dstip IN (SELECT srcip FROM back) AND dstport IN (SELECT srcport FROM back)
), answers AS MATERIALIZED (
    SELECT b.srcip, b.dstip, b.proto, count(*) AS answered FROM back b
    WHERE (b.dstip, b.srcip, b.proto, b.srcport) IN (SELECT srcip, dstip, proto, dstport FROM tried)
    GROUP BY 1, 2, 3
)
SELECT s.srcip, s.dstip, proto_name(s.proto) AS proto, ports, coalesce(answered, 0) AS answered, flows, packets,
       first_seen, last_seen
FROM scans s LEFT JOIN answers a ON a.srcip = s.dstip AND a.dstip = s.srcip AND a.proto = s.proto
ORDER BY ports DESC, s.srcip, s.dstip;

SELECT losses(:since, :until, :store) AS losses;
