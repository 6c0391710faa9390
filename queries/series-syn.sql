-- SPDX-License-Identifier: MIT
-- What did flows, packets and bytes look like over time, and was there a SYN or SYN-ACK flood in them?
--
--   :bucket  seconds a row                           default 300
--   :since, :until, :filter, :store                  default: everything in the store
--
-- In a flood of SYNs, flows and packets jump while bytes hardly move: flows of one or two packets of 40 to
-- 60 octets, with nothing but SYN in them (and the RST of a host that did not ask), or, on the side of
-- those that were asked, nothing but SYN-ACK. `percent` is the part of all flows that such flows are.
-- syn-flood.sql says whose they are.
--
-- Sample output (:bucket 10):
-- ┌─────────────────────────┬───────┬─────────┬─────────┬──────────────────┬─────┬───────────┬───────────────┬─────────┐
-- │          time           │ flows │ packets │  bytes  │ packets_per_flow │ bpp │ syn_flows │ syn_ack_flows │ percent │
-- ├─────────────────────────┼───────┼─────────┼─────────┼──────────────────┼─────┼───────────┼───────────────┼─────────┤
-- │ 2026-11-23 18:12:30.000 │ 31    │ 245     │ 179566  │ 7                │ 732 │ 0         │ 0             │ 0.0     │
-- │ 2026-11-23 18:12:40.000 │ 26    │ 5439    │ 4598966 │ 209              │ 845 │ 0         │ 0             │ 0.0     │
-- │ 2026-11-23 18:12:50.000 │ 24    │ 2627    │ 1559783 │ 109              │ 593 │ 0         │ 0             │ 0.0     │
-- │ 2026-11-23 18:13:00.000 │ 22    │ 3288    │ 2202440 │ 149              │ 669 │ 0         │ 0             │ 0.0     │
-- │ 2026-11-23 18:13:10.000 │ 218   │ 1572    │ 477298  │ 7                │ 303 │ 100       │ 2             │ 46.8    │
-- │ 2026-11-23 18:13:20.000 │ 816   │ 1579    │ 254689  │ 1                │ 161 │ 400       │ 400           │ 98.0    │
-- │ 2026-11-23 18:13:30.000 │ 5     │ 41      │ 5209    │ 8                │ 127 │ 0         │ 0             │ 0.0     │
-- │ 2026-11-23 18:13:40.000 │ 1     │ 11      │ 2110    │ 11               │ 191 │ 0         │ 0             │ 0.0     │
-- └─────────────────────────┴───────┴─────────┴─────────┴──────────────────┴─────┴───────────┴───────────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

-- Chart: table step=:bucket values=flows,packets,bytes,syn_flows,syn_ack_flows
WITH syn AS MATERIALIZED (
    SELECT time, flows FROM traffic(:since, :until,
        filter_and(:filter, 'proto tcp and flags S and not flags AFPU'), :store, :bucket)
), syn_ack AS MATERIALIZED (
    SELECT time, flows FROM traffic(:since, :until,
        filter_and(:filter, 'proto tcp and flags SA and not flags FPU'), :store, :bucket)
)
SELECT t.time, t.flows, t.packets, t.bytes, t.packets / nullif(t.flows, 0) AS packets_per_flow,
       t.bytes / nullif(t.packets, 0) AS bpp,
       coalesce(syn.flows, 0) AS syn_flows, coalesce(syn_ack.flows, 0) AS syn_ack_flows,
       round(100.0 * (coalesce(syn.flows, 0) + coalesce(syn_ack.flows, 0)) / nullif(t.flows, 0), 1) AS percent
FROM traffic(:since, :until, :filter, :store, :bucket) t LEFT JOIN syn ON syn.time IS t.time LEFT JOIN syn_ack ON syn_ack.time IS t.time
ORDER BY t.time;

SELECT losses(:since, :until, :store) AS losses;
