-- SPDX-License-Identifier: MIT
-- Who looks for hosts with a certain port open?  (flow-dscan)
--
--   :min     hosts that a source must have tried     default 20
--   :what    which flows are tries, in the filter language
--                                                    default 'proto tcp and flags S and not flags AFPU'
--   :n       how many, -1 for all                    default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- Connections that came about have an ACK from both sides, and are no tries. For UDP give :what, as
-- 'proto udp and packets < 3'.
--
-- Sample output (:min 1, :n 3):
-- ┌──────────────┬───────┬─────────┬───────┬───────┬─────────┬─────────────────────────┬─────────────────────────┐
-- │    srcip     │ proto │ dstport │ hosts │ flows │ packets │       first_seen        │        last_seen        │
-- ├──────────────┼───────┼─────────┼───────┼───────┼─────────┼─────────────────────────┼─────────────────────────┤
-- │ 192.168.1.66 │ tcp   │ 7       │ 1     │ 1     │ 1       │ 2026-11-23 18:13:16.121 │ 2026-11-23 18:13:16.121 │
-- │ 192.168.1.66 │ tcp   │ 9       │ 1     │ 1     │ 1       │ 2026-11-23 18:13:16.121 │ 2026-11-23 18:13:16.121 │
-- │ 192.168.1.66 │ tcp   │ 13      │ 1     │ 1     │ 1       │ 2026-11-23 18:13:16.121 │ 2026-11-23 18:13:16.121 │
-- └──────────────┴───────┴─────────┴───────┴───────┴─────────┴─────────────────────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

SELECT srcip, proto_name(proto) AS proto, dstport, counted AS hosts, flows, packets, first AS first_seen, last AS last_seen
FROM traffic(:since, :until, filter_and(:filter, filter_and(coalesce(:what, 'proto tcp and flags S and not flags AFPU'), 'any')), :store)
WHERE count_of = 'dstip' AND counted >= coalesce(bounded(:min, 'min', 0, 1e18), 20)
ORDER BY counted DESC, srcip, dstport
LIMIT coalesce(:n, 20);

SELECT losses(:since, :until, :store) AS losses;
