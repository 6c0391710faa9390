-- SPDX-License-Identifier: MIT
-- Who caused the proxy's traffic?
--
--   :proxy   the proxy's addresses                   default: who receives most from local hosts on :ports
--   :ports   that it listens on                      default '3128 8080 8000'
--   :n       how many clients, -1 for all            default 20
--   :since, :until, :filter, :store                  default: everything in the store
--
-- On the line to the outside, web traffic is the proxy's. Each client is given that part of it which he is of what
-- clients got from the proxy: `line` in octets, which is fair on average, since what comes from the
-- cache crosses no line and counts like the rest. What a client got is `received`; `user` is who had the client's address when that ended.
--
-- Needs: site
--
-- Sample output (:proxy 192.168.1.20, :ports 5201):
-- ┌──────────────┬──────┬───────┬──────────┬─────────┬─────────┐
-- │    client    │ user │ flows │ received │ percent │  line   │
-- ├──────────────┼──────┼───────┼──────────┼─────────┼─────────┤
-- │ 192.168.1.10 │ ann  │ 2     │ 18528    │ 100.0   │ 4173610 │
-- └──────────────┴──────┴───────┴──────────┴─────────┴─────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box
.headers on

WITH asked(ports) AS (SELECT coalesce(:ports, '3128 8080 8000')), proxy(ip) AS MATERIALIZED (
    SELECT coalesce(:proxy, (
        SELECT dstip FROM asked, traffic(:since, :until, filter_and(:filter, filter_in('dst port', ports, 'ports')), :store)
        WHERE dstzone = 'local' AND srczone = 'local' GROUP BY dstip ORDER BY sum(bytes) DESC LIMIT 1), '0.0.0.0')
), clients AS MATERIALIZED (
    SELECT dstip AS client, sum(flows) AS flows, sum(bytes) AS received, max(last) AS last
    FROM asked, proxy, traffic(:since, :until, filter_and(:filter, filter_in('src ip', proxy.ip, 'proxy') || ' and ' || filter_in('src port', ports, 'ports')), :store)
    GROUP BY dstip
), line(octets) AS MATERIALIZED (
    SELECT sum(bytes)
    FROM proxy, traffic(:since, :until, filter_and(:filter, filter_in('dst ip', proxy.ip, 'proxy')), :store)
    WHERE srczone <> 'local'
)
SELECT client, host_user(client, last) AS user, flows, received,
       round(100.0 * received / sum(received) OVER (), 1) AS percent,
       CAST(round(1.0 * received / sum(received) OVER () * coalesce(octets, 0)) AS INTEGER) AS line
FROM clients, line
ORDER BY received DESC, client
LIMIT coalesce(:n, 20);

SELECT losses(:since, :until, :store) AS losses;
