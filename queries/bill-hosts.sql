-- SPDX-License-Identifier: MIT
-- Why is my bill so high: which hosts was it, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last day of the store
--   :user, :group, :host                             a user or group of the site's table hosts, or an address
--            or network                              default: all that zone() calls local
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the store
--
-- Billable is what a local address exchanged with one that is not local, in all steps of the chain
-- bill-days, bill-hosts, bill-peers, bill-ports, bill-flows. `next` is the command of the next step.
--
-- Needs: site
--
-- Sample output (:group students):
-- ┌────────────────┬────────┬──────┬───────┬─────────┬──────────┬─────────┬─────────┬──────────────────────────────────────────────────────────────┐
-- │      host      │  name  │ user │ flows │  sent   │ received │  bytes  │ percent │                             next                             │
-- ├────────────────┼────────┼──────┼───────┼─────────┼──────────┼─────────┼─────────┼──────────────────────────────────────────────────────────────┤
-- │ 192.168.1.20   │ lab-pc │ bob  │ 4     │ 1169827 │ 4173610  │ 5343437 │ 73.8    │ flowreport bill-peers --day 2026-11-24 --host 192.168.1.20   │
-- │ 2001:db8:1::20 │ lab-pc │ bob  │ 4     │ 42961   │ 1054133  │ 1097094 │ 15.2    │ flowreport bill-peers --day 2026-11-24 --host 2001:db8:1::20 │
-- │ 192.168.1.30   │ tv     │ eve  │ 2     │ 400000  │ 400000   │ 800000  │ 11.0    │ flowreport bill-peers --day 2026-11-24 --host 192.168.1.30   │
-- └────────────────┴────────┴──────┴───────┴─────────┴──────────┴─────────┴─────────┴──────────────────────────────────────────────────────────────┘
-- ┌─────────────────────────────────────────────────────┐
-- │                       losses                        │
-- ├─────────────────────────────────────────────────────┤
-- │ nothing lost, not sampled: 1143 flows of 1 exporter │
-- └─────────────────────────────────────────────────────┘

.mode box --wrap 120
.headers on

WITH who(nets) AS (
    SELECT CASE WHEN :host IS NOT NULL THEN :host
                WHEN coalesce(:user, :group) IS NOT NULL THEN coalesce(
                    (SELECT group_concat(DISTINCT cidr) FROM hosts
                     WHERE cidr <> '' AND (:user IS NULL OR user = :user) AND (:group IS NULL OR user_group = :group)),
                    refuse('bill-hosts: no host of that user and group: see the table hosts')) END
), tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'),
day(day, since, until) AS MATERIALIZED (
    SELECT d, utc_time(d, tz.name), utc_time(date(d, '+1 day'), tz.name)
    FROM tz, (SELECT coalesce(date(:day), CASE WHEN :day IS NULL THEN date(local_time(max(last), (SELECT name FROM tz)))
                                        ELSE refuse('day: ' || :day || ': a day is 2026-11-23') END) AS d
              FROM flow_files(NULL, NULL, :store))
), seen AS MATERIALIZED (
    SELECT day, ip, sum(bytes_out) AS sent, sum(bytes_in) AS received, sum(flows) AS flows
    FROM who, day, endpoints(day.since, day.until, coalesce('(' || :filter || ') and ', '') || coalesce('host in [' || nets || ']', 'any'), :store, 3600)
    WHERE peerzone <> 'local' AND zone = 'local' AND (:host IS NULL OR ip_in(ip, :host)) AND (:user IS NULL OR host_user(ip, time) = :user)
      AND (:group IS NULL OR host_group(ip, time) = :group)
    GROUP BY ip
)
SELECT ip AS host, host_name(ip, day) AS name, host_user(ip, day) AS user, flows, sent, received,
       sent + received AS bytes, round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-peers --day ' || day || ' --host ' || ip AS next
FROM seen
ORDER BY bytes DESC, host
LIMIT coalesce(:n, 20);

WITH tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'),
day(day, since, until) AS MATERIALIZED (
    SELECT d, utc_time(d, tz.name), utc_time(date(d, '+1 day'), tz.name)
    FROM tz, (SELECT coalesce(date(:day), CASE WHEN :day IS NULL THEN date(local_time(max(last), (SELECT name FROM tz)))
                                        ELSE refuse('day: ' || :day || ': a day is 2026-11-23') END) AS d
              FROM flow_files(NULL, NULL, :store))
)
SELECT losses(since, until, :store) AS losses FROM day;
