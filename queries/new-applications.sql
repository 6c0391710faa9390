-- SPDX-License-Identifier: MIT
-- Which applications in "other" are new?
--
--   :since   what is new is looked for from then on   default: the last day of the store
--   :until                                           default: the end of the store
--   :days    and was not there in so many days before default 7
--   :min     octets, at least                        default 10000
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the store
--
-- Ports that the site's table services does not know, neither one nor the other of a flow. Each flow counts
-- at both ends, and percentages are of both ends of such flows; a server's port stands out by its number
-- of clients (`peers`), a client's has one or two. `before` are octets of the :days before, a day.
--
-- Needs: site
--
-- Sample output (:n 4):
-- ┌───────┬───────┬───────┬───────┬───────┬────────┬─────────┬────────┬─────────────────────────┐
-- │ proto │ port  │ hosts │ peers │ flows │ bytes  │ percent │ before │       first_seen        │
-- ├───────┼───────┼───────┼───────┼───────┼────────┼─────────┼────────┼─────────────────────────┤
-- │ udp   │ 16384 │ 1     │ 1     │ 2     │ 800000 │ 26.5    │ 0      │ 2026-11-23 18:12:41.170 │
-- │ udp   │ 20000 │ 1     │ 1     │ 2     │ 800000 │ 26.5    │ 0      │ 2026-11-23 18:12:41.170 │
-- │ tcp   │ 5201  │ 1     │ 1     │ 4     │ 698920 │ 23.2    │ 0      │ 2026-11-23 18:13:09.079 │
-- │ tcp   │ 58696 │ 1     │ 1     │ 2     │ 696753 │ 23.1    │ 0      │ 2026-11-23 18:13:09.080 │
-- └───────┴───────┴───────┴───────┴───────┴────────┴─────────┴────────┴─────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH w AS MATERIALIZED (
    SELECT coalesce(flow_time(:since, 'since'), strftime('%Y-%m-%d %H:%M:%f', min(max(last), coalesce(flow_time(:until, 'until'), max(last))), '-1 day')) AS since
    FROM flow_files(NULL, NULL, :store)
), now AS MATERIALIZED (
    SELECT proto, port, sum(flows) AS flows, sum(bytes) AS bytes, min(first) AS first_seen
    FROM endpoints((SELECT since FROM w), :until, :filter, :store) WHERE application = 'other' AND port IS NOT NULL
    GROUP BY proto, port
), past AS MATERIALIZED (
    SELECT proto, port, sum(bytes) AS bytes
    FROM w, endpoints(datetime(w.since, printf('-%d days', coalesce(bounded(:days, 'days', 1, 36500), 7))), w.since, :filter, :store)
    WHERE w.since IS NOT NULL AND application = 'other' AND port IS NOT NULL
    GROUP BY proto, port
), largest AS MATERIALIZED (
    SELECT n.*, coalesce(p.bytes, 0) / coalesce(bounded(:days, 'days', 1, 36500), 7) AS before,
           round(100.0 * n.bytes / sum(n.bytes) OVER (), 1) AS percent
    FROM now n LEFT JOIN past p ON p.proto IS n.proto AND p.port = n.port
), listed AS MATERIALIZED (
    SELECT * FROM largest WHERE bytes >= coalesce(bounded(:min, 'min', 0, 1e18), 10000) AND before = 0
    ORDER BY bytes DESC, proto, port LIMIT coalesce(:n, 20)
), users AS MATERIALIZED (
    SELECT proto, port, count(DISTINCT ip) AS hosts, count(DISTINCT peerip) AS peers
    FROM endpoints((SELECT since FROM w), :until, :filter, :store)
    WHERE port IN (SELECT port FROM listed) AND application = 'other' GROUP BY proto, port
)
SELECT proto_name(l.proto) AS proto, l.port, u.hosts, u.peers, l.flows, l.bytes, l.percent, l.before, l.first_seen
FROM listed l LEFT JOIN users u ON u.proto IS l.proto AND u.port = l.port
ORDER BY l.bytes DESC, l.proto, l.port;

-- Of the days before, too.
SELECT losses(datetime(coalesce(flow_time(:since, 'since'), strftime('%Y-%m-%d %H:%M:%f', min(max(last), coalesce(flow_time(:until, 'until'), max(last))), '-1 day')),
                       printf('-%d days', coalesce(:days, 7))), :until, :store) AS losses
FROM flow_files(NULL, NULL, :store);
