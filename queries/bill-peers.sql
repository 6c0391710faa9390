-- SPDX-License-Identifier: MIT
-- Why is my bill so high: with whom did the host talk, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last day of the store
--   :host    an address or network                   default: all that zone() calls local
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the store
--
-- Billable is what a local address exchanged with one that is not local, in all steps of the chain
-- bill-days, bill-hosts, bill-peers, bill-ports, bill-flows. `next` is the command of the next step.
--
-- Needs: site
--
-- Sample output (:host 192.168.1.20):
-- ┌──────────────┬──────────┬──────────┬───────┬─────────┬──────────┬─────────┬─────────┬────────────────────────────────────────────────────────────────────────────────┐
-- │     peer     │   zone   │ network  │ flows │  sent   │ received │  bytes  │ percent │                                      next                                      │
-- ├──────────────┼──────────┼──────────┼───────┼─────────┼──────────┼─────────┼─────────┼────────────────────────────────────────────────────────────────────────────────┤
-- │ 203.0.113.10 │ domestic │ provider │ 4     │ 1169827 │ 4173610  │ 5343437 │ 100.0   │ flowreport bill-ports --day 2026-11-24 --host 192.168.1.20 --peer 203.0.113.10 │
-- └──────────────┴──────────┴──────────┴───────┴─────────┴──────────┴─────────┴─────────┴────────────────────────────────────────────────────────────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box --wrap 120
.headers on

WITH tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'),
day(day, since, until) AS MATERIALIZED (
    SELECT d, utc_time(d, tz.name), utc_time(date(d, '+1 day'), tz.name)
    FROM tz, (SELECT coalesce(date(:day), CASE WHEN :day IS NULL THEN date(local_time(max(last), (SELECT name FROM tz)))
                                        ELSE refuse('day: ' || :day || ': a day is 2026-11-23') END) AS d
              FROM flow_files(NULL, NULL, :store))
), seen AS MATERIALIZED (
    SELECT peerip, peerzone, sum(bytes_out) AS sent, sum(bytes_in) AS received, sum(flows) AS flows
    FROM endpoints((SELECT since FROM day), (SELECT until FROM day), :filter, :store, NULL, NULL, NULL, :host)
    WHERE peerzone <> 'local' AND zone = 'local'
    GROUP BY peerip
)
SELECT peerip AS peer, peerzone AS zone, network(peerip) AS network, flows, sent, received,
       sent + received AS bytes, round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-ports --day ' || day || coalesce(' --host ' || :host, '') || ' --peer ' || peerip AS next
FROM seen, day
ORDER BY bytes DESC, peer
LIMIT coalesce(:n, 20);

WITH tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'),
day(day, since, until) AS MATERIALIZED (
    SELECT d, utc_time(d, tz.name), utc_time(date(d, '+1 day'), tz.name)
    FROM tz, (SELECT coalesce(date(:day), CASE WHEN :day IS NULL THEN date(local_time(max(last), (SELECT name FROM tz)))
                                        ELSE refuse('day: ' || :day || ': a day is 2026-11-23') END) AS d
              FROM flow_files(NULL, NULL, :store))
)
SELECT losses(since, until, :store) AS losses FROM day;
