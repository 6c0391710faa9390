-- SPDX-License-Identifier: MIT
-- Who is flooded with SYNs?
--
--   :min     flows with nothing but a SYN that a host and port must have had  default 100
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- `sources` is how many addresses they came from: one is a program, very many are made up. `answers` are
-- the SYN-ACKs that the host sent, and `established` the flows to it that went on; a busy server has many
-- of these, a flood hardly any. `pps` is over the time from its first to its last packet.
--
-- Sample output:
-- ┌──────────────┬─────────┬───────┬─────────┬─────┬─────────┬─────────┬─────────────┬─────┬─────────────────────────┬─────────────────────────┐
-- │    dstip     │ dstport │ flows │ packets │ bpp │ sources │ answers │ established │ pps │       first_seen        │        last_seen        │
-- ├──────────────┼─────────┼───────┼─────────┼─────┼─────────┼─────────┼─────────────┼─────┼─────────────────────────┼─────────────────────────┤
-- │ 203.0.113.80 │ 80      │ 401   │ 802     │ 40  │ 1       │ 401     │ 0           │ 72  │ 2026-11-23 18:13:16.120 │ 2026-11-23 18:13:27.116 │
-- └──────────────┴─────────┴───────┴─────────┴─────┴─────────┴─────────┴─────────────┴─────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH flooded AS MATERIALIZED (
    SELECT dstip, dstport, flows, packets, bytes, counted AS sources, first, last
    FROM traffic(:since, :until, filter_and(:filter, 'proto tcp and flags S and not flags AFPU'), :store)
    WHERE count_of = 'srcip' AND flows >= coalesce(bounded(:min, 'min', 0, 1e18), 100)
    ORDER BY flows DESC, dstip, dstport
    LIMIT coalesce(:n, 20)
), answers AS MATERIALIZED (
    SELECT srcip, srcport, sum(flows) AS flows
    FROM traffic(:since, :until, filter_and(:filter, 'proto tcp and flags SA and not flags FPU'), :store)
    WHERE srcip IN (SELECT dstip FROM flooded) GROUP BY 1, 2
), established AS MATERIALIZED (
    SELECT dstip, dstport, sum(flows) AS flows
    FROM traffic(:since, :until, filter_and(:filter, 'proto tcp and flags SA'), :store)
    WHERE dstip IN (SELECT dstip FROM flooded) GROUP BY 1, 2
)
SELECT f.dstip, f.dstport, f.flows, f.packets, f.bytes / nullif(f.packets, 0) AS bpp, f.sources,
       coalesce(a.flows, 0) AS answers, coalesce(e.flows, 0) AS established,
       CAST(f.packets / nullif((julianday(min(f.last, coalesce(flow_time(:until, 'until'), f.last))) -
                                julianday(max(f.first, coalesce(flow_time(:since, 'since'), f.first)))) * 86400, 0) AS INTEGER) AS pps,
       f.first AS first_seen, f.last AS last_seen
FROM flooded f LEFT JOIN answers a ON a.srcip = f.dstip AND a.srcport = f.dstport
LEFT JOIN established e ON e.dstip = f.dstip AND e.dstport = f.dstport
ORDER BY f.flows DESC, f.dstip, f.dstport;

SELECT losses(:since, :until, :store) AS losses;
