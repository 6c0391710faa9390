-- SPDX-License-Identifier: MIT
-- Why is my bill so high: what did the host and its peer do, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last day of the store
--   :host    an address or network                   default: all that zone() calls local
--   :peer    an address or network                   default: all that zone() does not call local
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the store
--
-- The port is the lower one of a flow.
--
-- Billable is what a local address exchanged with one that is not local, in all steps of the chain
-- bill-days, bill-hosts, bill-peers, bill-ports, bill-flows. `next` is the command of the next step.
--
-- Needs: site
--
-- Sample output (:host 192.168.1.20, :peer 203.0.113.10):
-- ┌─────────────┬───────┬──────┬───────┬─────────┬──────────┬─────────┬─────────┬──────────────────────────────────────────────────────────────────────────────────────────────────────┐
-- │ application │ proto │ port │ flows │  sent   │ received │  bytes  │ percent │                                                 next                                                 │
-- ├─────────────┼───────┼──────┼───────┼─────────┼──────────┼─────────┼─────────┼──────────────────────────────────────────────────────────────────────────────────────────────────────┤
-- │ http        │ tcp   │ 80   │ 4     │ 1169827 │ 4173610  │ 5343437 │ 100.0   │ flowreport bill-flows --day 2026-11-24 --host 192.168.1.20 --peer 203.0.113.10 --proto tcp --port 80 │
-- └─────────────┴───────┴──────┴───────┴─────────┴──────────┴─────────┴─────────┴──────────────────────────────────────────────────────────────────────────────────────────────────────┘
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
    SELECT proto, lowport AS lower, application,
           sum(bytes_out) AS sent, sum(bytes_in) AS received, sum(flows) AS flows
    FROM endpoints((SELECT since FROM day), (SELECT until FROM day), :filter, :store, NULL, NULL, NULL, :host, :peer)
    WHERE peerzone <> 'local' AND zone = 'local'
    GROUP BY proto, lowport, application
)
SELECT application, proto_name(proto) AS proto, lower AS port, flows, sent, received, sent + received AS bytes,
       round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-flows --day ' || day || coalesce(' --host ' || :host, '') || coalesce(' --peer ' || :peer, '') ||
       ' --proto ' || proto_name(proto) || coalesce(' --port ' || lower, '') AS next
FROM seen, day
ORDER BY bytes DESC, proto, port
LIMIT coalesce(:n, 20);

WITH tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'),
day(day, since, until) AS MATERIALIZED (
    SELECT d, utc_time(d, tz.name), utc_time(date(d, '+1 day'), tz.name)
    FROM tz, (SELECT coalesce(date(:day), CASE WHEN :day IS NULL THEN date(local_time(max(last), (SELECT name FROM tz)))
                                        ELSE refuse('day: ' || :day || ': a day is 2026-11-23') END) AS d
              FROM flow_files(NULL, NULL, :store))
)
SELECT losses(since, until, :store) AS losses FROM day;
