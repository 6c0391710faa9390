-- SPDX-License-Identifier: MIT
-- Why is my bill so high: which hosts was it, on that day?
--
--   :day     of the site's time zone, 2026-11-23     default: the last day of the store
--   :user, :group, :host                             a user or group of the site's table hosts, or an address
--            or network                              default: all that zone() calls local
--   :n       how many, -1 for all                    default 20
--   :filter, :store                                  default: all flows of the store
--
-- Days and hosts are those of the view billable, as the bill's, but for what stays within the site; the steps behind,
-- bill-peers, bill-ports and bill-flows, have all flows of the host. `next` is the command of the next step.
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
    SELECT day, b.host AS ip, sum(b.octets_out) AS sent, sum(b.octets_in) AS received, sum(b.flows_out + b.flows_in) AS flows
    FROM who, day, billable AS b
    WHERE b.since = day.since AND b.until = day.until AND b.bucket = 3600 AND b.store = :store
      AND b.filter = coalesce('(' || :filter || ') and ', '') || coalesce('host in [' || nets || ']', 'any')
      AND b.zone <> 'local' AND (:host IS NULL OR ip_in(b.host, :host)) AND (:user IS NULL OR host_user(b.host, b.time) = :user)
      AND (:group IS NULL OR host_group(b.host, b.time) = :group)
    GROUP BY b.host
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
