-- SPDX-License-Identifier: MIT
-- Why is my bill so high: on which days was it?
--
--   :user, :group, :host                             a user or group of the site's table hosts, or an address
--            or network                              default: all that zone() calls local
--   :month   of the site's time zone, 2026-11        default: everything in the store
--   :since, :until                                   default: as :month says
--   :filter, :store                                  default: all flows of the store
--
-- Days and hosts are those of the view billable, as the bill's, but for what stays within the site; the steps behind,
-- bill-peers, bill-ports and bill-flows, have all flows of the host. `next` is the command of the next step.
-- Days are those of the site's time zone.
--
-- Needs: site
--
-- Sample output (:group students):
-- ┌────────────┬───────┬─────────┬──────────┬─────────┬─────────┬───────────────────────────────────────────────────────────┐
-- │    day     │ flows │  sent   │ received │  bytes  │ percent │                           next                            │
-- ├────────────┼───────┼─────────┼──────────┼─────────┼─────────┼───────────────────────────────────────────────────────────┤
-- │ 2026-11-24 │ 10    │ 1612788 │ 5627743  │ 7240531 │ 100.0   │ flowreport bill-hosts --day 2026-11-24 --group 'students' │
-- └────────────┴───────┴─────────┴──────────┴─────────┴─────────┴───────────────────────────────────────────────────────────┘
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
                    refuse('bill-days: no host of that user and group: see the table hosts')) END
), tz(name) AS MATERIALIZED (SELECT max(value) FROM settings WHERE name = 'timezone'), asked AS MATERIALIZED (
    -- A zone that is hours off needs no finer times than hours, which roll-ups have.
    SELECT CASE WHEN local_time('2026-01-01', name) LIKE '%:00:00.000' THEN 3600 ELSE 900 END AS seconds,
           coalesce(:since, utc_time(:month, name)) AS since,
           coalesce(:until, utc_time(date(:month || '-01', '+1 month'), name)) AS until
    FROM tz
), seen AS MATERIALIZED (
    SELECT date(local_time(b.time, tz.name)) AS day, sum(b.octets_out) AS sent, sum(b.octets_in) AS received,
           sum(b.flows_out + b.flows_in) AS flows
    FROM who, tz, asked, billable AS b
    WHERE b.since = asked.since AND b.until = asked.until AND b.bucket = asked.seconds AND b.store = :store
      AND b.filter = coalesce('(' || :filter || ') and ', '') || coalesce('host in [' || nets || ']', 'any')
      AND b.zone <> 'local' AND (:host IS NULL OR ip_in(b.host, :host)) AND (:user IS NULL OR host_user(b.host, b.time) = :user)
      AND (:group IS NULL OR host_group(b.host, b.time) = :group)
    GROUP BY 1
)
SELECT day, flows, sent, received, sent + received AS bytes,
       round(100.0 * (sent + received) / sum(sent + received) OVER (), 1) AS percent,
       'flowreport bill-hosts --day ' || day || coalesce(' --user ''' || replace(:user, '''', '''\''''') || '''', '') ||
       coalesce(' --group ''' || replace(:group, '''', '''\''''') || '''', '') || coalesce(' --host ''' || :host || '''', '') AS next
FROM seen
ORDER BY day;

WITH tz(name) AS (SELECT max(value) FROM settings WHERE name = 'timezone')
SELECT losses(coalesce(:since, utc_time(:month, name)), coalesce(:until, utc_time(date(:month || '-01', '+1 month'), name)),
              :store) AS losses FROM tz;
